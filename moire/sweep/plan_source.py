"""Plan files: text, base plans that they extend, and the file and line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any

from moire.errors import InputError, is_one_line, require
from moire.sweep.toml_lines import Place, toml_lines

_LARGEST_FILE = 2**20
_MOST_BASES = 20
_MERGED = frozenset({"model", "parameter_set", "bands", "chern", "topology", "interaction", "refine"})
"""Tables of a base plan that a plan changes key by key; everything else it replaces."""


@dataclass(frozen=True)
class PlanSource:
    """Where the keys of a plan stand.

    Parameters
    ----------
    file
        Name of the file; empty for a plan that is not from a file.
    marks
        File and line by place.
    """

    file: str = ""
    marks: Mapping[Place, str] = field(default_factory=dict)

    def mark(self, place: Place) -> str:
        """Return ``"plan.toml, line 3: "`` for a place or the nearest table around it; empty without a file."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.marks:
                return f"{self.marks[place[:length]]}: "
        return f"{self.file}: " if self.file else ""


def load_table(path: Path, name: str) -> tuple[dict[str, Any], PlanSource]:
    """Return the table of a TOML file that extends no other, and where its keys stand; `name` is what names it."""
    table, marks = _load(path, name, ())
    return table, PlanSource(str(path), marks)


def load_plan(path: Path) -> tuple[dict[str, Any], PlanSource]:
    """Return the table of a plan file, with those that it extends, and where its keys stand.

    Raises
    ------
    InputError
        If a file is missing, no plain file, too large or not TOML, or base plans form a circle.
    """
    table, marks = _load(path, "plan", ())
    return table, PlanSource(str(path), marks)


def _load(path: Path, name: str, above: tuple[Path, ...]) -> tuple[dict[str, Any], dict[Place, str]]:
    text = _text(path, name)
    try:
        table = tomllib.loads(text)
        marks = {place: f"{path}, line {line}" for place, line in toml_lines(text).items()}
    except tomllib.TOMLDecodeError as error:
        fault = str(error)
    except RecursionError:
        fault = "lists or tables are nested too deeply"
    except ValueError:  # of Python, which has no sentence of its own in the standard library
        line = next((n for n, line in enumerate(text.split("\n"), 1) if re.search(r"\d{4300}", line)), 1)
        fault = f"an integer has thousands of digits (at line {line})"
    else:
        return _extended(path, table, marks, above)
    raise InputError(f"`{name}` must be valid TOML, but {path} is not: {fault}.")


def _extended(
    path: Path, table: dict[str, Any], marks: dict[Place, str], above: tuple[Path, ...]
) -> tuple[dict[str, Any], dict[Place, str]]:
    if "extends" not in table:
        return table, marks
    named = table.pop("extends")
    at = f"{marks.pop(('extends',))}: "
    try:
        return _merged(*_base(named, path, above), table, marks)
    except InputError as error:  # of the key, which has no place yet; what is wrong inside the base plan has its own
        raise InputError(at + str(error) if str(error).startswith("`") else str(error)) from None


def _base(named: Any, path: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], dict[Place, str]]:
    text = isinstance(named, str) and bool(named) and is_one_line(named)
    require(text, "extends", "be the name of a file in quotes", repr(named) if isinstance(named, str) else named)
    files = (*above, path.absolute())
    base = path.parent / named
    circle = any(_same(base, file) for file in files) or len(files) > _MOST_BASES
    require(not circle, "extends", "end at a plan that extends no other", found=f"{base} does not")
    return _load(base, "extends", files)


def _same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:  # it cannot be read, as its reader will say
        return False


def _merged(
    base: dict[str, Any], base_marks: dict[Place, str], own: dict[str, Any], own_marks: dict[Place, str]
) -> tuple[dict[str, Any], dict[Place, str]]:
    marks = dict(base_marks)

    def put(into: dict[str, Any], table: dict[str, Any], at: Place) -> dict[str, Any]:
        found = dict(into)
        for key, value in table.items():
            place = (*at, key)
            old = found.get(key)
            if key in _MERGED and isinstance(old, dict) and isinstance(value, dict):
                found[key] = put(old, value, place)
            else:
                found[key] = value
                for known in [known for known in marks if known[: len(place)] == place]:
                    del marks[known]
        return found

    table = put(base, own, ())
    return table, marks | own_marks


def _text(path: Path, name: str) -> str:
    try:
        if not S_ISREG(path.stat().st_mode):  # a folder, or a device or pipe that never ends
            raise OSError("it is no plain file")  # noqa: TRY301 - the sentence is below
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"`{name}` must be a readable file, but {path} is not: {error}.") from None
    if len(content) > _LARGEST_FILE:
        raise InputError(f"`{name}` must have at most {_LARGEST_FILE} bytes, but {path} has more.")
    return text
