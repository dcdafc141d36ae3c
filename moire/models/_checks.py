"""Validation shared by the model dataclasses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from moire.errors import is_whole, require

_LARGEST = 1e30  # squares and fourth powers stay within all numbers


def check_scalars(model: Any, positive: Sequence[str] = ()) -> None:
    """Raise InputError unless every field of a model is a finite number, and the named ones are positive."""
    for entry in fields(model):
        value = getattr(model, entry.name)
        is_number = isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value)
        require(is_number, entry.name, "be a finite number", value)
        require(abs(value) <= _LARGEST, entry.name, f"be at most {_LARGEST:g} in size", value)
        if entry.name in positive:
            require(value > 0, entry.name, "be positive", value)


def check_valley(valley: int) -> None:
    """Raise InputError unless the valley is +1 or -1."""
    require(valley in (+1, -1), "valley", "be +1 (K) or -1 (K')", valley)


def check_layers(n_layers: int, minimum: int) -> None:
    """Raise InputError unless `n_layers` is an integer of at least `minimum`."""
    require(
        is_whole(n_layers) and n_layers >= minimum,
        "n_layers",
        f"be an integer of at least {minimum}",
        n_layers,
    )
