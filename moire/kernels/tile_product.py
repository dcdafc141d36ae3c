"""The product of a dense block A with the columns of one tile, for the pairs that are free in them.

A pair that is not free in any low half of a few columns is skipped there. Where a tile has enough columns for a
register, its lanes run along columns; for the last few columns they run along the rows of A.
"""

import numpy as np

from moire.kernels._jit import jit
from moire.kernels.register_tile import by_fours

LANES = 16
"""Columns of the widest register tile; rows of A are padded to a multiple of this number."""

_wide, _narrow, _across = by_fours(LANES), by_fours(LANES // 2), by_fours(LANES, conjugate=True)


@jit()
def scratch(widest, n_columns):
    """Work arrays of :func:`multiply_tile`, for at most `widest` pairs and `n_columns` columns."""
    stride = n_columns + LANES // 2  # not a power of two, so that rows do not compete for cache lines
    size = np.int64(2 * widest * stride)
    kept = (np.zeros(widest, np.int64), np.zeros(widest, np.int64), np.zeros(widest, np.int64))
    across = (np.zeros(LANES * widest), 2 * widest * np.arange(LANES // 2), np.arange(n_columns))
    return np.zeros(size), np.zeros(size), 2 * stride * np.arange(widest), stride, kept, across


@jit(inline=True)
def _keep(n_pairs, first, last, rows, row_at, inner_at, free, kept):
    """Keep the pairs that are free in one of the low halves from `first` to `last`; return their number."""
    kept_rows, kept_row_at, kept_at = kept
    every = ~np.uint64(0)
    here = (every << np.uint64(first)) & (every >> np.uint64(63 - last))
    n = 0
    for b in range(n_pairs):
        kept_rows[n], kept_row_at[n], kept_at[n] = rows[b], row_at[b], inner_at[b]
        n += (free[b] & here) != 0
    return n


@jit(inline=True)
def multiply_tile(
    n_pairs, n_columns, n_vectors, width, blocks, rows, row_at, inner_at, free, stride, inner, outer, kept, across
):  # fmt: skip
    """Set outer = A inner, a few columns at a time, for the pairs that are free in one of these.

    Parameters
    ----------
    n_pairs, n_columns, n_vectors : int, pairs b; columns, those of one low half and all vectors next to each other
    width, blocks : int, stored length of a row of A; rows of A, real parts and then imaginary parts
    rows, row_at : int (pair,), row of each pair in A, and its position in `blocks`
    free : uint64 (pair,), low halves, one bit each, in which a pair is free
    inner, outer, inner_at, stride : values of pair b begin at inner_at[b], their imaginary parts `stride` later;
        columns of `inner` are padded with zeros to a multiple of half the lanes
    kept, across : of :func:`scratch`
    """
    kept_rows, kept_row_at, kept_at = kept
    turned, turned_at, count = across
    start = column = np.int64(0)  # not of literal type, for which callees would be compiled again
    while column < n_columns:
        left = n_columns - column
        size = LANES if left >= LANES else min(LANES // 2, left)
        n = _keep(n_pairs, column // n_vectors, (column + size - 1) // n_vectors, rows, row_at, inner_at, free, kept)
        if size == LANES:
            _wide(
                start, n, n, blocks, width, kept_row_at, kept_rows, inner, stride, kept_at, column,
                outer, stride, kept_at, column,
            )  # fmt: skip
        elif size * width >= LANES // 2 * n:
            _narrow(
                start, n, n, blocks, width, kept_row_at, kept_rows, inner, stride, kept_at, column,
                outer, stride, kept_at, column,
            )  # fmt: skip
        else:
            for a in range(0, width, LANES):
                _across(
                    start, size, n, inner, stride, count[column:], kept_at, blocks, width, kept_row_at, a,
                    turned, width, turned_at, a,
                )  # fmt: skip
            for j in range(size):
                for a in range(n):
                    place = kept_at[a] + column + j
                    outer[place] = turned[turned_at[j] + kept_rows[a]]
                    outer[place + stride] = turned[turned_at[j] + width + kept_rows[a]]
        column += size
