"""Orbitals of a cluster, conserved charges of particles in them, and the species that is diagonalized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, require
from moire.grids import MomentumGrid

MAX_ORBITALS = 64
"""Bits of an occupation word."""

Numbers = tuple[int, ...]
"""Particles of each flavour."""


@checked
@dataclass(frozen=True)
class Orbitals(Shown):
    """One-particle states (flavour, band, k) of a cluster, in the order of the bits of a Fock state.

    Orbital (band * n_flavours + flavour) * N_s + k: the momenta of one band of one flavour are contiguous, and the band
    nearest the gap has the lowest bits.

    Parameters
    ----------
    grid
        The cluster.
    n_flavours, n_bands
        Flavours (valleys), and bands of each.
    """

    grid: MomentumGrid
    n_flavours: int = 1
    n_bands: int = 1

    def __post_init__(self) -> None:
        require(self.n_flavours >= 1, "n_flavours", "be at least 1", self.n_flavours)
        require(self.n_bands >= 1, "n_bands", "be at least 1", self.n_bands)

    @property
    def size(self) -> int:
        """Number of orbitals."""
        return self.n_flavours * self.n_bands * self.grid.n_points

    @property
    def per_flavour(self) -> int:
        """Number of orbitals of one flavour."""
        return self.n_bands * self.grid.n_points

    @cached_property
    def momentum(self) -> IntArray:
        """Index of the momentum of each orbital, (orbital,)."""
        return read_only(np.arange(self.size) % self.grid.n_points, np.int64)

    @cached_property
    def flavour(self) -> IntArray:
        """Flavour of each orbital, (orbital,)."""
        return read_only(np.arange(self.size) // self.grid.n_points % self.n_flavours, np.int64)

    @cached_property
    def band(self) -> IntArray:
        """Band of each orbital, (orbital,)."""
        return read_only(np.arange(self.size) // (self.grid.n_points * self.n_flavours), np.int64)

    def index(self, flavour: int | IntArray, band: int | IntArray, momentum: int | IntArray) -> int | IntArray:
        """Orbital of a flavour, a band and the index of a momentum."""
        return (band * self.n_flavours + flavour) * self.grid.n_points + momentum

    def flat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (flavour, k, band) in the order of the orbitals, (orbital,)."""
        return np.ascontiguousarray(np.transpose(values, (2, 0, 1))).reshape(-1)

    def matrix(self, levels: FloatArray) -> ComplexArray:
        """One-body matrix (flavour, k, band, band) that is diagonal with the given levels (orbital,)."""
        by_band = levels.reshape(self.n_bands, self.n_flavours, self.grid.n_points).transpose(1, 2, 0)
        return by_band.astype(np.complex128)[..., None] * np.eye(self.n_bands)

    def numbers(self, n_particles: int | Sequence[int]) -> Numbers:
        """Particles of each flavour; an integer is the number in a single flavour.

        Raises
        ------
        InputError
            If there is another number of flavours, or a number does not lie in 0..(orbitals of one flavour).
        """
        given = (n_particles,) if isinstance(n_particles, int | np.integer) else tuple(n_particles)
        if len(given) != self.n_flavours:
            raise InputError(
                f"`n_particles` must hold one number for each of {self.n_flavours} flavours, but is {n_particles}."
            )
        fits = all(0 <= number <= self.per_flavour for number in given)
        require(fits, "n_particles", f"lie in 0..{self.per_flavour}", n_particles)
        return tuple(int(number) for number in given)

    def same_cluster(self, other: Orbitals) -> bool:
        """Whether both have the same flavours and bands on the same cluster, up to the boundary phase."""
        shape = (self.n_flavours, self.n_bands) == (other.n_flavours, other.n_bands)
        return shape and self.grid.same_cluster(other.grid)

    def __str__(self) -> str:
        if self.n_flavours == self.n_bands == 1:
            return self.grid.name
        bands = f"{self.n_bands} band{'s' if self.n_bands > 1 else ''}"
        flavours = f"{self.n_flavours} flavours x " if self.n_flavours > 1 else ""
        return f"{flavours}{bands} on {self.grid.name}"

    @property
    def full_momentum(self) -> int:
        """Index of the total momentum of all orbitals filled."""
        labels = self.grid.labels.sum(axis=0) * self.n_flavours * self.n_bands
        return self.grid.index_of((labels % np.array(self.grid.moduli)).tolist())


