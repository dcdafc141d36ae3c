"""Rows that ranks exchange: the high words that blocks reach, and runs of rows copied and added."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit
from moire.kernels.pair_product import index_of, word_of


@jit()
def mark_reached(highs, high_words, n_bits, reached):
    """Mark the index of every high word that at most two more particles make of those of some blocks.

    Parameters
    ----------
    highs : uint32 (block,), indices of high words
    high_words : uint64 (high word,), those kept, ascending; empty if all are kept
    n_bits : orbitals of the high half
    reached : uint8 (high word,), 1 written where a word is reached
    """
    one = np.uint64(1)
    for block in range(highs.size):
        word = word_of(highs[block], high_words)
        reached[highs[block]] = 1
        for first in range(n_bits):
            single = word | (one << np.uint64(first))
            if single == word:
                continue
            index = index_of(single, high_words)
            if index < reached.size:
                reached[index] = 1
            for second in range(first):
                double = single | (one << np.uint64(second))
                if double != single:
                    index = index_of(double, high_words)
                    if index < reached.size:
                        reached[index] = 1


@jit(parallel=True)
def copy_runs(first, length, place, source, target):
    """Copy rows first[run], ... of `source` to rows place[run], ... of `target`; arrays (row, real number)."""
    for run in prange(first.size):
        for i in range(length[run]):
            for v in range(source.shape[1]):
                target[place[run] + i, v] = source[first[run] + i, v]


@jit(parallel=True)
def add_runs(first, length, place, source, target):
    """Add rows place[run], ... of `source` to rows first[run], ... of `target`, which no two runs share."""
    for run in prange(first.size):
        for i in range(length[run]):
            for v in range(source.shape[1]):
                target[first[run] + i, v] += source[place[run] + i, v]
