"""Values of a plan: a number, a list, or a range; and a filling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from moire.errors import InputError
from moire.filling import FillingLike, carriers_per_cell


def _as_values(value: Any) -> Any:
    """Turn a number, a list or a table {start, stop, step} into a list of numbers."""
    if isinstance(value, int | float):
        return [value]
    if isinstance(value, Mapping) and set(value) == {"start", "stop", "step"} and _is_range(**value):
        count = int(np.floor((value["stop"] - value["start"]) / value["step"] + 1e-9)) + 1
        return [round(value["start"] + i * value["step"], 10) for i in range(count)]
    if isinstance(value, list | tuple):
        return value
    raise ValueError("be a number, a list, or a table with finite start <= stop and step > 0")


def _is_range(start: Any, stop: Any, step: Any) -> bool:
    numbers = all(isinstance(part, int | float) and math.isfinite(part) for part in (start, stop, step))
    return numbers and step > 0 and start <= stop


Values = Annotated[tuple[float, ...], BeforeValidator(_as_values), Field(min_length=1)]


def hole_filling(filling: FillingLike) -> str:
    """Return the filling factor of a filling of holes as text, ``"-2/3"`` for 2/3, -0.6667 or (2, 3).

    One text for equal fillings makes equal requests of them, and shows what a number without sign was taken for.

    Raises
    ------
    InputError
        If it is no number.
    """
    return str(-carriers_per_cell(filling, "hole"))


def _as_hole_filling(value: Any) -> str:
    try:
        return hole_filling(value)
    except InputError:
        raise ValueError("be a number of holes per cell such as '-2/3', -2 or [2, 3]") from None


HoleFilling = Annotated[str, BeforeValidator(_as_hole_filling)]
