"""In-gap modes of strips (ribbons and domain walls) at a given energy: momentum, side and direction.

A strip has two sides: the lower and upper edge of a ribbon, or two opposite domain walls. Its Hamiltonian
is a matrix polynomial in one variable that represents the momentum q along it, so that the momenta at
which a mode has a given energy are eigenvalues: no mesh is needed, and no crossing is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eig, eigh

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import InputError, require

LOCALISED = 0.75
"""Weight that a mode must have in the window of its side to count as bound to it."""

NEAR_MISS = 10
"""Imaginary parts of a momentum, in units of the resolution, up to which the count would be a matter of taste."""


class Strip(Protocol):
    """Protocol of a ribbon or a pair of domain walls, as the counting of modes needs it."""

    @property
    def name(self) -> str:
        """Name of the strip, in one line."""
        ...

    @property
    def side_names(self) -> tuple[str, str]:
        """How the two sides are called."""
        ...

    @property
    def windows(self) -> ComplexArray:
        """Hermitian operators that measure the weight near each side, (2, dim, dim)."""
        ...

    @property
    def resolution(self) -> float:
        """Momentum in 1/nm below which crossings are treated together and imaginary parts as zero."""
        ...

    def hamiltonian(self, q: float) -> ComplexArray:
        """H(q) in meV, (dim, dim)."""
        ...

    def velocity(self, q: float) -> ComplexArray:
        """dH/dq in meV nm, (dim, dim)."""
        ...

    def momenta_at(self, energy_mev: float) -> ComplexArray:
        """Complex momenta in 1/nm at which some state has this energy, (root,)."""
        ...


@checked
@dataclass(frozen=True, eq=False)
class StripSpectrum(Shown):
    """Energies of a strip against the momentum along it.

    Parameters
    ----------
    strip
        What was solved.
    momenta
        Momentum along the strip in 1/nm, (k,).
    energies
        (k, state), meV, ascending.
    weights
        Weight of each state in the window of each side, (side, k, state), between 0 and 1.
    """

    strip: Strip
    momenta: FloatArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)

    @property
    def side_names(self) -> tuple[str, str]:
        """How the two sides are called."""
        return self.strip.side_names


@checked
@dataclass(frozen=True, eq=False)
class InGapModes(Shown):
    """The modes that cross one energy in the gap of a strip.

    Parameters
    ----------
    strip
        What was solved.
    energy_mev
        The energy crossed.
    momenta
        Where, in 1/nm, (mode,).
    velocities
        dE/dq in meV nm, (mode,); the sign is the direction of motion.
    sides
        0 or 1: the side each mode is bound to, (mode,).
    localisation
        Weight in the window of that side, (mode,).
    """

    strip: Strip
    energy_mev: float
    momenta: FloatArray
    velocities: FloatArray
    sides: IntArray
    localisation: FloatArray

    def count(self, side: int) -> int:
        """Number of modes on a side (0 or 1), whatever their direction."""
        return int(np.sum(self.sides == side))

    def chirality(self, side: int) -> int:
        """Modes that move along +q minus modes that move along -q on a side (0 or 1)."""
        return int(np.sum(np.sign(self.velocities[self.sides == side])))

    def __str__(self) -> str:
        lines = [f"{self.strip.name}, modes at {self.energy_mev:g} meV"]
        for side, name in enumerate(self.strip.side_names):
            lines.append(f"{name:>14}: {self.count(side)} modes, chirality {self.chirality(side):+d}")
        return "\n".join(lines)


@checked
def strip_spectrum(strip: Strip, momenta: ArrayLike, n_states: int | None = None) -> StripSpectrum:
    """Solve a strip on momenta along it.

    Parameters
    ----------
    strip
        A ribbon or a pair of domain walls.
    momenta
        In 1/nm, (k,).
    n_states
        Number of states kept, those in the middle of the spectrum; all by default.

    Raises
    ------
    InputError
        If `momenta` is not a list of finite numbers or `n_states` not in 1..dim.
    """
    points = np.asarray(momenta, dtype=float)
    dimension = strip.windows.shape[1]
    kept = dimension if n_states is None else n_states
    require(
        points.ndim == 1 and points.size and np.all(np.isfinite(points)),
        "momenta",
        "be a list of one or more finite numbers",
        momenta,
    )
    require(1 <= kept <= dimension, "n_states", f"lie in 1..{dimension}", n_states)
    first = (dimension - kept) // 2
    energies = np.empty((len(points), kept))
    weights = np.empty((2, len(points), kept))
    for i, q in enumerate(points):
        energies[i], states = eigh(strip.hamiltonian(float(q)), subset_by_index=(first, first + kept - 1))
        weights[:, i] = np.einsum("in,sij,jn->sn", states.conj(), strip.windows, states, optimize=True).real
    return StripSpectrum(strip, read_only(points), read_only(energies), read_only(weights))


@checked
def in_gap_modes(strip: Strip, energy_mev: float) -> InGapModes:
    """Find all modes of a strip at one energy in the bulk gap, with their side and direction.

    Modes that cross the energy at one momentum (helical pairs, or the two sides of a symmetric strip) are
    distinguished by diagonalising the side in their common space, and then the velocity on each side; a
    splitting by the overlap of the two sides, which makes the momenta complex, does no harm as long as
    it is tiny, and is an error otherwise.

    Parameters
    ----------
    strip
        A ribbon or a pair of domain walls.
    energy_mev
        Energy in the bulk gap, in meV.

    Raises
    ------
    InputError
        If the energy is not finite, just misses a state (the sides overlap, or a band edge is near), or crosses
        one that is bound to no side: it lies in a band, or the strip is too narrow for its modes.
    """
    energy = float(energy_mev)
    require(np.isfinite(energy), "energy_mev", "be finite", energy_mev)
    roots = strip.momenta_at(energy)
    off_axis = np.abs(roots.imag) / strip.resolution
    if np.any((off_axis > 1) & (off_axis < NEAR_MISS)):
        missed = roots.real[(off_axis > 1) & (off_axis < NEAR_MISS)][0]
        raise InputError(
            f"`energy_mev` must cross the modes or miss them clearly, but {energy:g} meV just misses a state at "
            f"{Number(missed):.4f} / nm: move the energy, or make the strip wider."
        )
    found: list[tuple[float, float, int, float]] = []
    for cluster in _clusters(np.sort(roots.real[off_axis <= 1]), strip.resolution):
        q = float(np.mean(cluster))
        energies, states = eigh(strip.hamiltonian(q))
        space = states[:, np.argsort(np.abs(energies - energy))[: len(cluster)]]
        found += _resolve(strip, q, space)
    weakest = min((localisation for *_, localisation in found), default=1.0)
    if weakest < LOCALISED:
        raise InputError(
            f"`energy_mev` must lie in the gap of a strip wide enough for its modes, but at {energy:g} meV a state has "
            f"only {Number(weakest):.2f} of its weight near a side."
        )
    columns = list(zip(*found, strict=True)) if found else [(), (), (), ()]
    return InGapModes(
        strip,
        energy,
        read_only(columns[0], float),
        read_only(columns[1], float),
        read_only(columns[2], np.int64),
        read_only(columns[3], float),
    )


def _clusters(values: FloatArray, resolution: float) -> Sequence[FloatArray]:
    """Split sorted values wherever the step exceeds the resolution."""
    if not len(values):
        return []
    return np.split(values, np.nonzero(np.diff(values) > resolution)[0] + 1)


def _resolve(strip: Strip, q: float, space: ComplexArray) -> list[tuple[float, float, int, float]]:
    """Modes (q, velocity, side, localisation) that span a nearly degenerate space at q."""
    windows = space.conj().T @ strip.windows @ space
    balance, rotation = np.linalg.eigh(windows[0] - windows[1])
    slope = strip.velocity(q)
    modes = []
    for side in (0, 1):
        bound = space @ rotation[:, (balance > 0) == (side == 0)]
        velocities, directions = np.linalg.eigh(bound.conj().T @ slope @ bound)
        bound = bound @ directions
        weights = np.einsum("in,ij,jn->n", bound.conj(), strip.windows[side], bound).real
        modes += [(q, float(v), side, float(w)) for v, w in zip(velocities, weights, strict=True)]
    return modes


def polynomial_eigenvalues(coefficients: ComplexArray) -> ComplexArray:
    """Finite z with det(sum_j C_j z^j) = 0, from the companion pencil.

    Parameters
    ----------
    coefficients
        Matrices C_0 .. C_d, shape (d + 1, n, n).

    References
    ----------
    Tisseur and Meerbergen, SIAM Rev. 43, 235 (2001), Sec. 3.4.
    """
    degree, n = len(coefficients) - 1, coefficients.shape[1]
    left = np.eye(degree * n, k=n, dtype=complex)
    left[-n:] = -np.concatenate(coefficients[:-1], axis=1)
    right = np.eye(degree * n, dtype=complex)
    right[-n:, -n:] = coefficients[-1]
    alpha, beta = eig(left, right, right=False, homogeneous_eigvals=True)
    finite = np.abs(beta) > 1e-14 * np.abs(alpha)
    values: ComplexArray = alpha[finite] / beta[finite]
    return values
