"""Trust-region Newton method on orbital rotations; the energy never rises, so it cannot cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire.hartree_fock.mean_field import MeanField, overlap
from moire.hartree_fock.occupation import Aufbau
from moire.hartree_fock.stages import Iterate, Keep, Step, commutator, forget, largest
from moire.hartree_fock.tangent import Tangent


def _inner(a: ComplexArray, b: ComplexArray) -> float:
    return float(np.vdot(a, b).real)


def truncated_step(tangent: Tangent, scale: FloatArray, radius: float, max_products: int = 60) -> ComplexArray:
    """Minimise the quadratic model within |scale X| <= radius by conjugate gradients; X is returned scaled.

    References
    ----------
    Steihaug, SIAM J. Numer. Anal. 20, 626 (1983).
    """
    gradient = tangent.gradient / scale
    x = np.zeros_like(gradient)
    r, d = -gradient, -gradient
    norm = rr = _inner(r, r)
    target = norm * min(0.25, np.sqrt(norm) / 100) ** 2
    for _ in range(max_products):
        hd = tangent.hessian(d / scale) / scale
        curvature = _inner(d, hd)
        length = rr / curvature if curvature > 0 else np.inf
        if curvature <= 0 or _inner(x + length * d, x + length * d) >= radius**2:
            xd, dd, xx = _inner(x, d), _inner(d, d), _inner(x, x)
            return np.asarray(x + (-xd + np.sqrt(xd**2 + dd * (radius**2 - xx))) / dd * d)
        x = x + length * d
        r = r - length * hd
        new = _inner(r, r)
        if new <= target:
            break
        d, rr = r + new / rr * d, new
    return np.asarray(x)


@dataclass(frozen=True)
class Newton:
    """Lower the energy at fixed occupation of each momentum until [F, P] is below the goal.

    A step is taken only if the energy falls. The difference of two energies is computed as
    tr F dP + tr Self-energy[dP] dP / 2, exact for a functional quadratic in P and free of cancellation.

    Parameters
    ----------
    goal_mev
        Residual in meV to reach.
    """

    goal_mev: float

    def __call__(self, mean_field: MeanField, start: Iterate, fill: Aufbau, limit: int, keep: Keep = forget) -> Iterate:
        """Iterate at most `limit` times (:class:`Stage`); a mixture is first replaced by a determinant."""
        if largest(start.density_matrix @ start.density_matrix - start.density_matrix) > 1e-8:
            start = Iterate.of(mean_field, fill(start.fock).density_matrix, start.steps)
        density_matrix, fock = start.density_matrix, start.fock
        energy, residual, steps = start.energy, start.residual, list(start.steps)
        radius = 0.3 * np.sqrt(100.0 * mean_field.shape[0])  # 0.3 rad per momentum across 50 meV
        tangent = Tangent(mean_field, density_matrix, fock, fill.n_sectors)
        for _ in range(limit):
            if residual < self.goal_mev or not tangent.mask.any():
                break
            scale = np.sqrt(2 * np.maximum(np.abs(tangent.differences), 5.0))
            scaled = truncated_step(tangent, scale, radius)
            x = scaled / scale
            predicted = _inner(tangent.gradient, x) + _inner(x, tangent.hessian(x)) / 2
            move = tangent.change(x)
            response = mean_field.interaction(move)
            change = overlap(fock, move) + overlap(response, move) / 2
            ratio = change / predicted if predicted else 0.0
            if ratio < 0.25:
                radius = np.sqrt(_inner(scaled, scaled)) / 4
            elif ratio > 0.75 and _inner(scaled, scaled) > 0.8 * radius**2:
                radius *= 2
            if change < 0 and ratio > 1e-3:
                density_matrix, fock, energy = density_matrix + move, fock + response, energy + change
                residual = largest(commutator(fock, density_matrix))
                tangent = Tangent(mean_field, density_matrix, fock, fill.n_sectors)
            steps.append(Step("newton", energy / mean_field.n_cells, residual))
            keep(density_matrix, steps)
            if radius < 1e-9:
                break
        return Iterate(density_matrix, fock, energy, residual, tuple(steps))
