"""The product y = H x through states with one pair removed; only tables of half words are stored.

``H = sum_k e_k n_k + sum_Q sum_ab A^Q_ab P^+_a P_b``. For every state I of N-2 particles the amplitudes
``<I| P_b |x>`` over the free pairs b of momentum Q = K - K_I are gathered, multiplied by A^Q, and scattered to
the states ``P^+_a |I>``. Each I is visited once, at the cost of N(N-1)/2 irregular reads and writes per state.

The intermediate states that share their high half and the class of charges of their low half form a block: its group
of pairs (Q, and the flavours), its pairs free in the high half, and their ranks and signs in the high half are
determined once. The pattern of a pair is its part in the low half (none, one or two of its orbitals); for every tile
(at most `TILE` low halves of one class) and pattern a list contains the low halves where it is free, as
``rank << 7 | sign << 6 | column``, with the column in the tile and the rank and fermion sign of the low half
after the pattern is added; a word has one bit for each of these low halves.
"""

import numpy as np
from numba import prange

from moire.kernels._jit import jit
from moire.kernels.fock import popcount
from moire.kernels.tile_product import LANES, multiply_tile, scratch

TILE = 64
"""Low halves of a tile: a column is six bits of an entry, and one bit of a word."""


@jit(inline=True)
def _decode(entry):
    """Rank and column of an entry of a list, unsigned, so that indices need no check of their sign."""
    return np.uint64(entry >> np.uint32(7)), np.uint64(entry & np.uint32(63))


@jit(parallel=True)
def find_free_columns(low_words, tile_start, pattern_mask, free_columns, counts):
    """Fill free_columns[tile, pattern] with the columns, one bit each, in which a pattern is free, and count them."""
    for tile in prange(tile_start.size - 1):
        for pattern in range(pattern_mask.size):
            columns, count = np.uint64(0), 0
            for i in range(tile_start[tile], tile_start[tile + 1]):
                if (low_words[i] & pattern_mask[pattern]) == 0:
                    columns |= np.uint64(1) << np.uint64(i - tile_start[tile])
                    count += 1
            free_columns[tile, pattern], counts[tile, pattern] = columns, count


@jit(parallel=True)
def fill_lists(low_words, tile_start, pattern_mask, pattern_between, low_rank, free_columns, list_start, entries):
    """Fill the lists of all tiles and patterns.

    Parameters
    ----------
    low_words : uint64, low halves sorted by class
    tile_start : int (tile + 1,), range of each tile in `low_words`
    pattern_mask, pattern_between : uint64 (pattern,), orbitals added, and those counted in their sign
    low_rank : int (2**n_low,), rank of a low half in its class
    free_columns : uint64 (tile, pattern)
    list_start : int (tile, pattern + 1)
    entries : uint32, written
    """
    for tile in prange(tile_start.size - 1):
        for pattern in range(pattern_mask.size):
            entry = list_start[tile, pattern]
            for column in range(tile_start[tile + 1] - tile_start[tile]):
                if (free_columns[tile, pattern] >> np.uint64(column)) & np.uint64(1):
                    word = low_words[tile_start[tile] + column]
                    sign = popcount(word & pattern_between[pattern]) & np.uint64(1)
                    rank = np.uint64(low_rank[word | pattern_mask[pattern]])
                    entries[entry] = np.uint32((rank << np.uint64(7)) | (sign << np.uint64(6)) | np.uint64(column))
                    entry += 1


@jit(inline=True)
def word_of(index, words):
    """High word of an index; the two are equal if all words are kept."""
    return words[index] if words.size > 0 else np.uint64(index)


@jit(inline=True)
def index_of(word, words):
    """Index of a high word among those kept, ascending; the number of these if it is not kept."""
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
    split_start, split_low, split_pairs, class_tile, tile_start, highs, classes, high_words, pair_start, high_mask, work
):  # fmt: skip
    """Fill work[i] with the cost of the blocks of the high half highs[i], roughly in cycles; 0 if it has no block."""
    for i in prange(highs.size):
        cost = 0.0
        for split in range(split_start[classes[i]], split_start[classes[i] + 1]):
            first, last = class_tile[split_low[split]], class_tile[split_low[split] + 1]
            if last > first:
                group = split_pairs[split]
                free = 0
                for pair in range(pair_start[group], pair_start[group + 1]):
                    free += (word_of(highs[i], high_words) & high_mask[pair]) == 0
                tiles, columns = last - first, tile_start[last] - tile_start[first]
                cost += 300.0 + tiles * free * (20.0 + 3.0 * free) + columns * free * (12.0 + 0.4 * free)
        work[i] = cost


