"""Values of a plan: a number, a list, or a range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field


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
