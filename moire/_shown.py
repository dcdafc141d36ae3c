"""How results and models show themselves: short text, a table in a notebook, a figure, data frames."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import import_module
from typing import Any

import numpy as np

from moire._described import Described, described
from moire.errors import EnvironmentMismatchError, InputError

_LONGEST, _WIDTH, _MOST_LINES, _MOST_COMPONENTS = 60, 110, 3, 3


class Shown:
    """Base of public results and models, which print themselves in few lines.

    ``repr`` names the fields and abbreviates arrays; ``print`` gives the full text where a class has one; a notebook
    shows a table of the fields with their units.
    """

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            cls.__repr__ = Shown.__repr__  # type: ignore[method-assign] # a dataclass keeps the one that it finds

    def __repr__(self) -> str:
        parts = [f"{part.name}={short(part.value)}" for part in described(self) if part.printed]
        lines = [f"{type(self).__name__}("]
        for number, part in enumerate(parts):
            end = ", " if number < len(parts) - 1 else ")"
            if len(lines[-1]) + len(part) > _WIDTH:
                lines.append("    ")
            if len(lines) > _MOST_LINES:
                lines[-1] = "    ...)"
                break
            lines[-1] += part + end
        return "\n".join(line.rstrip() for line in lines) if parts else f"{lines[0]})"

    def _repr_html_(self) -> str:
        """Table of the fields: value, unit, meaning; and the full text, where a class has one."""
        rows = "".join(
            f"<tr><th>{escape(part.name)}</th><td>{escape(_summary(part))}</td><td>{escape(part.unit)}</td>"
            f"<td>{escape(part.meaning)}</td></tr>"
            for part in described(self)
        )
        head = "<tr><th></th><th>value</th><th>unit</th><th>meaning</th></tr>"
        table = f"<table><caption>{escape(type(self).__name__)}</caption>{head}{rows}</table>"
        has_text = type(self).__str__ is not object.__str__
        return f"<pre>{escape(str(self))}</pre>{table}" if has_text else table

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the figure of this kind of result, and return its Axes.

        Parameters
        ----------
        ax
            Where to draw; a new figure by default.
        options
            Options of its function in :mod:`moire.plot`, such as ``lattice``.

        Raises
        ------
        InputError
            If this kind has no single figure, or an option is missing.
        """
        return import_module("moire.plot").draw(self, ax, **options)  # moire.plot lies above what it draws

    def to_xarray(self) -> Any:
        """Return an ``xarray.Dataset`` of the arrays and numbers, with axes, units and meanings.

        Raises
        ------
        EnvironmentMismatchError
            If xarray is not installed.
        """
        xarray = optional("xarray", "to_xarray")
        sizes: dict[str, int] = {}
        variables, attributes = {}, {}
        for part in described(self):
            array = part.array
            if array is None and part.is_scalar and not isinstance(part.value, str):
                array = np.asarray(part.value)
            if array is None:
                attributes[part.name] = short(part.value)
                continue
            names: list[str] = []
            for axis, size in zip(part.dimensions, array.shape, strict=True):
                fits = sizes.setdefault(axis, size) == size
                names.append(axis if fits and axis != part.name else f"{part.name}_{len(names)}")
                sizes.setdefault(names[-1], size)
            variables[part.name] = (names, array, {"units": part.unit, "long_name": part.meaning})
        return xarray.Dataset(variables, attrs=attributes)

    def to_dataframe(self) -> Any:
        """Return a ``pandas.DataFrame``: an index of the axes of the first array of numbers, and columns that fit it.

        Without arrays it has one row of the numbers, or a row for each part of a result that consists of several.
        ``attrs["units"]`` holds the units by column.

        Raises
        ------
        EnvironmentMismatchError
            If pandas is not installed.
        InputError
            If the parts of the result hold all numbers.
        """
        pandas = optional("pandas", "to_dataframe")
        parts = list(described(self))
        arrays = [part for part in parts if part.array is not None]
        rows = next((part.value for part in parts if _is_row_list(part.value)), None)
        if not arrays and rows is not None:
            frame = pandas.DataFrame([{p.name: p.value for p in described(row) if p.is_scalar} for row in rows])
            units = {part.name: part.unit for part in described(rows[0])}
        elif not arrays:
            frame = pandas.DataFrame([{part.name: part.value for part in parts if part.is_scalar}])
            units = {part.name: part.unit for part in parts}
        else:
            main = next((part for part in arrays if part.array.dtype.kind == "f"), arrays[0])  # type: ignore[union-attr]
            axes, shape = main.dimensions, main.array.shape  # type: ignore[union-attr]
            frame = pandas.DataFrame(index=pandas.MultiIndex.from_product([range(size) for size in shape], names=axes))
            units = {}
            for part in arrays:
                for name, values in _spread(part, axes, shape):
                    frame[name], units[name] = values, part.unit
        if not len(frame.columns):
            parts_of = ", ".join(part.name for part in parts)
            found = f"{type(self).__name__} holds {parts_of}"
            raise InputError(f"`to_dataframe` must be asked of a result with numbers of its own, but {found}.")
        frame.attrs["units"] = {name: units.get(name, "") for name in frame.columns}
        return frame


