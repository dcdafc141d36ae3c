"""Map states by a permutation of the orbitals with phases."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit
from moire.kernels.fock import popcount


@jit(parallel=True)
def map_states(states, image, factor, n_low, low_rank, high_offset, row, amplitude):
    """Map |s> = c^+_k1 c^+_k2 ... |0>, k1 < k2 < ..., by c^+_k -> factor_k c^+_{image k}.

    Parameters
    ----------
    states : uint64 (dim,)
    image : int (orbital,)
    factor : complex (orbital,)
    n_low, low_rank, high_offset : the half tables of the sector mapped to
    row, amplitude : int and complex (dim,), written: the row that each state is mapped to, and its coefficient
    """
    low_mask = (np.uint64(1) << np.uint64(n_low)) - np.uint64(1)
    for index in prange(states.size):
        mapped = np.uint64(0)
        coefficient = 1.0 + 0.0j
        for orbital in range(image.size):
            if (states[index] >> np.uint64(orbital)) & np.uint64(1):
                target = np.uint64(image[orbital])
                coefficient *= factor[orbital]
                if popcount(mapped >> target) & np.uint64(1):  # the operators that it is sorted past
                    coefficient = -coefficient
                mapped |= np.uint64(1) << target
        row[index] = high_offset[mapped >> np.uint64(n_low)] + low_rank[mapped & low_mask]
        amplitude[index] = coefficient
