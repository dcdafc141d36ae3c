"""Sectors: the Fock states with given particles of each flavour and a given total momentum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray, read_only
from moire.errors import require
from moire.grids import MomentumGrid
from moire.kernels import fock
from moire.orbitals import MAX_ORBITALS, ChargeClasses, Numbers, Orbitals
from moire.resources import fits_in_memory, reserve


def sector_dimensions(orbitals: Orbitals, n_particles: int | Sequence[int]) -> IntArray:
    """Dimension of every total-momentum sector, shape (k,), counted without enumerating states.

    Parameters
    ----------
    orbitals
        The orbitals.
    n_particles
        Particles of each flavour; an integer for the only one.

    Raises
    ------
    InputError
        If a number of particles does not lie in 0..(orbitals of a flavour).
    """
    return ChargeClasses(orbitals, orbitals.numbers(n_particles)).dimensions()


def largest_sectors(orbitals: Orbitals) -> IntArray:
    """Dimension of the largest sector of one flavour for every number of particles up to half of it, (n_particles,)."""
    numbers = range(orbitals.per_flavour // 2 + 1)
    return read_only([int(sector_dimensions(orbitals, number).max()) for number in numbers], np.int64)


def split(n_orbitals: int) -> int:
    """Orbitals of the low half of a state: two thirds up to 16, whose tables fit in the cache, and more from 40 on.

    The high half has at most 23 orbitals below 40 orbitals, and no more than the low one from 46 on.
    """
    return max(min(16, 2 * n_orbitals // 3), n_orbitals - max(23, n_orbitals // 2))


def basis_bytes(n_orbitals: int, dimension: int) -> float:
    """Bytes of the states of a sector and of its half tables."""
    n_low = split(n_orbitals)
    return 8.0 * dimension + 12.0 * (2.0**n_low + 2.0 ** (n_orbitals - n_low))


@dataclass(frozen=True, eq=False)
class MomentumSector:
    """Basis of all states of some particles of each flavour with total momentum `momentum`.

    Bit i of a state is the occupation of orbital i. States are sorted by
    (high half, low half), and ``rank = high_offset[high] + low_rank[low]``.

    Parameters
    ----------
    orbitals
        The orbitals.
    numbers
        Particles of each flavour (of the minority species); an integer for the only one.
    momentum
        Index of the total momentum in the momentum group.

    Raises
    ------
    InputError
        If there are more than 64 orbitals, or a number or the momentum is out of range.
    MemoryRefusedError
        If the states or the half tables do not fit.
    """

    orbitals: Orbitals
    numbers: Numbers
    momentum: int
    n_low: int = field(init=False)
    states: NDArray[np.uint64] = field(init=False, repr=False)
    low_rank: IntArray = field(init=False, repr=False)
    high_offset: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size, n_momenta = self.orbitals.size, self.grid.n_points
        found = f"has {size} ({self.orbitals})"
        require(size <= MAX_ORBITALS, "cluster", f"have at most {MAX_ORBITALS} orbitals", found=found)
        object.__setattr__(self, "numbers", self.orbitals.numbers(self.numbers))
        require(0 <= self.momentum < n_momenta, "momentum", f"be an index in 0..{n_momenta - 1}", self.momentum)
        n_low = split(size)
        classes = self.classes
        expected = int(classes.dimensions()[self.momentum])
        needed = basis_bytes(size, expected)
        advice = "" if fits_in_memory(needed) else self._would_fit()
        reserve(f"Basis of {expected} states and half tables of {size} orbitals", needed, advice)
        low_class = np.empty(1 << n_low, dtype=np.int32)
        high_class = np.empty(1 << (size - n_low), dtype=np.int32)
        fock.classify_half(0, classes.step, low_class)
        fock.classify_half(n_low, classes.step, high_class)
        complement = classes.complement(self.momentum)
        low_rank, high_offset = np.zeros(low_class.size, np.int64), np.zeros(high_class.size, np.int64)
        dimension = fock.rank_tables(low_class, high_class, complement, low_rank, high_offset)
        states = np.empty(dimension, dtype=np.uint64)
        fock.enumerate_states(low_class, high_class, complement, n_low, states)
        for array in (states, low_rank, high_offset):  # not copied: they are large
            array.setflags(write=False)
        object.__setattr__(self, "n_low", n_low)
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "low_rank", low_rank)
        object.__setattr__(self, "high_offset", high_offset)

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
        size = self.orbitals.size
        dimensions = largest_sectors(self.orbitals)
        for particles in range(min(self.n_particles, len(dimensions)) - 1, 0, -1):
            if fits_in_memory(basis_bytes(size, int(dimensions[particles]))):
                return f"{particles} particles on this cluster would fit"
        for orbitals in range(size - 1, 1, -1):
            if fits_in_memory(basis_bytes(orbitals, 0)):
                return f"the half tables of {orbitals} orbitals would fit"
        return "more memory alone would fit"

    @property
    def dimension(self) -> int:
        """Number of states."""
        return len(self.states)

    @property
    def label(self) -> tuple[int, int]:
        """Label (l1, l2) of the total momentum."""
        first, second = self.grid.labels[self.momentum]
        return int(first), int(second)

    def rank(self, states: NDArray[np.uint64]) -> IntArray:
        """Rows of the given states of this sector, shape of `states`."""
        mask = np.uint64((1 << self.n_low) - 1)
        ranks: IntArray = self.high_offset[states >> np.uint64(self.n_low)] + self.low_rank[states & mask]
        return ranks
