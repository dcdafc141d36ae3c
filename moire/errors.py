"""Errors and warnings: every message is one sentence with a name, a rule and a value."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_TEXT = 240


class MoireError(Exception):
    """Base class of the errors of this package."""


class InputError(MoireError, ValueError):
    """An argument breaks a rule; raised before any work starts."""


class MemoryRefusedError(MoireError, MemoryError):
    """A computation would need more memory than there is; the message says what would fit."""


class FileFormatError(MoireError, OSError):
    """A file is missing, damaged or unfinished."""


class SchemaError(FileFormatError):
    """A file or folder was written by another schema."""


class OutputError(MoireError, OSError):
    """A result cannot be written: a full disk, a folder that was removed, missing rights."""


class EnvironmentMismatchError(MoireError, RuntimeError):
    """The launcher or a library on this machine does not support the request."""


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached its tolerance."""


class MeshWarning(UserWarning):
    """A momentum mesh is too coarse for the number computed on it."""


class CutoffWarning(UserWarning):
    """A cutoff is too small for the number computed with it."""


def require(condition: object, name: str, rule: str, value: object = None, *, found: str = "") -> None:
    """Raise :class:`InputError` "`name` must rule, but is value." unless `condition` holds.

    Parameters
    ----------
    condition
        What has to hold.
    name
        The argument, as the caller typed it.
    rule
        What it must do, from a verb on: ``"be positive"``.
    value
        What was given, where "but is value" reads well; numpy numbers and arrays are shown as Python ones.
    found
        The whole clause after "but" where it does not: ``"holds 17"``.
    """
    if not condition:
        raise InputError(broken(name, rule, value, found))


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside this package whose call led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "moire":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def broken(name: str, rule: str, value: object, found: str = "") -> str:
    """Return the sentence of :func:`require`."""
    return f"`{name}` must {rule}, but {found or f'is {shown(value)}'}."


def shown(value: object) -> str:
    """Return a value as text on one line: control characters are escaped, and a long text is cut."""
    try:
        text = on_one_line(str(_plain(value)))
    except ValueError:  # an integer of more digits than Python converts
        return "an integer of thousands of digits"
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT // 2]}... ({len(text)} characters)"


def is_one_line(text: str) -> bool:
    """Whether a terminal prints every character of a text as it is, on one line."""
    return text.isprintable()


def on_one_line(text: str) -> str:
    """Return a text with everything that a terminal would not print as one character escaped."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _plain(value: object) -> object:
    """Return numpy numbers and arrays, in tuples and lists too, as Python prints them best."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value)) if type(value) in (tuple, list) else value
    return value.tolist() if hasattr(value, "tolist") else value


def is_whole(value: float) -> bool:
    """Whether a number is a finite integer, of whatever type."""
    return isinstance(value, int) or float(value).is_integer()


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of `choices`, or all of them."""
    known = sorted(choices)
    close = difflib.get_close_matches(word.lower(), [choice.lower() for choice in known], 1, 0.5)
    if close:
        match = next(choice for choice in known if choice.lower() == close[0])
        return f"; did you mean '{match}'?"
    return f"; known are {', '.join(known)}."


def require_key(key: object, known: Iterable[str], name: str) -> None:
    """Raise :class:`InputError` unless a key is one of those known; the sentence names the nearest."""
    known = list(known)
    if key not in known:
        raise InputError(f"`{name}` must be one of those there, but is {key!r}{nearest(str(key), known)}")


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is a KeyboardInterrupt or was raised because of one, as numba does while it compiles."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, KeyboardInterrupt):
            return True
        link = link.__cause__ or link.__context__
    return False


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise :class:`OutputError`, one sentence with the path, where writing a file fails.

    HDF5 raises RuntimeError where it notices a full disk as it closes a file.
    """
    try:
        yield
    except MoireError:
        raise
    except (OSError, RuntimeError) as error:
        if is_interrupt(error):
            raise
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise OutputError(f"`{path}` must be a file that can be written, but is not: {reason}.") from error
