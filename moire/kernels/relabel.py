"""Fock states under a shift of all momentum labels, and products over their occupied or empty orbitals."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def relabel(states, target, words, signs):
    """Move every particle from orbital k to target[k]; the sign is that of sorting the moved creation operators.

    Parameters
    ----------
    states : uint64 (dim,)
    target : int (orbital,), a permutation
    words : uint64 (dim,), written
    signs : float (dim,), written
    """
    n_orbitals = target.size
    for row in prange(states.size):
        state = states[row]
        word = np.uint64(0)
        inversions = 0
        for k in range(n_orbitals):
            if (state >> np.uint64(k)) & np.uint64(1):
                above = word >> np.uint64(target[k])
                while above:
                    inversions += 1
                    above &= above - np.uint64(1)
                word |= np.uint64(1) << np.uint64(target[k])
        words[row] = word
        signs[row] = 1.0 - 2.0 * (inversions & 1)


@jit(parallel=True)
def occupied_products(states, factors, bit, out):
    """Fill out[row] with the product of factors[k] over the orbitals k whose occupation is `bit`.

    Parameters
    ----------
    states : uint64 (dim,)
    factors : complex (orbital,)
    bit : 1 for the occupied orbitals, 0 for the empty ones
    out : complex (dim,), written
    """
    for row in prange(states.size):
        product = 1.0 + 0.0j
        for k in range(factors.size):
            if (states[row] >> np.uint64(k)) & np.uint64(1) == np.uint64(bit):
                product *= factors[k]
        out[row] = product
