"""The product y = H x through the states with one pair less, nothing stored but tables of half words.

``H = sum_k e_k n_k + sum_Q sum_ab A^Q_ab P^+_a P_b``. For every state I of N-2 particles the amplitudes
``<I| P_b |x>`` over the free pairs b of momentum Q = K - K_I are gathered, multiplied by A^Q, and scattered to
the states ``P^+_a |I>``. Each I is visited once, so that a state costs N(N-1)/2 irregular reads and writes.

The intermediate states that share their high half and the class of charges of their low half form a
block: its group of pairs (Q, and the flavours), its pairs free in the high half, and their ranks and signs of the
high half are found once. A pair
meets a low half in a pattern (no, one or two of its orbitals lie there); for every tile (at most `TILE`
low halves of one class) and pattern a list holds the low halves where it is free, as
``rank << 7 | sign << 6 | column``, with the column in the tile and the rank and fermion sign of the low half
with the pattern put in.
"""

import numpy as np
from numba import prange

from moire.kernels._jit import jit
from moire.kernels.fock import popcount

TILE = 64


@jit(inline=True)
def _entry_sign(entry):
    return 1.0 - 2.0 * np.float64((entry >> np.uint32(6)) & np.uint32(1))


@jit(parallel=True)
def count_list_entries(low_words, tile_start, pattern_mask, counts):
    """Fill counts[tile, pattern] with the number of low halves of a tile in which a pattern is free."""
    for tile in prange(tile_start.size - 1):
        for pattern in range(pattern_mask.size):
            count = 0
            for i in range(tile_start[tile], tile_start[tile + 1]):
                count += (low_words[i] & pattern_mask[pattern]) == 0
            counts[tile, pattern] = count


@jit(parallel=True)
def fill_lists(low_words, tile_start, pattern_mask, pattern_between, low_rank, list_start, entries):
    """Fill the lists of all tiles and patterns.

    Parameters
    ----------
    low_words : uint64, low halves sorted by class
    tile_start : int (tile + 1,), range of each tile in `low_words`
    pattern_mask, pattern_between : uint64 (pattern,), orbitals put in, and those their sign counts
    low_rank : int (2**n_low,), rank of a low half in its class
    list_start : int (tile, pattern + 1)
    entries : uint32, written
    """
    for tile in prange(tile_start.size - 1):
        for pattern in range(pattern_mask.size):
            entry = list_start[tile, pattern]
            for i in range(tile_start[tile], tile_start[tile + 1]):
                if (low_words[i] & pattern_mask[pattern]) == 0:
                    sign = popcount(low_words[i] & pattern_between[pattern]) & np.uint64(1)
                    rank = np.uint64(low_rank[low_words[i] | pattern_mask[pattern]])
                    column = np.uint64(i - tile_start[tile])
                    entries[entry] = np.uint32((rank << np.uint64(7)) | (sign << np.uint64(6)) | column)
                    entry += 1


@jit(inline=True)
def word_of(index, words):
    """High word of an index; where all are there they are equal."""
    return words[index] if words.size > 0 else np.uint64(index)


@jit(inline=True)
def index_of(word, words):
    """Index of a high word among those kept, ascending; their number where it is not kept."""
    if words.size == 0:
        return np.int64(word)
    low, high = 0, words.size
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < word:
            low = middle + 1
        else:
            high = middle
    return low if low < words.size and words[low] == word else words.size


@jit(parallel=True)
def estimate_work(
    split_start, split_low, split_pairs, class_tile, tile_start, high_class, high_words, pair_start, high_mask, work
):  # fmt: skip
    """Fill work[high] with the cost of the blocks of a high half, about in cycles."""
    for high in prange(high_class.size):
        cost = 0.0
        if high_class[high] >= 0:
            for split in range(split_start[high_class[high]], split_start[high_class[high] + 1]):
                first = class_tile[split_low[split]]
                last = class_tile[split_low[split] + 1]
                if last > first:
                    group = split_pairs[split]
                    free = 0
                    for pair in range(pair_start[group], pair_start[group + 1]):
                        free += (word_of(high, high_words) & high_mask[pair]) == 0
                    tiles, columns = last - first, tile_start[last] - tile_start[first]
                    padded = columns + 4 * tiles
                    cost += 200.0 + tiles * free * (60.0 + 5.0 * free) + columns * free * 14.0 + padded * free**2 * 0.6
        work[high] = cost