@jit(inline=True)
def _gather(n_pairs, patterns, list_start, entries, offsets, signs, x, n_vectors, n_columns, stride, inner):
    """Write <I| P_b |x> of the states I of a tile to inner[b], zero where the pair is not free."""
    many, imag = np.uint64(n_vectors), np.uint64(stride)
    for b in range(n_pairs):
        row, offset, sign = np.uint64(2 * stride * b), offsets[b], signs[b]
        first, last = list_start[patterns[b]], list_start[patterns[b] + 1]
        if first == last:
            continue
        for j in range(n_columns):
            inner[row + np.uint64(j)] = 0.0
            inner[row + imag + np.uint64(j)] = 0.0
        for k in range(first, last):
            entry = entries[np.uint64(k)]
            rank, column = _decode(entry)
            factor = -sign if entry & np.uint32(64) else sign
            source, place = offset + rank, row + column * many
            for v in range(many):
                inner[place + v] = factor * x[source, np.uint64(2) * v]
                inner[place + imag + v] = factor * x[source, np.uint64(2) * v + np.uint64(1)]


@jit(inline=True, fused=True)
def _scatter(n_pairs, patterns, list_start, entries, offsets, signs, shift, n_vectors, stride, outer, out):
    """Add outer[a] to the states P^+_a |I> of the states I of a tile."""
    many, imag = np.uint64(n_vectors), np.uint64(stride)
    for a in range(n_pairs):
        row, offset, sign = np.uint64(2 * stride * a), offsets[a] + shift, signs[a]
        for k in range(list_start[patterns[a]], list_start[patterns[a] + 1]):
            entry = entries[np.uint64(k)]
            rank, column = _decode(entry)
            factor = -sign if entry & np.uint32(64) else sign
            target, place = offset + rank, row + column * many
            for v in range(many):
                out[target, np.uint64(2) * v] += factor * outer[place + v]
                out[target, np.uint64(2) * v + np.uint64(1)] += factor * outer[place + imag + v]


@jit(inline=True)
def _free_pairs(
    word, first, last, pair_pattern, high_mask, high_between, high_words, high_offset, block_start, row_size,
    rows, row_at, patterns, offsets, signs,
):  # fmt: skip
    """List the pairs of a group that can be added to a high half, with their signs and offsets; return their number."""
    n_pairs = 0
    for pair in range(first, last):
        if word & high_mask[pair]:
            continue
        index = index_of(word | high_mask[pair], high_words)
        if index == high_offset.size:  # with the pair, too many particles are promoted
            continue
        rows[n_pairs], row_at[n_pairs] = pair - first, block_start + row_size * (pair - first)
        patterns[n_pairs], offsets[n_pairs] = pair_pattern[pair], high_offset[index]
        signs[n_pairs] = 1.0 - 2.0 * np.float64(popcount(word & high_between[pair]) & np.uint64(1))
        n_pairs += 1
    return n_pairs


