"""Values of a plan: a number, a list, or a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field


def _as_values(value: Any) -> Any:
    """Turn a number, a list or a table {start, stop, step} into a list of numbers."""
    if isinstance(value, Mapping):
        if set(value) != {"start", "stop", "step"} or not value["step"] > 0 or value["stop"] < value["start"]:
            raise ValueError("be a number, a list, or a table with start <= stop and step > 0")
        count = int(np.floor((value["stop"] - value["start"]) / value["step"] + 1e-9)) + 1
        return [round(value["start"] + i * value["step"], 10) for i in range(count)]
    return [value] if isinstance(value, int | float) else value


Values = Annotated[tuple[float, ...], BeforeValidator(_as_values), Field(min_length=1)]