def _is_row_list(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(part, Shown) for part in value)


def _spread(part: Described, axes: tuple[str, ...], shape: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    """Columns of an array along some axes, by name: one, or one for each component of a short axis without a name."""
    array, own = part.array, part.dimensions
    if array is None:
        return
    if len(own) > 1 and own[-1] not in axes and own[-1].startswith(part.name) and array.shape[-1] <= _MOST_COMPONENTS:
        columns = [(f"{part.name}_{i}", array[..., i]) for i in range(array.shape[-1])]
        own = own[:-1]
    else:
        columns = [(part.name, array)]
    if any(axis not in axes for axis in own):
        return
    for name, values in columns:
        if any(size != shape[axes.index(axis)] for axis, size in zip(own, values.shape, strict=True)):
            return
        ordered = values.transpose(np.argsort([axes.index(axis) for axis in own]))
        sides = [size if axis in own else 1 for axis, size in zip(axes, shape, strict=True)]
        yield name, np.broadcast_to(ordered.reshape(sides), shape).ravel()


def optional(package: str, name: str) -> Any:
    """Import a package of the extra "tables"; `name` is the method that needs it.

    Raises
    ------
    EnvironmentMismatchError
        If it is not installed.
    """
    try:
        return import_module(package)
    except ImportError:
        raise EnvironmentMismatchError(
            f"`{name}` must find the package {package}, but it is not installed: pip install 'moire-mote2[tables]'."
        ) from None


def short(value: Any) -> str:
    """Return a value in at most 60 characters: arrays by their shape, objects by their name."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size <= 6):
        value = value.tolist()
    if isinstance(value, np.ndarray):
        return f"<array {'x'.join(map(str, value.shape))}>"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple | list):
        inner = ", ".join(map(short, value[:7]))
        ends = "()" if isinstance(value, tuple) else "[]"
        comma = "," if len(value) == 1 and ends == "()" else ""
        text = f"{ends[0]}{inner}{comma}{ends[1]}"
        fits = len(value) <= 7 and (len(text) <= _LONGEST or len(value) == 1)
        return text if fits else f"<{len(value)} values>"
    if isinstance(value, Shown):
        text = repr(value)
        name = getattr(value, "name", "")
        if len(text) <= _LONGEST and "\n" not in text:
            return text
        return f"<{type(value).__name__}{f' {name}' if isinstance(name, str) and name else ''}>"
    if isinstance(value, dict):
        return f"<{len(value)} entries>"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _summary(part: Described) -> str:
    """Value of a field in a table: an array by its shape and range."""
    array = part.array
    if array is None or array.size <= 6 or array.dtype.kind not in "iuf" or np.isnan(array).all():
        return short(part.value)
    low, high = np.nanmin(array), np.nanmax(array)
    return f"{' x '.join(map(str, array.shape))}, {low:.6g} to {high:.6g}"
