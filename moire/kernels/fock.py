"""Fock states of one sector: enumerate, rank, and store a pair Hamiltonian that conserves its charges.

A state is a 64-bit occupation word split into a low and a high half. States of a sector are ordered by
(high, low), so the rank of a state is a sum of two table entries. The conserved charges of each half are numbered
as classes, see :class:`moire.orbitals.ChargeClasses`. Pairs p = (p1 < p2) are
grouped by their charges; ``between[p]`` masks the orbitals strictly between p1 and p2, whose
occupation decides the fermion sign of P_p = c_p1 c_p2.
"""

import numpy as np
from numba import prange

from moire.kernels._jit import jit


@jit(inline=True)
def popcount(word):
    """Number of set bits of a 64-bit word."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@jit()
def classify_half(first_orbital, step, class_of):
    """Class of the charges of every occupation of a half; -1 where it holds more particles than the sector.

    Parameters
    ----------
    first_orbital : orbital of the lowest bit
    step : int32 (class, orbital), class after one more particle, -1 for none
    class_of : int32 (2**bits,), written
    """
    class_of[0] = 0
    top = 0
    for word in range(1, class_of.size):
        if word >> (top + 1):
            top += 1
        lower = class_of[word ^ (1 << top)]
        class_of[word] = step[lower, first_orbital + top] if lower >= 0 else -1


@jit(parallel=True)
def classify_words(words, first_orbital, step, class_of):
    """The same for some words of a half, class_of int32 (word,)."""
    for i in prange(words.size):
        word, found, orbital = words[i], 0, first_orbital
        while word > 0 and found >= 0:
            if word & np.uint64(1):
                found = step[found, orbital]
            word >>= np.uint64(1)
            orbital += 1
        class_of[i] = found


@jit()
def rank_tables(low_class, high_class, complement, low_rank, high_offset):
    """Fill the two half tables with rank(state) = high_offset[high] + low_rank[low]; return the dimension.

    ``complement`` (class,) holds the class of the low half for that of the high half, -1 for none.
    """
    members = np.zeros(complement.size, np.int64)
    for word in range(low_class.size):
        if low_class[word] >= 0:
            low_rank[word] = members[low_class[word]]
            members[low_class[word]] += 1
    total = 0
    for word in range(high_class.size):
        high_offset[word] = total
        if high_class[word] >= 0:
            wanted = complement[high_class[word]]
            if wanted >= 0:
                total += members[wanted]
    return total


@jit()
def enumerate_states(low_class, high_class, complement, n_low, states):
    """Fill `states` in rank order from the classes of the two halves."""
    n_classes = complement.size
    start = np.zeros(n_classes + 1, np.int64)
    for word in range(low_class.size):
        if low_class[word] >= 0:
            start[low_class[word] + 1] += 1
    for c in range(n_classes):
        start[c + 1] += start[c]
    by_class = np.empty(start[n_classes], np.int64)
    fill = start[:-1].copy()
    for word in range(low_class.size):
        if low_class[word] >= 0:
            by_class[fill[low_class[word]]] = word
            fill[low_class[word]] += 1
    row = 0
    for word in range(high_class.size):
        if high_class[word] >= 0:
            wanted = complement[high_class[word]]
            if wanted >= 0:
                for i in range(start[wanted], start[wanted + 1]):
                    states[row] = (np.uint64(word) << np.uint64(n_low)) | np.uint64(by_class[i])
                    row += 1
    return row


@jit(inline=True)
def occupied_orbitals(state, orbitals):
    """Write the positions of the set bits in ascending order; return how many there are."""
    count = 0
    position = 0
    while state:
        if state & np.uint64(1):
            orbitals[count] = position
            count += 1
        state >>= np.uint64(1)
        position += 1
    return count


@jit(parallel=True)
def diagonal(states, one_body, pair_of, pair_diagonal, out):
    """Fill out[row] = sum_k e_k + sum_{k<k'} A_pp over the occupied orbitals and pairs."""
    for row in prange(states.size):
        orbitals = np.empty(64, np.int64)
        count = occupied_orbitals(states[row], orbitals)
        total = 0.0
        for i in range(count):
            total += one_body[orbitals[i]]
            for j in range(i + 1, count):
                total += pair_diagonal[pair_of[orbitals[i], orbitals[j]]]
        out[row] = total


@jit(parallel=True)
def count_row_entries(states, pair_of, pair_range, pair_mask, out):
    """Fill out[row] with the number of stored entries of a row, the diagonal included."""
    for row in prange(states.size):
        orbitals = np.empty(64, np.int64)
        count = occupied_orbitals(states[row], orbitals)
        entries = 1
        for i in range(count):
            for j in range(i + 1, count):
                p = pair_of[orbitals[i], orbitals[j]]
                rest = states[row] ^ pair_mask[p]
                for other in range(pair_range[p, 0], pair_range[p, 1]):
                    if other != p and not (rest & pair_mask[other]):
                        entries += 1
        out[row] = entries


@jit(parallel=True)
def fill_rows(
    states, diagonal, pair_of, pair_range, pair_mask, pair_between, block_start, blocks, n_low, low_rank, high_offset,
    row_start, columns, values,
):  # fmt: skip
    """Fill the CSR arrays of H: remove every occupied pair of a state and insert each free pair of the same charges.

    Parameters
    ----------
    states : uint64 (dim,)
    diagonal : float (dim,)
    pair_of : int (orbital, orbital), index of the pair p1 < p2; pairs of equal charges are contiguous
    pair_range : int (pair, 2), first and last+1 pair of the same charges
    pair_mask, pair_between : uint64 (pair,)
    block_start : int (pair,), start of the row of this pair in `blocks`
    blocks : complex, rows of A^Q one after the other
    n_low, low_rank, high_offset : the half tables
    row_start, columns, values : the CSR arrays; the last two are written
    """
    low_mask = (np.uint64(1) << np.uint64(n_low)) - np.uint64(1)
    for row in prange(states.size):
        state = states[row]
        orbitals = np.empty(64, np.int64)
        count = occupied_orbitals(state, orbitals)
        entry = row_start[row]
        columns[entry] = row
        values[entry] = diagonal[row]
        entry += 1
        for i in range(count):
            for j in range(i + 1, count):
                p = pair_of[orbitals[i], orbitals[j]]
                rest = state ^ pair_mask[p]
                own_sign = popcount(rest & pair_between[p])
                first = pair_range[p, 0]
                for other in range(first, pair_range[p, 1]):
                    if other != p and not (rest & pair_mask[other]):
                        target = rest | pair_mask[other]
                        columns[entry] = high_offset[target >> np.uint64(n_low)] + low_rank[target & low_mask]
                        sign = own_sign + popcount(rest & pair_between[other])
                        factor = 1.0 - 2.0 * np.float64(sign & np.uint64(1))
                        values[entry] = factor * blocks[block_start[p] + other - first]
                        entry += 1


@jit(parallel=True)
def csr_product(row_start, columns, values, x, y):
    """Set y = H x for stored rows, each owned by one thread; x and y are (dim, vectors)."""
    for row in prange(row_start.size - 1):
        for v in range(x.shape[1]):
            total = 0.0j
            for entry in range(row_start[row], row_start[row + 1]):
                total += values[entry] * x[columns[entry], v]
            y[row, v] = total
