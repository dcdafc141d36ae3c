"""Weighted least squares for linear parameters of H, and starting points for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, least_squares

from moire._arrays import FloatArray
from moire._text import Number
from moire.fitting.problem import LinearBands
from moire.fitting.terms import values_of
from moire.parameters import ContinuumParameters

_SHELLS, _MOMENTA, _STEPS, _FOLLOWED = 2.0, 12, 25, 4
_MASSES, _POTENTIALS, _TUNNELLINGS = (0.5, 0.8), (6.0, 20.0), (-8.0, -20.0)
_PHASES = (-150.0, -110.0, -90.0, -60.0, -20.0)
_NULL = 1e-7  # singular value of the scaled Jacobian, relative to the largest, below which energies say nothing


@dataclass(frozen=True, eq=False)
class WeightedEnergies:
    """Energies (k, band) in meV with weights in 1/meV; the weight of an unknown energy is zero."""

    energies: FloatArray
    weights: FloatArray

    @property
    def n_known(self) -> int:
        """Number of energies with a weight."""
        return int(np.count_nonzero(self.weights))

    def at(self, chosen: Sequence[int]) -> WeightedEnergies:
        """Energies at some of the momenta."""
        return WeightedEnergies(self.energies[list(chosen)], self.weights[list(chosen)])


def least_squares_fit(
    bands: LinearBands, data: WeightedEnergies, start: FloatArray, max_steps: int | None = None
) -> OptimizeResult:
    """Least squares from one start; the last parameter is the zero of energy."""
    kept: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def solved(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        key = x.tobytes()
        if key not in kept:
            kept.clear()
            energies, states = bands.solve(x[:-1])
            slopes = bands.slopes(states)
            kept[key] = energies + x[-1], np.concatenate([slopes, np.ones((*slopes.shape[:-1], 1))], axis=-1)
        return kept[key]

    def residuals(x: FloatArray) -> FloatArray:
        return np.asarray((data.weights * (solved(x)[0] - data.energies)).ravel())

    def jacobian(x: FloatArray) -> FloatArray:
        return np.asarray((data.weights[..., None] * solved(x)[1]).reshape(-1, len(x)))

    return least_squares(
        residuals, start, jacobian, x_scale="jac", xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=max_steps
    )


def with_offset(bands: LinearBands, data: WeightedEnergies, values: FloatArray) -> FloatArray:
    """Values and the zero of energy that fits the weighted mean."""
    difference = data.energies - bands.solve(values)[0]
    return np.append(values, np.sum(data.weights**2 * difference) / np.sum(data.weights**2))


def screened_starts(bands: LinearBands, data: WeightedEnergies) -> list[FloatArray]:
    """Best points of a grid, after a few steps with few plane waves at few momenta."""
    n = len(data.energies)
    chosen = np.unique(np.linspace(0, n - 1, min(n, _MOMENTA)).round().astype(int)).tolist()
    coarse, few = bands.at(_SHELLS, chosen), data.at(chosen)
    tried = []
    for mass, potential, phase, tunnelling in itertools.product(_MASSES, _POTENTIALS, _PHASES, _TUNNELLINGS):
        guess = ContinuumParameters(
            name="start",
            potential_mev=potential,
            potential_phase_deg=phase,
            tunnelling_mev=tunnelling,
            effective_mass=mass,
            lattice_constant_nm=1.0,
        )
        tried.append(
            least_squares_fit(coarse, few, with_offset(coarse, few, values_of(guess, bands.components)), _STEPS)
        )
    tried.sort(key=lambda result: float(result.cost))
    return [with_offset(bands, data, result.x[:-1]) for result in tried[:_FOLLOWED]]


def covariance_of(
    result: OptimizeResult, n_known: int, names: Sequence[str], from_residuals: bool
) -> tuple[FloatArray, tuple[str, ...]]:
    """Covariance of all parameters except the zero of energy, and the combinations that the energies leave free.

    Parameters
    ----------
    result
        A least-squares result.
    n_known
        Number of energies.
    names
        Of all parameters, the zero of energy last.
    from_residuals
        Scale the errors so that the mean square of the residuals is one; else the weights are those of known errors.
    """
    jacobian = np.asarray(result.jac)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    _, singular, rows = np.linalg.svd(jacobian / scale, full_matrices=False)
    null = singular < _NULL * singular[0]
    inverse = np.where(null, 0.0, 1 / np.where(null, 1.0, singular) ** 2)
    covariance = (rows.T * inverse) @ rows / np.outer(scale, scale)
    if from_residuals:
        covariance = covariance * 2 * result.cost / max(1, n_known - len(names))
    free = [
        " ".join(f"{Number(weight):+.2f} {name}" for name, weight in zip(names, row, strict=True) if abs(weight) > 0.05)
        for row in rows[null]
    ]
    return covariance[:-1, :-1], tuple(free)