@jit(inline=True, fused=True)
def _multiply_tile(n_pairs, n_columns, width, start, rows, block_real, block_imag, inner, outer):
    """Set outer = A inner in the rows of `rows`, two rows and two columns of A at a time."""
    for a in range(0, n_pairs, 2):
        above, below = start + rows[a] * width, start + rows[a + 1] * width
        for j in range(n_columns):
            outer[a, 0, j] = 0.0
            outer[a, 1, j] = 0.0
            outer[a + 1, 0, j] = 0.0
            outer[a + 1, 1, j] = 0.0
        for b in range(0, n_pairs, 2):
            left, right = rows[b], rows[b + 1]
            r00, i00 = block_real[above + left], block_imag[above + left]
            r01, i01 = block_real[above + right], block_imag[above + right]
            r10, i10 = block_real[below + left], block_imag[below + left]
            r11, i11 = block_real[below + right], block_imag[below + right]
            for j in range(n_columns):
                x0, z0 = inner[b, 0, j], inner[b, 1, j]
                x1, z1 = inner[b + 1, 0, j], inner[b + 1, 1, j]
                outer[a, 0, j] += r00 * x0 - i00 * z0 + r01 * x1 - i01 * z1
                outer[a, 1, j] += r00 * z0 + i00 * x0 + r01 * z1 + i01 * x1
                outer[a + 1, 0, j] += r10 * x0 - i10 * z0 + r11 * x1 - i11 * z1
                outer[a + 1, 1, j] += r10 * z0 + i10 * x0 + r11 * z1 + i11 * x1


@jit(inline=True, fused=True)
def _gather(first, last, entries, offset, sign, x, n_vectors, row, n_columns, inner):
    for j in range(n_columns):
        inner[row, 0, j] = 0.0
        inner[row, 1, j] = 0.0
    if n_vectors == 1:
        for k in range(first, last):
            entry = entries[k]
            column, source = entry & np.uint32(63), offset + np.uint64(entry >> np.uint32(7))
            factor = sign * _entry_sign(entry)
            inner[row, 0, column] = factor * x[source, 0]
            inner[row, 1, column] = factor * x[source, 1]
    else:
        for k in range(first, last):
            entry = entries[k]
            column, source = np.uint64(entry & np.uint32(63)), offset + np.uint64(entry >> np.uint32(7))
            factor = sign * _entry_sign(entry)
            for v in range(n_vectors):
                inner[row, 0, column * np.uint64(n_vectors) + np.uint64(v)] = factor * x[source, 2 * v]
                inner[row, 1, column * np.uint64(n_vectors) + np.uint64(v)] = factor * x[source, 2 * v + 1]


@jit(inline=True, fused=True)
def _scatter(first, last, entries, offset, sign, outer, n_vectors, row, out):
    if n_vectors == 1:
        for k in range(first, last):
            entry = entries[k]
            column, target = entry & np.uint32(63), offset + np.uint64(entry >> np.uint32(7))
            factor = sign * _entry_sign(entry)
            out[target, 0] += factor * outer[row, 0, column]
            out[target, 1] += factor * outer[row, 1, column]
    else:
        for k in range(first, last):
            entry = entries[k]
            column, target = np.uint64(entry & np.uint32(63)), offset + np.uint64(entry >> np.uint32(7))
            factor = sign * _entry_sign(entry)
            for v in range(n_vectors):
                out[target, 2 * v] += factor * outer[row, 0, column * np.uint64(n_vectors) + np.uint64(v)]
                out[target, 2 * v + 1] += factor * outer[row, 1, column * np.uint64(n_vectors) + np.uint64(v)]


