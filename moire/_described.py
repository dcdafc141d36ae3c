"""Fields of an object with their units, axes and meanings, which are read from the docstring of its class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_UNITS = re.compile(
    r"(?<![\w/])(meV per cell|meV per carrier|meV nm\^2|meV nm|meV|1/nm\^2|1/nm|nm\^2|nm|radians|rad|degrees|deg|"
    r"bytes|seconds|2 pi|\|G_1\|)(?![\w^|])"
)
_BY_ENDING = {"_mev": "meV", "_nm": "nm", "_nm2": "nm^2", "_deg": "degrees", "_rad": "rad", "_s": "s"}
_AXES = re.compile(r"\(([^()]*,[^()]*)\)")
_HEADING = re.compile(r"^(\w+(?:, \w+)*)$")


class Described(NamedTuple):
    """A field: its value and unit, the names of its axes in the docstring, its meaning, and whether ``repr`` has it."""

    name: str
    value: Any
    unit: str
    axes: tuple[str, ...]
    meaning: str
    printed: bool

    @property
    def array(self) -> NDArray[Any] | None:
        """The value as an array of numbers or texts; None if it is none."""
        if isinstance(self.value, np.ndarray):
            return self.value if self.value.dtype.kind in "biufcU" else None
        if isinstance(self.value, list | tuple):
            try:
                array = np.asarray(self.value)
            except ValueError:  # rows of different lengths
                return None
            return array if array.size and array.dtype.kind in "biufcU" else None
        return None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes of the array: those of the docstring where they fit, numbered ones otherwise."""
        array = self.array
        n_axes = 0 if array is None else array.ndim
        given = self.axes if len(self.axes) == n_axes else ("",) * n_axes
        return tuple(
            axis if axis.isidentifier() and given.count(axis) == 1 else f"{self.name}_{number}"
            for number, axis in enumerate(given)
        )

    @property
    def is_scalar(self) -> bool:
        """Whether the value is a number, a truth value or a text."""
        return isinstance(self.value, bool | int | float | complex | str | np.generic)


def described(shown: Any) -> Iterator[Described]:
    """Fields of a dataclass, or public attributes of another object."""
    documents = _documents(type(shown))  # type: ignore[arg-type] # a class, of which mypy doubts the hash
    hidden: set[str] = set()
    if is_dataclass(shown):
        names = [field.name for field in fields(shown)]
        hidden = {field.name for field in fields(shown) if not field.repr}
    else:
        names = [name for name in getattr(type(shown), "model_fields", None) or vars(shown) if not name.startswith("_")]
    for name in names:
        text = documents.get(name, "")
        ending = next((unit for end, unit in _BY_ENDING.items() if name.endswith(end)), "")
        found = _UNITS.search(text)
        axes = _AXES.search(text)
        named = tuple(part.strip() for part in axes[1].split(",") if part.strip()) if axes else ()
        yield Described(
            name, getattr(shown, name, None), ending or (found[0] if found else ""), named, text, name not in hidden
        )


@cache
def _documents(kind: Any) -> dict[str, str]:
    """Texts of the parameters in the docstrings of a class and its bases, by name."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        for names, text in _parameters(inspect.cleandoc(vars(base).get("__doc__") or "")):
            found |= {name: text for name in names if not text.startswith("As in ")}
    return found


def _parameters(text: str) -> Iterator[tuple[list[str], str]]:
    """Names and text of each entry of the section "Parameters"."""
    _, _, section = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n-+\n", section)[0]
    names: list[str] = []
    lines: list[str] = []
    for line in [*section.split("\n"), "end"]:
        if line.startswith(" ") or not line:
            lines.append(line.strip())
            continue
        if names:
            yield names, " ".join(filter(None, lines))
        heading = _HEADING.match(line.partition(" : ")[0])
        names, lines = heading[1].split(", ") if heading else [], []
