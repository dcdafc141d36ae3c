"""Sectors: the Fock states with given particles of each flavour and a given total momentum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray, read_only
from moire._shown import Shown
from moire._type_rules import Given
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.halves import HalfSizes, Halves, check_words, halves_of
from moire.exact_diagonalization.truncation import Truncation
from moire.grids import MomentumGrid
from moire.kernels import fock
from moire.orbitals import MAX_ORBITALS, ChargeClasses, Numbers, Orbitals
from moire.resources import fits_in_memory, reserve

Sector = tuple[Numbers, int]
"""Particles of each flavour, and the index of the total momentum."""


@checked
def sector_dimensions(
    orbitals: Orbitals, n_particles: int | Sequence[int], truncation: Truncation | None = None
) -> IntArray:
    """Dimension of every total-momentum sector, shape (k,), counted without enumerating states.

    Parameters
    ----------
    orbitals
        The orbitals.
    n_particles
        Particles of each flavour; an integer for the only one.
    truncation
        Which states are kept; all by default.

    Raises
    ------
    InputError
        If a number of particles does not lie in 0..(orbitals of a flavour).
    """
    classes = ChargeClasses(orbitals, orbitals.numbers(n_particles))
    if truncation is None:
        return classes.dimensions()
    halves = halves_of(classes, truncation)
    low, high = (
        np.bincount(found[found >= 0], minlength=classes.size) for found in (halves.low_class, halves.high_class)
    )
    dimensions = []
    for momentum in range(orbitals.grid.n_points):
        complement = classes.complement(momentum)
        fits = complement >= 0
        dimensions.append(int(high[fits] @ low[complement[fits]]))
    return read_only(dimensions, np.int64)


def largest_sectors(orbitals: Orbitals) -> IntArray:
    """Dimension of the largest sector of one flavour for every number of particles up to half of it, (n_particles,)."""
    numbers = range(orbitals.per_flavour // 2 + 1)
    return read_only([int(sector_dimensions(orbitals, number).max()) for number in numbers], np.int64)


def basis_bytes(n_orbitals: int, dimension: int, sizes: HalfSizes | None = None) -> float:
    """Bytes of the states of a sector and of its half tables; `sizes` are those of a truncation."""
    n_low, n_high = sizes or HalfSizes.whole(n_orbitals)
    return 8.0 * dimension + 12.0 * (2.0**n_low + n_high) + (8.0 * n_high if sizes else 0.0)


def tables_that_fit(n_orbitals: int) -> str:
    """The most orbitals whose half tables fit, in words."""
    for fewer in range(n_orbitals - 1, 1, -1):
        if fits_in_memory(basis_bytes(fewer, 0)):
            return f"the half tables of {fewer} orbitals would fit"
    return "more memory alone would fit"


@checked
@dataclass(frozen=True, eq=False)
class MomentumSector(Shown):
    """Basis of all states of some particles of each flavour with total momentum `momentum`.

    Bit i of a state is the occupation of orbital i. States are sorted by
    (high half, low half), and ``rank = high_offset[high] + low_rank[low]``, with the index of the high word among
    those kept.

    Parameters
    ----------
    orbitals
        The orbitals.
    numbers
        Particles of each flavour (of the minority species); an integer for the only one.
    momentum
        Index of the total momentum in the momentum group.
    truncation
        Which states are kept; all by default.

    Raises
    ------
    InputError
        If there are more than 64 orbitals, or a number or the momentum is out of range.
    MemoryRefusedError
        If the states or the half tables do not fit.
    """

    orbitals: Orbitals
    numbers: Annotated[Numbers, Given(int | Sequence[int])]
    momentum: int
    truncation: Truncation | None = None
    n_low: int = field(init=False)
    labels: NDArray[np.uint64] = field(init=False, repr=False)
    low_rank: IntArray = field(init=False, repr=False)
    high_offset: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        orbitals, n_momenta = self.orbitals, self.grid.n_points
        check_words(orbitals, self.truncation)
        object.__setattr__(self, "numbers", orbitals.numbers(self.numbers))
        require(0 <= self.momentum < n_momenta, "momentum", f"be an index in 0..{n_momenta - 1}", self.momentum)
        classes, sizes = self.classes, self._sizes
        expected = int(sector_dimensions(orbitals, self.numbers, self.truncation)[self.momentum])
        needed = basis_bytes(orbitals.size, expected, sizes)
        advice = "" if fits_in_memory(needed) else self._would_fit()
        reserve(f"Basis of {expected} states and half tables of {orbitals.size} orbitals", needed, advice)
        halves = halves_of(classes, self.truncation)
        complement = classes.complement(self.momentum)
        low_rank, high_offset = np.zeros(halves.low_class.size, np.int64), np.zeros(halves.high_class.size, np.int64)
        dimension = fock.rank_tables(halves.low_class, halves.high_class, complement, low_rank, high_offset)
        labels = np.empty(dimension, dtype=np.uint64)
        fock.enumerate_states(halves.low_class, halves.high_class, complement, halves.n_low, labels)
        for array in (labels, low_rank, high_offset):  # not copied: they are large
            array.setflags(write=False)
        object.__setattr__(self, "n_low", halves.n_low)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "low_rank", low_rank)
        object.__setattr__(self, "high_offset", high_offset)

    @property
    def halves(self) -> Halves:
        """Words of the two halves."""
        return halves_of(self.classes, self.truncation)

    @property
    def _high_words(self) -> NDArray[np.uint64] | None:
        """High words that are kept; None without a truncation, where no table is needed to know them."""
        return None if self.truncation is None else self.halves.high_words

    @property
    def states(self) -> NDArray[np.uint64]:
        """Occupation words of its states, (dim,).

        Raises
        ------
        InputError
            If there are more than 64 orbitals.
        """
        words = self._high_words
        if words is None:
            return self.labels
        size = self.orbitals.size
        require(size <= MAX_ORBITALS, "sector", f"have at most {MAX_ORBITALS} orbitals", found=f"has {size}")
        low = self.labels & np.uint64((1 << self.n_low) - 1)
        states: NDArray[np.uint64] = (words[self.labels >> np.uint64(self.n_low)] << np.uint64(self.n_low)) | low
        return states

    def occupations(self, rows: slice) -> NDArray[np.float64]:
        """Occupation of every orbital in some states, (state, orbital), 0 or 1."""
        labels, size = self.labels[rows], self.orbitals.size
        high = labels >> np.uint64(self.n_low)
        words = self._high_words
        if words is not None:
            high = words[high]
        bits = np.arange(self.n_low, dtype=np.uint64), np.arange(size - self.n_low, dtype=np.uint64)
        halves = [(half[:, None] >> bit) & np.uint64(1) for half, bit in zip((labels, high), bits, strict=True)]
        return np.concatenate(halves, axis=1).astype(np.float64)

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.orbitals.grid

    @cached_property
    def classes(self) -> ChargeClasses:
        """Charge classes of parts of its states."""
        return ChargeClasses(self.orbitals, self.numbers)

    @property
    def n_particles(self) -> int:
        """Number of particles of all flavours."""
        return sum(self.numbers)

    def _would_fit(self) -> str:
        """The most particles whose largest sector fits on this cluster, or the most orbitals whose tables fit."""
        orbitals, size = self.orbitals, self.orbitals.size
        if self.truncation is not None:
            for promoted in range(self.truncation.max_promoted - 1, -1, -1):
                fewer = Truncation(promoted)
                largest = int(sector_dimensions(orbitals, self.numbers, fewer).max())
                if fits_in_memory(basis_bytes(size, largest, HalfSizes.of(orbitals, fewer))):
                    return f"at most {promoted} promoted particles would fit"
        elif orbitals.n_flavours == 1:
            dimensions = largest_sectors(orbitals)
            for particles in range(min(self.n_particles, len(dimensions)) - 1, 0, -1):
                if fits_in_memory(basis_bytes(size, int(dimensions[particles]))):
                    return f"{particles} particles on this cluster would fit"
        return tables_that_fit(size)

    @property
    def _sizes(self) -> HalfSizes | None:
        return None if self.truncation is None else HalfSizes.of(self.orbitals, self.truncation)

    @property
    def dimension(self) -> int:
        """Number of states."""
        return len(self.labels)

    @property
    def label(self) -> tuple[int, int]:
        """Label (l1, l2) of the total momentum."""
        first, second = self.grid.labels[self.momentum]
        return int(first), int(second)

    def rank(self, states: NDArray[np.uint64]) -> IntArray:
        """Rows of the given states of this sector, shape of `states`."""
        mask, high = np.uint64((1 << self.n_low) - 1), states >> np.uint64(self.n_low)
        words = self._high_words
        index = high if words is None else np.searchsorted(words, high)
        ranks: IntArray = self.high_offset[index] + self.low_rank[states & mask]
        return ranks