@jit(inline=True, fused=True)
def _multiply_part(
    split_start, split_low, split_pairs, class_tile, tile_start, list_start, entries, high_class, high_words,
    high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, block_real, block_imag,
    first_high, last_high, shift, x, out,
):  # fmt: skip
    n_vectors, widest = x.shape[1] // 2, 0
    for group in range(pair_start.size - 1):
        widest = max(widest, pair_start[group + 1] - pair_start[group])
    inner, outer = np.zeros((widest + 2, 2, TILE * n_vectors)), np.zeros((widest + 2, 2, TILE * n_vectors))
    rows, offsets, signs = np.zeros(widest + 2, np.int64), np.zeros(widest + 2, np.uint64), np.zeros(widest + 2)
    for high in range(first_high, last_high):
        if high_class[high] < 0:
            continue
        word = word_of(high, high_words)
        for split in range(split_start[high_class[high]], split_start[high_class[high] + 1]):
            first_tile, last_tile = class_tile[split_low[split]], class_tile[split_low[split] + 1]
            if last_tile == first_tile:
                continue
            group = split_pairs[split]
            first_pair, last_pair = pair_start[group], pair_start[group + 1]
            n_pairs = 0
            for pair in range(first_pair, last_pair):
                if word & high_mask[pair]:
                    continue
                index = index_of(word | high_mask[pair], high_words)
                if index == high_offset.size:  # with the pair, too many particles are promoted
                    continue
                rows[n_pairs] = pair - first_pair
                offsets[n_pairs] = high_offset[index]
                signs[n_pairs] = 1.0 - 2.0 * np.float64(popcount(word & high_between[pair]) & np.uint64(1))
                n_pairs += 1
            rows[n_pairs] = 0  # an odd last row is multiplied with zeros
            for tile in range(first_tile, last_tile):
                n_columns = (n_vectors * (tile_start[tile + 1] - tile_start[tile]) + 7) & ~7
                for j in range(n_columns):
                    inner[n_pairs, 0, j] = 0.0
                    inner[n_pairs, 1, j] = 0.0
                for b in range(n_pairs):
                    pattern = pair_pattern[first_pair + rows[b]]
                    first, last = list_start[tile, pattern], list_start[tile, pattern + 1]
                    _gather(first, last, entries, offsets[b], signs[b], x, n_vectors, b, n_columns, inner)
                _multiply_tile(
                    n_pairs, n_columns, last_pair - first_pair, block_start[group], rows,
                    block_real, block_imag, inner, outer,
                )  # fmt: skip
                for a in range(n_pairs):
                    pattern = pair_pattern[first_pair + rows[a]]
                    first, last = list_start[tile, pattern], list_start[tile, pattern + 1]
                    _scatter(first, last, entries, offsets[a] + shift, signs[a], outer, n_vectors, a, out)


@jit(parallel=True, fused=True)
def pair_product(
    split_start, split_low, split_pairs, class_tile, tile_start, list_start, entries, high_class, high_words,
    high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, block_real, block_imag,
    part_start, part_row, part_end, x, out,
):  # fmt: skip
    """Add up sum_ab A_ab P^+_a P_b x, each part of the high halves in an accumulator of its own.

    Parameters
    ----------
    split_start : int (class + 1,), range of each class of high halves in the two lists that follow
    split_low, split_pairs : int, class of a low half and group of pairs that fill up the charges of the sector
    class_tile : int (class + 1,), tiles of each class of low halves
    tile_start, list_start, entries : the lists of :func:`fill_lists`
    high_class, high_offset : int32 and uint64 (high word,)
    high_words : uint64 (high word,), those kept, ascending; empty where all are
    pair_start : int (group + 1,), pairs of each group
    pair_pattern : int (pair,), pattern of the pair in the low half
    high_mask, high_between : uint64 (pair,), orbitals of the pair in the high half, and those its sign counts there
    block_start : int (group,), start of A^Q in `block_real`, `block_imag`
    part_start : int (part + 1,), high halves of each part
    part_row : int (part,), row of the sector at which the accumulator of a part begins
    part_end : int (part + 1,), rows of `out` of each part
    x : float (dim, 2 vectors), real and imaginary parts
    out : float64 (rows of all accumulators, 2 vectors)
    """
    n_parts = part_start.size - 1
    for index in prange(n_parts):
        part = index // 2 if index % 2 == 0 else n_parts - 1 - index // 2  # first and last in turn: they differ most
        for row in range(part_end[part], part_end[part + 1]):
            for v in range(x.shape[1]):
                out[row, v] = 0.0
        shift = np.uint64(part_end[part] - part_row[part])  # wraps around when negative, and back when added
        _multiply_part(
            split_start, split_low, split_pairs, class_tile, tile_start, list_start, entries, high_class, high_words,
            high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, block_real, block_imag,
            part_start[part], part_start[part + 1], shift, x, out,
        )  # fmt: skip


@jit(parallel=True, fused=True)
def add_parts(states, n_low, low_energy, high_energy, part_row, part_end, out, x, y):
    """Set y = (e_low + e_high) x + the accumulators of all parts, in their order; arrays as in :func:`pair_product`."""
    low_mask = (np.uint64(1) << np.uint64(n_low)) - np.uint64(1)
    n_parts = part_row.size
    for row in prange(states.size):
        energy = low_energy[states[row] & low_mask] + high_energy[states[row] >> np.uint64(n_low)]
        for v in range(x.shape[1]):
            total = energy * x[row, v]
            for part in range(n_parts):
                if row >= part_row[part]:
                    total += out[part_end[part] + row - part_row[part], v]
            y[row, v] = total
