"""The two halves of a Fock state: a low word, a high word, and the charges of each.

Without a truncation all words occur, and the index of a high word is the word. With a truncation the low half lies in
the active band, and the high words with few enough promoted particles are listed; states are labelled by the index of
the high word, so that the label of more than 64 orbitals still fits in 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moire._arrays import read_only
from moire.errors import require
from moire.exact_diagonalization.truncation import Truncation
from moire.kernels import fock
from moire.orbitals import MAX_ORBITALS, ChargeClasses, Orbitals
from moire.resources import reserve

_WORD_BYTES = 28.0  # of each high word: itself, a copy while it is made, its class and its offset
ACTIVE_LOW = 16  # largest number of orbitals of the low half under a truncation: its tables stay in the cache


@dataclass(frozen=True, eq=False)
class Halves:
    """Words of the two halves.

    Parameters
    ----------
    n_low
        Orbitals of the low half.
    high_words
        Words of the high half, ascending; None if all occur.
    low_class, high_class
        Class of the charges of every low word and of every high word, -1 if it has too many particles.
    """

    n_low: int
    high_words: NDArray[np.uint64] | None = field(repr=False)
    low_class: NDArray[np.int32] = field(repr=False)
    high_class: NDArray[np.int32] = field(repr=False)


def split(n_orbitals: int) -> int:
    """Orbitals of the low half of a state: two thirds up to 16, so that its tables stay in the cache, then the rest.

    The high half has at most 23 orbitals below 40 orbitals, and at most as many as the low one from 46 on.
    """
    return max(min(16, 2 * n_orbitals // 3), n_orbitals - max(23, n_orbitals // 2))


class HalfSizes(NamedTuple):
    """Orbitals of the low half, and number of words of the high half."""

    n_low: int
    n_high_words: int

    @classmethod
    def whole(cls, n_orbitals: int) -> HalfSizes:
        """Sizes without a truncation."""
        n_low = split(n_orbitals)
        return cls(n_low, 1 << (n_orbitals - n_low))

    @classmethod
    def of(cls, orbitals: Orbitals, truncation: Truncation | None) -> HalfSizes:
        """Sizes for a set of orbitals."""
        if truncation is None:
            return cls.whole(orbitals.size)
        active = orbitals.n_flavours * orbitals.grid.n_points
        n_low = min(active, ACTIVE_LOW)
        return cls(n_low, truncation.n_configurations(orbitals) << (active - n_low))


def check_words(orbitals: Orbitals, truncation: Truncation | None) -> None:
    """Raise InputError if the orbitals do not fit in one word, or in one word per half under a truncation."""
    size = orbitals.size
    found = f"has {size} ({orbitals})"
    if truncation is None:
        advice = " without a truncation" if orbitals.n_bands > 1 else ""
        require(size <= MAX_ORBITALS, "cluster", f"have at most {MAX_ORBITALS} orbitals{advice}", found=found)
    else:
        most = min(orbitals.n_flavours * orbitals.grid.n_points, ACTIVE_LOW) + MAX_ORBITALS
        require(size <= most, "cluster", f"have at most {most} orbitals under a truncation", found=found)


@lru_cache(maxsize=2)
def halves_of(classes: ChargeClasses, truncation: Truncation | None = None) -> Halves:
    """Halves for some orbitals and numbers of particles; the last two results are cached, as all sectors share them."""
    orbitals = classes.orbitals
    check_words(orbitals, truncation)
    n_low = HalfSizes.of(orbitals, truncation).n_low
    low_class = np.empty(1 << n_low, dtype=np.int32)
    fock.classify_half(0, classes.step, low_class)
    if truncation is None:
        high_class = np.empty(1 << (orbitals.size - n_low), dtype=np.int32)
        fock.classify_half(n_low, classes.step, high_class)
        return Halves(n_low, None, read_only(low_class, np.int32), read_only(high_class, np.int32))
    needed = _WORD_BYTES * HalfSizes.of(orbitals, truncation).n_high_words
    reserve(f"High words of {orbitals} with {truncation}", needed, "fewer promoted particles or cells would fit")
    n_rest = orbitals.n_flavours * orbitals.grid.n_points - n_low  # of the active band
    rest = np.arange(1 << n_rest, dtype=np.uint64)
    remote = truncation.configurations(orbitals)
    words = ((remote << np.uint64(n_rest))[:, None] | rest[None]).reshape(-1)
    high_class = np.empty(len(words), dtype=np.int32)
    fock.classify_words(words, n_low, classes.step, high_class)
    return Halves(n_low, read_only(words, np.uint64), read_only(low_class, np.int32), read_only(high_class, np.int32))
