"""The product H x row by row from the occupied pairs of each state: the plain kernel, kept to compare with."""

import numpy as np
from numba import njit

from moire.kernels.fock import occupied_orbitals, popcount


@njit(nogil=True)
def apply(
    states,
    diagonal,
    pair_of,
    pair_range,
    pair_mask,
    pair_between,
    block_start,
    blocks,
    n_low,
    low_rank,
    high_offset,
    x,
    y,
):
    """Set y = H x, each row from the occupied pairs of its own state; nothing is stored.

    Parameters
    ----------
    states : uint64 (dim,)
    diagonal : float (dim,)
    pair_of : int (orbital, orbital), index of the pair p1 < p2; pairs of equal momentum are contiguous
    pair_range : int (pair, 2), first and last+1 pair of the same momentum
    pair_mask, pair_between : uint64 (pair,)
    block_start : int (pair,), start of the row of this pair in `blocks`
    blocks : complex, rows of A^Q one after the other
    n_low, low_rank, high_offset : the half tables
    x, y : complex (dim,)
    """
    low_mask = (np.uint64(1) << np.uint64(n_low)) - np.uint64(1)
    for row in range(states.size):
        state = states[row]
        orbitals = np.empty(64, np.int64)
        count = occupied_orbitals(state, orbitals)
        real, imag = diagonal[row] * x[row].real, diagonal[row] * x[row].imag
        for i in range(count):
            for j in range(i + 1, count):
                p = pair_of[orbitals[i], orbitals[j]]
                rest = state ^ pair_mask[p]
                own_sign = popcount(rest & pair_between[p])
                first = pair_range[p, 0]
                for other in range(first, pair_range[p, 1]):
                    if other != p and not (rest & pair_mask[other]):
                        target = rest | pair_mask[other]
                        source = high_offset[target >> np.uint64(n_low)] + low_rank[target & low_mask]
                        value = blocks[block_start[p] + other - first]
                        sign = own_sign + popcount(rest & pair_between[other])
                        factor = 1.0 - 2.0 * np.float64(sign & np.uint64(1))
                        real += factor * (value.real * x[source].real - value.imag * x[source].imag)
                        imag += factor * (value.real * x[source].imag + value.imag * x[source].real)
        y[row] = complex(real, imag)


def product(hamiltonian, x):
    """H x of a SectorHamiltonian for one vector, without its constant."""
    form, sector, y = hamiltonian.pair_hamiltonian, hamiltonian.sector, np.empty_like(x)
    pairs = form.pairs
    apply(
        *(sector.states, hamiltonian.diagonal, pairs.index, pairs.range, pairs.mask, pairs.between),
        *(pairs.block_start, form.blocks, sector.n_low, sector.low_rank, sector.high_offset, x, y),
    )
    return y
