"""Types of arrays, and read-only arrays for results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from moire.errors import InputError

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


def read_only(values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return `values` as a C-contiguous array that refuses to be written to."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array is values or array.base is not None:
        array = array.copy()
    array.setflags(write=False)
    return array


def check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise :class:`InputError` unless ``array.shape == shape``."""
    if array.shape != shape:
        raise InputError(f"`{name}` must have shape {shape}, but has {array.shape}.")
