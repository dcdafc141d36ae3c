"""Magnetic subbands: energies over the magnetic momenta, gaps, and Chern numbers by links."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import CutoffWarning, MeshWarning, require, warn
from moire.linalg.hermitian import solve_many
from moire.magnetic.landau_levels import clock_and_shift
from moire.magnetic.model import MagneticModel

_LARGEST_WEIGHT = 1e-4
_SMALLEST_LINK = 0.1  # determinant over many subbands


@checked
@dataclass(frozen=True, eq=False)
class MagneticSubbands(Shown):
    """Highest subbands at one flux, on a mesh of the two angles of the magnetic momentum.

    Parameters
    ----------
    model
        The model at this flux.
    energies
        (n, n, subband) in meV, the highest first.
    states
        (n, n, subband, dimension).
    """

    model: MagneticModel
    energies: FloatArray
    states: ComplexArray = field(repr=False)

    @property
    def n_subbands(self) -> int:
        """Number of subbands kept."""
        return int(self.energies.shape[2])

    @property
    def fillings(self) -> FloatArray:
        """Holes per moire cell when the highest 1, 2, ... subbands are empty of electrons, (subband,)."""
        return np.asarray(np.arange(1, self.n_subbands + 1) * self.model.states_per_cell)

    @property
    def gaps(self) -> FloatArray:
        """Gap below each subband except the last in meV over the mesh, negative where they overlap, (subband - 1,)."""
        lowest, highest = self.energies.min(axis=(0, 1)), self.energies.max(axis=(0, 1))
        return np.asarray(lowest[:-1] - highest[1:])

    @property
    def cutoff_weight(self) -> float:
        """Largest weight of a state on the highest twentieth of the Landau levels kept: small if these suffice."""
        n = self.model.n_levels
        shape = (*self.states.shape[:3], 2, n, self.model.numerator)
        outer = np.abs(self.states.reshape(shape)[..., n - max(1, n // 20) :, :]) ** 2
        return float(outer.sum(axis=(3, 4, 5)).max())

    def chern(self, n_highest: int) -> float:
        """Chern number of the highest subbands together, by link variables: an integer to rounding error.

        The coefficients are those in frames exp(i k.R) of the guiding centre. These are not periodic: they carry the
        curvature of a Landau level, l^2 for each state, which gives s/p, while the links give the rest; each of both
        alone is a fraction. Over the q equal parts of the magnetic zone (Dana, Avron and Zak, J. Phys. C 18, L679).

        Parameters
        ----------
        n_highest
            How many subbands, from the top.

        Raises
        ------
        InputError
            If there is no gap below them on the mesh, or they are not kept.
        """
        rule = f"lie in 1..{self.n_subbands - 1}, below which a subband is kept"
        require(1 <= n_highest < self.n_subbands, "n_highest", rule, n_highest)
        gap = self.gaps[n_highest - 1]
        require(gap > 0, "n_highest", "leave a gap below", found=f"leaves {gap:.4g} meV below {n_highest}")
        model, n = self.model, len(self.energies)
        p, q, sign = model.numerator, model.flux.denominator, model.sign
        chosen = self.states[:, :, :n_highest].reshape(n, n, n_highest, -1, p)
        first, second = _sewing(p, q, sign)
        grid = np.empty((n + 1, n + 1, *chosen.shape[2:]), dtype=complex)
        grid[:n, :n] = chosen
        grid[n, :n] = chosen[0] @ first.T
        grid[:n, n] = chosen[:, 0] @ second.T
        grid[n, n] = chosen[0, 0] @ (first @ second).T
        flat = grid.reshape(n + 1, n + 1, n_highest, -1)
        along = [
            np.linalg.det(flat[:-1].conj() @ np.swapaxes(flat[1:], 2, 3)),
            np.linalg.det(flat[:, :-1].conj() @ np.swapaxes(flat[:, 1:], 2, 3)),
        ]
        flux = -np.angle(along[0][:, :-1] * along[1][1:] * along[0][:, 1:].conj() * along[1][:-1].conj())
        if min(float(np.abs(link).min()) for link in along) < _SMALLEST_LINK or np.abs(flux).max() > np.pi / 2:
            text = f"The mesh is too coarse for the Chern number of {n_highest} subbands at flux {model.flux}."
            warn(text, MeshWarning)
        total = q * float(flux.sum()) / (2 * np.pi) + n_highest * sign / p
        return total * model.zero_field.valley


def _sewing(p: int, q: int, sign: int) -> tuple[ComplexArray, ComplexArray]:
    """Matrices that take the coefficients at an angle to those at the angle plus 2 pi/p."""
    clock, shift = clock_and_shift(p, q, sign)
    m = -sign * pow(q, -1, p) % p if p > 1 else 0
    power = np.linalg.matrix_power
    return power(shift, -m % p), power(clock, m)


@checked
def solve_magnetic(model: MagneticModel, holes_per_cell: float = 2.0, mesh: int = 4) -> MagneticSubbands:
    """Highest subbands that hold a number of holes per moire cell, and one more.

    Parameters
    ----------
    model
        The model at its flux.
    holes_per_cell
        How many holes per moire cell the subbands hold.
    mesh
        Points of each of the two angles in [0, 2 pi/p).

    Raises
    ------
    InputError
        If the model has fewer subbands than that.

    Warns
    -----
    CutoffWarning
        If a state has a weight above 1e-4 on the highest twentieth of the levels.
    """
    require(mesh >= 2, "mesh", "be at least 2", mesh)
    require(holes_per_cell > 0, "holes_per_cell", "be positive", holes_per_cell)
    n_subbands = int(np.ceil(holes_per_cell * model.flux.denominator - 1e-9)) + 1
    rule = f"be at most {(model.dimension - 1) / model.flux.denominator:g}, which {model.n_levels} levels hold"
    require(n_subbands <= model.dimension, "holes_per_cell", rule, holes_per_cell)
    steps = 2 * np.pi / model.numerator * np.arange(mesh) / mesh
    angles = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    energies, states = solve_many(lambda i: model.hamiltonian(angles[i]), len(angles), n_subbands, largest=True)
    shape = (mesh, mesh, n_subbands)
    found = MagneticSubbands(model, read_only(energies.reshape(shape)), read_only(states.reshape(*shape, -1)))
    if found.cutoff_weight > _LARGEST_WEIGHT:
        warn(
            f"The {model.n_levels} Landau levels at flux {model.flux} are too few for {holes_per_cell:g} holes per "
            f"cell: a state has the weight {found.cutoff_weight:.1e} on the highest of them.",
            CutoffWarning,
        )
    return found
