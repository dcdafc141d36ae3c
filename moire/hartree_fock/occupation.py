"""Occupation of the eigenstates of a Fock matrix: aufbau, or Fermi-Dirac at a temperature."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, expit

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.linalg.hermitian import all_eigenpairs, solve_many


@checked
@dataclass(frozen=True, eq=False)
class Occupation(Shown):
    """Eigenstates of a Fock matrix with their occupations.

    Parameters
    ----------
    energies
        Ascending at each momentum, (k, state), meV.
    orbitals
        Columns are eigenvectors, (k, orbital, state).
    weights
        Between 0 and 1, (k, state).
    """

    energies: FloatArray = field(repr=False)
    orbitals: ComplexArray = field(repr=False)
    weights: FloatArray = field(repr=False)

    @property
    def density_matrix(self) -> ComplexArray:
        """P(k) = sum_n w_n |n><n|, (k, orbital, orbital)."""
        used = np.flatnonzero(self.weights.any(axis=0))
        orbitals, weights = self.orbitals[:, :, used], self.weights[:, None, used]
        return np.ascontiguousarray((orbitals * weights) @ orbitals.conj().swapaxes(1, 2))

    def commutator(self, fock: ComplexArray) -> ComplexArray:
        """[F, P] at each momentum, from the occupied orbitals alone."""
        used = np.flatnonzero(self.weights.any(axis=0))
        orbitals = np.ascontiguousarray(self.orbitals[:, :, used])
        images, weighted = fock @ orbitals, orbitals * self.weights[:, None, used]
        left = np.concatenate([images, weighted], axis=2)
        right = np.concatenate([weighted, -images], axis=2)
        return np.asarray(left @ right.conj().swapaxes(1, 2))

    @property
    def gap(self) -> float:
        """Lowest empty minus highest filled energy in meV; negative when the order is not aufbau."""
        filled = self.weights > 0.5
        if filled.all() or not filled.any():
            return float("nan")
        return float(self.energies[~filled].min() - self.energies[filled].max())

    @property
    def entropy(self) -> float:
        """Entropy of the cluster, a pure number."""
        return float(np.sum(entr(self.weights) + entr(1 - self.weights)))


@dataclass(frozen=True)
class Aufbau:
    """The rule that fills the states of a Fock matrix: the lowest ones, or Fermi-Dirac at a temperature.

    Parameters
    ----------
    n_particles, temperature_mev, n_sectors
        As in :func:`occupy`.
    """

    n_particles: int
    temperature_mev: float = 0.0
    n_sectors: int = 1

    def __call__(self, fock: ComplexArray) -> Occupation:
        """Fill the eigenstates of a Fock matrix in meV, (k, orbital, orbital)."""
        return occupy(fock, self.n_particles, self.temperature_mev, self.n_sectors)

    def lowest(self, fock: ComplexArray) -> Occupation:
        """The same state from the lowest eigenstates alone, where these are few; orbitals are (k, orbital, state).

        All others are empty: at each momentum the highest state found lies above the Fermi energy, or more are found.
        Two halves that are not coupled, as valleys without order between them, are solved separately.
        """
        n_k, dimension, _ = fock.shape
        n_sectors = self.n_sectors if self.n_sectors > 1 or fock[:, : dimension // 2, dimension // 2 :].any() else 2
        size = dimension // n_sectors
        wanted = 2 * -(-self.n_particles // n_k) + 2
        while self.temperature_mev == 0 and 4 * wanted <= size:
            energies = np.empty((n_k, n_sectors * wanted))
            orbitals = np.zeros((n_k, dimension, n_sectors * wanted), dtype=np.complex128)
            tops = []  # the highest state found at each momentum, in each sector
            for sector in range(n_sectors):
                block, own = slice(sector * size, (sector + 1) * size), slice(sector * wanted, (sector + 1) * wanted)
                inner = fock[:, block, block]
                energies[:, own], rows = solve_many(lambda k, inner=inner: inner[k], n_k, wanted, largest=False)  # type: ignore[misc]
                orbitals[:, block, own] = rows.swapaxes(1, 2)
                tops.append(energies[:, own][:, -1].min())
            if n_sectors > 1:
                energies, orbitals = _sorted(energies, orbitals)
            weights = _weights(energies, self.n_particles, 0.0)
            if min(tops) > energies[weights > 0].max(initial=-np.inf):
                return Occupation(energies, orbitals, weights)
            wanted *= 2
        return self(fock)


@checked
def entropy(density_matrix: ComplexArray) -> float:
    """Entropy of the cluster in the state of independent particles with this density matrix, a pure number."""
    weights = np.clip(np.linalg.eigvalsh(density_matrix), 0.0, 1.0)
    return float(np.sum(entr(weights) + entr(1 - weights)))


@checked
def occupy(fock: ComplexArray, n_particles: int, temperature_mev: float = 0.0, n_sectors: int = 1) -> Occupation:
    """Fill the eigenstates of a Fock matrix.

    Parameters
    ----------
    fock
        (k, orbital, orbital), Hermitian, meV.
    n_particles
        Number of carriers in the cluster.
    temperature_mev
        k_B T in meV; 0 fills the lowest states, ties in the order of (k, state).
    n_sectors
        Number of equal diagonal blocks diagonalised separately (flavours that stay unmixed).

    Raises
    ------
    InputError
        If the states cannot hold the carriers, or the temperature is negative.
    """
    n_k, dimension, _ = fock.shape
    require(0 <= n_particles <= n_k * dimension, "n_particles", f"lie in 0..{n_k * dimension}", n_particles)
    require(0 <= temperature_mev < np.inf, "temperature_mev", "be finite and not negative", temperature_mev)
    size = dimension // n_sectors
    energies = np.empty((n_k, dimension))
    orbitals = np.zeros((n_k, dimension, dimension), dtype=np.complex128)
    for start in range(0, dimension, size):
        block = slice(start, start + size)
        energies[:, block], orbitals[:, block, block] = all_eigenpairs(fock[:, block, block])
    if n_sectors > 1:
        energies, orbitals = _sorted(energies, orbitals)
    return Occupation(energies, orbitals, _weights(energies, n_particles, temperature_mev))


def _sorted(energies: FloatArray, orbitals: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    order = np.argsort(energies, axis=1, kind="stable")
    return np.take_along_axis(energies, order, axis=1), np.take_along_axis(orbitals, order[:, None, :], axis=2)


def _weights(energies: FloatArray, n_particles: int, temperature_mev: float) -> FloatArray:
    if temperature_mev == 0 or n_particles in (0, energies.size):
        weights = np.zeros(energies.size)
        weights[np.argsort(energies, axis=None, kind="stable")[:n_particles]] = 1.0
        return weights.reshape(energies.shape)

    def excess(mu: float) -> float:
        return float(expit((mu - energies) / temperature_mev).sum()) - n_particles

    reach = 50 * temperature_mev
    mu = brentq(excess, energies.min() - reach, energies.max() + reach, xtol=1e-13, rtol=1e-14)
    return np.asarray(expit((mu - energies) / temperature_mev))