@checked
@dataclass(frozen=True)
class Species(Shown):
    """The particles that are diagonalized: the carriers, or the missing carriers of the full orbitals.

    Parameters
    ----------
    orbitals
        The orbitals.
    missing
        Whether a particle is a missing carrier; its momentum counts minus that of the carrier.
    """

    orbitals: Orbitals
    missing: bool = False

    def numbers(self, carriers: Numbers) -> Numbers:
        """Particles of each flavour from the carriers of each flavour, and vice versa."""
        return tuple(self.orbitals.per_flavour - n for n in carriers) if self.missing else carriers

    def momentum(self, total: int) -> int:
        """Index of the total momentum of the particles from that of the carriers, and vice versa."""
        if not self.missing:
            return total
        return int(self.orbitals.grid.difference_index[self.orbitals.full_momentum, total])

    def __str__(self) -> str:
        return "missing carriers" if self.missing else "carriers"


@checked
@dataclass(frozen=True)
class ChargeClasses(Shown):
    """Conserved charges of at most `numbers` particles: (particles of each flavour, total momentum), numbered.

    Kernels use the numbers of classes and the table `step`; the charges are defined only here.
    Class = (N_1 (n_2 + 1) + N_2) N_s + momentum for two flavours: ascending in N_1, N_2, momentum.

    Parameters
    ----------
    orbitals
        The orbitals.
    numbers
        Most particles of each flavour.
    """

    orbitals: Orbitals
    numbers: Numbers

    @property
    def size(self) -> int:
        """Number of classes."""
        return len(self.counts)

    @cached_property
    def counts(self) -> IntArray:
        """Particles of each flavour, (class, flavour)."""
        ranges = [np.arange(number + 1) for number in self.numbers]
        counts = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, len(self.numbers))
        return read_only(np.repeat(counts, self.orbitals.grid.n_points, axis=0), np.int64)

    @cached_property
    def momentum(self) -> IntArray:
        """Index of the total momentum, (class,)."""
        n_momenta = self.orbitals.grid.n_points
        return read_only(np.tile(np.arange(n_momenta), len(self.counts) // n_momenta), np.int64)

    def index(self, counts: IntArray, momentum: IntArray) -> IntArray:
        """Classes of some charges, counts (..., flavour) and momentum (...); -1 where no class has them."""
        limits: IntArray = np.array(self.numbers, dtype=np.int64)
        inside = np.all((counts >= 0) & (counts <= limits), axis=-1)
        weights = np.concatenate([np.cumprod((limits + 1)[::-1])[::-1][1:], [1]])
        index = (np.where(np.expand_dims(inside, -1), counts, 0) @ weights) * self.orbitals.grid.n_points + momentum
        return np.asarray(np.where(inside, index, -1))

    @cached_property
    def step(self) -> NDArray[np.int32]:
        """Class after one more particle, (class, orbital); -1 beyond the numbers."""
        one = np.eye(self.orbitals.n_flavours, dtype=np.int64)[self.orbitals.flavour]
        moved = self.orbitals.grid.sum_index[self.momentum[:, None], self.orbitals.momentum[None]]
        return read_only(self.index(self.counts[:, None] + one[None], moved), np.int32)

    def complement(self, momentum: int) -> NDArray[np.int32]:
        """Class that completes each class to all the particles at a total momentum, (class,)."""
        rest = self.orbitals.grid.difference_index[momentum, self.momentum]
        return read_only(self.index(np.array(self.numbers) - self.counts, rest), np.int32)

    def dimensions(self) -> IntArray:
        """States of all the particles at each total momentum, (k,), counted without enumerating them."""
        found = np.zeros(self.size, dtype=np.int64)
        found[0] = 1
        for orbital in range(self.orbitals.size):
            target = self.step[:, orbital]
            moved = np.zeros_like(found)
            moved[target[target >= 0]] = found[target >= 0]
            found += moved
        return read_only(found[-self.orbitals.grid.n_points :])
