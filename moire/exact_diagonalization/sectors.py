"""Momentum sectors: the Fock states of N carriers with a given total momentum."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray, read_only
from moire.errors import require
from moire.exact_diagonalization.carriers import MAX_ORBITALS
from moire.grids import MomentumGrid
from moire.kernels import fock
from moire.resources import fits_in_memory, reserve


def sector_dimensions(grid: MomentumGrid, n_particles: int) -> IntArray:
    """Dimension of every total-momentum sector, shape (k,), counted without enumerating states.

    Raises
    ------
    InputError
        If the number of particles does not lie in 0..N_s.
    """
    require(0 <= n_particles <= grid.n_points, "n_particles", f"lie in 0..{grid.n_points}", n_particles)
    return read_only(_count(grid, n_particles)[n_particles])


def largest_sectors(grid: MomentumGrid) -> IntArray:
    """Dimension of the largest sector for every number of particles up to half filling, (n_particles,)."""
    return read_only(_count(grid, grid.n_points // 2).max(axis=1))


def _count(grid: MomentumGrid, n_particles: int) -> IntArray:
    """States of every number of particles up to `n_particles` and total momentum, (n_particles + 1, k)."""
    counts = np.zeros((n_particles + 1, grid.n_points), dtype=np.int64)
    counts[0, 0] = 1
    for orbital in range(grid.n_points):
        moved = np.zeros_like(counts)
        moved[1:, grid.sum_index[:, orbital]] = counts[:-1]
        counts += moved
    return counts


def split(n_orbitals: int) -> int:
    """Orbitals of the low half of a state: two thirds up to 16, so that its tables stay in the cache, then the rest.

    The high half has at most 23 orbitals below 40 orbitals, and no more than the low one from 46 on.
    """
    return max(min(16, 2 * n_orbitals // 3), n_orbitals - max(23, n_orbitals // 2))


def basis_bytes(n_orbitals: int, dimension: int) -> float:
    """Bytes of the states of a sector and of its half tables."""
    n_low = split(n_orbitals)
    return 8.0 * dimension + 12.0 * (2.0**n_low + 2.0 ** (n_orbitals - n_low))


@dataclass(frozen=True, eq=False)
class MomentumSector:
    """Basis of all states of `n_particles` carriers in N_s orbitals with total momentum `momentum`.

    Orbital i is momentum i of the grid; bit i of a state is its occupation. States are sorted by
    (high half, low half), and ``rank = high_offset[high] + low_rank[low]``.

    Parameters
    ----------
    grid
        The cluster.
    n_particles
        Number of carriers enumerated (the minority species).
    momentum
        Index of the total momentum in the untwisted group.

    Raises
    ------
    InputError
        If the cluster has more than 64 orbitals, or the number or momentum is out of range.
    MemoryRefusedError
        If the states or the half tables do not fit.
    """

    grid: MomentumGrid
    n_particles: int
    momentum: int
    n_low: int = field(init=False)
    states: NDArray[np.uint64] = field(init=False, repr=False)
    low_rank: IntArray = field(init=False, repr=False)
    high_offset: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = self.grid.n_points
        require(size <= MAX_ORBITALS, "cluster", f"have at most {MAX_ORBITALS} orbitals", f"{size} ({self.grid.name})")
        require(0 <= self.n_particles <= size, "n_particles", f"lie in 0..{size}", self.n_particles)
        require(0 <= self.momentum < size, "momentum", f"be an index in 0..{size - 1}", self.momentum)
        n_low = split(size)
        expected = int(sector_dimensions(self.grid, self.n_particles)[self.momentum])
        needed = basis_bytes(size, expected)
        advice = "" if fits_in_memory(needed) else self._would_fit()
        reserve(f"Basis of {expected} states and half tables of {size} orbitals", needed, advice)
        low_class = np.empty(1 << n_low, dtype=np.int32)
        high_class = np.empty(1 << (size - n_low), dtype=np.int32)
        sums, differences = self.grid.sum_index, self.grid.difference_index
        fock.classify_half(0, sums, low_class, self.n_particles, size)
        fock.classify_half(n_low, sums, high_class, self.n_particles, size)
        low_rank, high_offset = np.zeros(low_class.size, np.int64), np.zeros(high_class.size, np.int64)
        dimension = fock.rank_tables(
            low_class, high_class, differences, self.n_particles, self.momentum, low_rank, high_offset
        )
        states = np.empty(dimension, dtype=np.uint64)
        fock.enumerate_states(low_class, high_class, differences, self.n_particles, self.momentum, n_low, states)
        for array in (states, low_rank, high_offset):  # not copied: they are large
            array.setflags(write=False)
        object.__setattr__(self, "n_low", n_low)
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "low_rank", low_rank)
        object.__setattr__(self, "high_offset", high_offset)

    def _would_fit(self) -> str:
        """The most particles whose largest sector fits on this cluster, or the most orbitals whose tables fit."""
        size = self.grid.n_points
        dimensions = largest_sectors(self.grid)
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
