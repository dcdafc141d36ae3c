"""Options of a task: its annotated fields, from which plans, the command line and their documentation are derived."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

UNITS = ("_mev", "_nm", "_deg", "_r")


@dataclass(frozen=True)
class Option:
    """Meaning of a field, as part of its annotation: ``n_bands: Annotated[int, Option("bands from the gap")] = 3``.

    Parameters
    ----------
    help
        The meaning, as a short noun phrase.
    unit
        Its unit.
    flag
        Name on the command line; by default that of the field without ``n_``, ``with_`` and its unit.
    alone
        Default on the command line, if different from that of a plan.
    at_most
        Largest size of a number, above which nobody asks on purpose; none by default.
    """

    help: str
    unit: str = ""
    flag: str = ""
    alone: Any = None
    at_most: float | None = None

    def __get_pydantic_core_schema__(self, kind: Any, handler: Callable[[Any], Any]) -> Any:
        """Check the values of a field in a plan by the rules of :mod:`moire.tasks.limits`."""
        from moire.tasks.limits import limited  # which reads the options of a table

        return limited(handler(kind), self.at_most)


@dataclass(frozen=True)
class Spelling:
    """Notation of the values of a type in a plan, and as one word on the command line.

    Parameters
    ----------
    words
        The type in words.
    typed
        Placeholder of a value in the help of the command line.
    read
        Converts a text to a value; raises ValueError with a rule, such as ``"read N1xN2"``, if it cannot.
    write
        Converts a value to its text.
    """

    words: str
    typed: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


@dataclass(frozen=True)
class OptionField:
    """A field of a task or table, with the parts of its annotation.

    Parameters
    ----------
    name
        Name of the field, and of the key in a plan.
    kind
        Its type without metadata.
    default
        Its default, or ``dataclasses.MISSING``.
    option
        Its meaning.
    spelling
        Notation of its values; None for numbers, texts and choices.
    """

    name: str
    kind: Any
    default: Any
    option: Option
    spelling: Spelling | None

    @property
    def flag(self) -> str:
        """Name on the command line, without ``--``."""
        bare = self.name.removeprefix("n_").removeprefix("with_")
        for unit in UNITS:
            bare = bare.removesuffix(unit)
        return self.option.flag or bare.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a choice; empty for other types."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def words(self) -> str:
        """Its type in words."""
        return self.spelling.words if self.spelling is not None else type_words(self.kind)

    @property
    def default_text(self) -> str:
        """Its default as written in a plan, in backticks; ``"required"`` if there is none."""
        if self.default is MISSING:
            return "required"
        if self.default is None or is_dataclass(self.default):
            return "`{}`"
        text = json.dumps(self.default)
        return f"`{text.replace('e-0', 'e-')}`"


def type_words(kind: Any) -> str:
    """Name of a type in a plan."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        named = [f'`"{choice}"`' for choice in parts if choice]
        return ", ".join(named[:-1]) + (" or " if named[:-1] else "") + named[-1]
    if origin in (Union, types.UnionType):
        return " or ".join(type_words(part) for part in parts)
    if origin is tuple:
        inner = type_words(parts[0])
        return "list of tables" if inner == "table" else f"list of {inner}"
    return {int: "integer", float: "number", bool: "true or false", str: "text"}.get(kind, "table")


def options_of(table: Any) -> tuple[OptionField, ...]:
    """Return the options of a dataclass or of a pydantic model, those of its bases first.

    Raises
    ------
    TypeError
        If a field has no :class:`Option` in its annotation.
    """
    found = []
    for name, default, kind, metadata in _annotated(table):
        option = next((part for part in metadata if isinstance(part, Option)), None)
        if option is None:
            raise TypeError(f"{table.__name__}.{name} has no Option in its annotation.")
        spelling = next((part for part in metadata if isinstance(part, Spelling)), None)
        found.append(OptionField(name, kind, default, option, spelling))
    return tuple(found)


def _annotated(table: Any) -> Iterator[tuple[str, Any, Any, Sequence[Any]]]:
    """Name, default (``MISSING`` where there is none), type and metadata of every field."""
    if is_dataclass(table):
        hints = get_type_hints(table, include_extras=True)
        for field in fields(table):
            yield field.name, field.default, *taken_apart(hints[field.name])
        return
    for name, field in table.model_fields.items():
        kind, metadata = taken_apart(field.annotation)
        yield name, MISSING if field.is_required() else field.default, kind, (*field.metadata, *metadata)


def taken_apart(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type without its metadata, and the metadata of all its layers; ``X | None`` counts as X."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        kind, more = taken_apart(inner)
        return kind, (*metadata, *more)
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        if len(parts) == 1:
            return taken_apart(parts[0])
    return annotation, ()
