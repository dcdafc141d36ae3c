"""Fock states cut into two groups of particles: words and fermion signs of their union."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit


@jit(inline=True)
def parity(word):
    """Return the number of set bits of a 64-bit word, modulo two."""
    for shift in (32, 16, 8, 4, 2, 1):
        word ^= word >> np.uint64(shift)
    return word & np.uint64(1)


@jit(parallel=True)
def join(first, second, filler, words, signs):
    """Union of every state of part A with every state of part B.

    With orbitals in ascending order, c^+_a c^+_b |0> = sign |a or b>; the sign counts the orbitals of b below
    each orbital of a. Their parity is that of b on the exclusive or of these ranges, one word for each a.

    Parameters
    ----------
    first, second : uint64 (a,) and (b,), occupation words
    filler : word written where a and b share an orbital
    words : uint64 (a, b), written
    signs : float64 (a, b), written: +1, -1, or 0 where they share an orbital
    """
    for i in prange(first.size):
        below = np.uint64(0)
        rest = first[i]
        while rest:
            lowest = rest & (~rest + np.uint64(1))
            below ^= lowest - np.uint64(1)
            rest ^= lowest
        for j in range(second.size):
            if first[i] & second[j]:
                words[i, j] = filler
                signs[i, j] = 0.0
            else:
                words[i, j] = first[i] | second[j]
                signs[i, j] = -1.0 if parity(second[j] & below) else 1.0
