"""Change of the bands at one momentum, applied to Fock states with the minors of its matrix."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit
from moire.kernels.cuts import parity


@jit(parallel=True)
def rotate_bands(states, bits, minors, n_low, low_rank, high_offset, x, y):
    """Set y = Gamma(M) x, with c'^+_n = sum_m M_mn c^+_m between the orbitals of one flavour at one momentum.

    With s the other occupied orbitals, A and B subsets of the bands, <s or A| Gamma |s or B> = sign(A, s) sign(B, s)
    det M_AB, where sign(A, s) counts the orbitals of s below each orbital of A. M need not be unitary.

    Parameters
    ----------
    states : uint64 (dim,)
    bits : uint64 (band,), word of the orbital of each band, ascending
    minors : complex (subset, subset), det M_AB of subsets of equal size, bit m of a subset is band m; else zero
    n_low, low_rank, high_offset : the half tables of the sector
    x : complex (vector, dim)
    y : complex (vector, dim), written
    """
    low_mask = (np.uint64(1) << np.uint64(n_low)) - np.uint64(1)
    n_subsets = minors.shape[0]
    every = np.uint64(0)
    for band in range(bits.size):
        every |= bits[band]
    for row in prange(states.size):
        rest = states[row] & ~every
        own, below, size = 0, np.uint64(0), 0
        for band in range(bits.size):
            if states[row] & bits[band]:
                own |= 1 << band
                below ^= bits[band] - np.uint64(1)
                size += 1
        own_sign = parity(rest & below)
        for vector in range(x.shape[0]):
            y[vector, row] = 0.0
        for subset in range(n_subsets):
            word, under, count = rest, np.uint64(0), 0
            for band in range(bits.size):
                if (subset >> band) & 1:
                    word |= bits[band]
                    under ^= bits[band] - np.uint64(1)
                    count += 1
            if count != size:
                continue
            factor = minors[own, subset]
            if parity(rest & under) != own_sign:
                factor = -factor
            source = high_offset[word >> np.uint64(n_low)] + low_rank[word & low_mask]
            for vector in range(x.shape[0]):
                y[vector, row] += factor * x[vector, source]