@jit(inline=True, fused=True)
def _multiply_part(
    split_start, split_low, split_pairs, class_tile, tile_start, free_columns, list_start, entries, highs, classes,
    high_words, high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, blocks,
    first, last, shift, x, out,
):  # fmt: skip
    n_vectors, widest = x.shape[1] // 2, 0
    for group in range(pair_start.size - 1):
        widest = max(widest, pair_start[group + 1] - pair_start[group])
    widest = (widest + LANES - 1) & ~(LANES - 1)
    inner, outer, inner_at, stride, kept, across = scratch(widest, TILE * n_vectors)
    rows, row_at, free = np.zeros(widest, np.int64), np.zeros(widest, np.int64), np.zeros(widest, np.uint64)
    offsets, signs, patterns = np.zeros(widest, np.uint64), np.zeros(widest), np.zeros(widest, np.int64)
    for i in range(first, last):
        word = word_of(highs[i], high_words)
        for split in range(split_start[classes[i]], split_start[classes[i] + 1]):
            first_tile, last_tile = class_tile[split_low[split]], class_tile[split_low[split] + 1]
            if last_tile == first_tile:
                continue
            group = split_pairs[split]
            first_pair, last_pair = pair_start[group], pair_start[group + 1]
            width = (last_pair - first_pair + LANES - 1) & ~(LANES - 1)
            n_pairs = _free_pairs(
                word, first_pair, last_pair, pair_pattern, high_mask, high_between, high_words, high_offset,
                block_start[group], 2 * width, rows, row_at, patterns, offsets, signs,
            )  # fmt: skip
            for tile in range(first_tile, last_tile):
                n_columns = n_vectors * (tile_start[tile + 1] - tile_start[tile])
                for b in range(n_pairs):
                    free[b] = free_columns[tile, patterns[b]]
                lists = list_start[tile]
                filled = (n_columns + LANES // 2 - 1) & ~(LANES // 2 - 1)
                if n_vectors == 1:  # a loop over a single vector takes as long as the rest
                    _gather(n_pairs, patterns, lists, entries, offsets, signs, x, 1, filled, stride, inner)
                else:
                    _gather(n_pairs, patterns, lists, entries, offsets, signs, x, n_vectors, filled, stride, inner)
                multiply_tile(
                    n_pairs, n_columns, n_vectors, width, blocks, rows, row_at, inner_at, free, stride, inner, outer,
                    kept, across,
                )  # fmt: skip
                if n_vectors == 1:
                    _scatter(n_pairs, patterns, lists, entries, offsets, signs, shift, 1, stride, outer, out)
                else:
                    _scatter(n_pairs, patterns, lists, entries, offsets, signs, shift, n_vectors, stride, outer, out)


@jit(parallel=True, fused=True)
def pair_product(
    split_start, split_low, split_pairs, class_tile, tile_start, free_columns, list_start, entries, highs, classes,
    high_words, high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, blocks,
    part_start, part_row, part_end, x, out,
):  # fmt: skip
    """Add up sum_ab A_ab P^+_a P_b x, each part of the high halves in a separate accumulator.

    Parameters
    ----------
    split_start : int (class + 1,), range of each class of high halves in the two lists that follow
    split_low, split_pairs : int, class of a low half and group of pairs that complete the charges of the sector
    class_tile : int (class + 1,), tiles of each class of low halves
    tile_start, free_columns, list_start, entries : the lists of :func:`fill_lists`
    highs, classes : uint32 and int32, indices of the high words that have blocks, ascending, and the class of each
    high_words : uint64 (high word,), those kept, ascending; empty if all are kept
    high_offset : uint64 (high word,)
    pair_start : int (group + 1,), pairs of each group
    pair_pattern : int (pair,), pattern of the pair in the low half
    high_mask, high_between : uint64 (pair,), orbitals of the pair in the high half, and those counted in its sign there
    block_start : int (group,), start of A^Q in `blocks`
    blocks : float, rows of A^Q one after the other, all real parts of a row and then all imaginary parts, both padded
        to a multiple of `LANES`
    part_start : int (part + 1,), range of each part in `highs`
    part_row : int (part,), row of the sector at which the accumulator of a part begins
    part_end : int (part + 1,), rows of `out` of each part
    x : float (dim, 2 vectors), real and imaginary parts
    out : float64 (rows of all accumulators, 2 vectors)
    """
    n_parts = part_start.size - 1
    for index in prange(n_parts):
        part = index // 2 if index % 2 == 0 else n_parts - 1 - index // 2  # first and last alternate: they differ most
        for row in range(part_end[part], part_end[part + 1]):
            for v in range(x.shape[1]):
                out[row, v] = 0.0
        shift = np.uint64(part_end[part] - part_row[part])  # wraps around when negative, and back when added
        _multiply_part(
            split_start, split_low, split_pairs, class_tile, tile_start, free_columns, list_start, entries, highs,
            classes, high_words, high_offset, pair_start, pair_pattern, high_mask, high_between, block_start, blocks,
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
