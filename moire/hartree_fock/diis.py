"""Direct inversion of the iterative subspace: the Fock matrix extrapolated from earlier iterations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.occupation import Aufbau
from moire.hartree_fock.stages import Iterate, Keep, Step, forget, largest


@dataclass(frozen=True)
class Diis:
    """Extrapolate the Fock matrix by direct inversion of the iterative subspace.

    It stops when `patience` iterations bring no smaller residual, and returns the best iterate (the one
    of smallest residual).

    Parameters
    ----------
    goal_mev
        Residual in meV to reach.
    max_steps
        Maximum number of steps.
    patience
        Iterations without a smaller residual before it stops.
    level_shift_mev
        s: s (1 - P) of the last P is added to the Fock matrix that is filled.
    rejected_above_mev
        Residual in meV above which a final iterate of higher energy than the start is replaced by the start.
    memory
        Number of Fock matrices used in the extrapolation.

    References
    ----------
    Pulay, Chem. Phys. Lett. 73, 393 (1980); J. Comput. Chem. 3, 556 (1982).
    """

    goal_mev: float
    max_steps: int
    patience: int = 12
    level_shift_mev: float = 0.0
    rejected_above_mev: float = np.inf
    memory: int = 8

    def __call__(self, mean_field: MeanField, start: Iterate, fill: Aufbau, limit: int, keep: Keep = forget) -> Iterate:
        """Iterate at most `limit` times (:class:`Stage`)."""
        trial, density_matrix = start.fock, start.density_matrix
        shift, temperature = self.level_shift_mev, fill.temperature_mev
        focks: list[ComplexArray] = []
        errors: list[ComplexArray] = []
        products = np.zeros((0, 0))
        steps = list(start.steps)
        best, since_best = replace(start, residual=np.inf), 0
        for _ in range(min(limit, self.max_steps)):
            filled = fill.lowest(trial - shift * density_matrix if shift else trial)
            density_matrix = filled.density_matrix
            fock = mean_field(density_matrix)
            error = fock - trial if temperature else filled.commutator(fock)
            residual, energy = largest(error), mean_field.energy(density_matrix, fock)
            steps.append(Step("diis", (energy - temperature * filled.entropy) / mean_field.n_cells, residual))
            since_best += 1
            if residual < best.residual:
                best, since_best = Iterate(density_matrix, fock, energy, residual), 0
            if residual < self.goal_mev or since_best >= self.patience:
                break
            keep(best.density_matrix, steps)
            focks, errors = [*focks[1 - self.memory :], fock], [*errors[1 - self.memory :], error]
            products = _extended(products, errors)
            trial = _combined(_weights(products), focks)
        rejected = best.residual > self.rejected_above_mev and best.energy > start.energy
        return replace(start if rejected else best, steps=tuple(steps))


def _extended(products: FloatArray, errors: list[ComplexArray]) -> FloatArray:
    """Products of the errors kept, (error, error), from those known before the last one came."""
    size = len(errors)
    known = products[len(products) - size + 1 :, len(products) - size + 1 :]
    row = np.array([np.vdot(errors[-1], error).real for error in errors])
    extended = np.empty((size, size))
    extended[:-1, :-1], extended[-1], extended[:, -1] = known, row, row
    return extended


def _combined(weights: FloatArray, focks: list[ComplexArray]) -> ComplexArray:
    """Sum of weighted matrices, with one temporary array: in plane waves each is large."""
    total = np.asarray(weights[0] * focks[0])
    part = np.empty_like(total)
    for weight, fock in zip(weights[1:], focks[1:], strict=True):
        total += np.multiply(weight, fock, out=part)
    return total


def _weights(products: FloatArray) -> FloatArray:
    """Weights that sum to one and minimise the combined error."""
    size = len(products)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = products / max(products.max(), np.finfo(float).tiny)
    system[size, :size], system[:size, size] = 1.0, 1.0
    right = np.zeros(size + 1)
    right[size] = 1.0
    return np.asarray(np.linalg.lstsq(system, right, rcond=1e-14)[0][:size])
