"""Fixed-point iterations on the Fock matrix: optimal damping and DIIS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray
from moire.hartree_fock.mean_field import MeanField, overlap
from moire.hartree_fock.occupation import Occupation

Fill = Callable[[ComplexArray], Occupation]


@dataclass(frozen=True)
class Step:
    """One iteration of a solver.

    Parameters
    ----------
    solver
        ``"oda"``, ``"diis"`` or ``"newton"``.
    energy_per_cell
        Energy of the state in meV (of the mixture of states for ``"oda"``); the free energy at a temperature.
    residual
        Largest element of [F, P] in meV; at a temperature, largest element of F[P(F)] - F.
    """

    solver: str
    energy_per_cell: float
    residual: float


@dataclass(frozen=True, eq=False)
class Iterate:
    """Where a solver stopped: a density matrix, its Fock matrix, and the way there."""

    density_matrix: ComplexArray = field(repr=False)
    fock: ComplexArray = field(repr=False)
    energy: float
    residual: float
    steps: tuple[Step, ...]


def commutator(fock: ComplexArray, density_matrix: ComplexArray) -> ComplexArray:
    """[F, P] at each momentum: zero at self-consistency."""
    product = fock @ density_matrix
    return np.asarray(product - product.conj().transpose(0, 2, 1))


def optimal_damping(
    mean_field: MeanField, start: ComplexArray, fill: Fill, tolerance: float, max_iterations: int
) -> Iterate:
    """Walk over mixtures of determinants; each step goes to the lowest energy on its line.

    The energy is quadratic along the line from the mixture to the aufbau state of its Fock matrix, and
    falls at every step. It stops when that state has a residual below `tolerance` and is filled in the aufbau
    order of its own Fock matrix.

    References
    ----------
    Cances and Le Bris, Int. J. Quantum Chem. 79, 82 (2000).
    """
    n_cells = mean_field.n_cells
    mixture, fock = start, mean_field(start)
    steps: list[Step] = []
    for _ in range(max_iterations):
        pure = fill(fock).density_matrix
        change = pure - mixture
        response = mean_field.interaction(change)
        slope, curvature = overlap(fock, change), overlap(response, change)
        fock_pure = fock + response
        residual = float(np.abs(commutator(fock_pure, pure)).max())
        energy = mean_field.energy(mixture, fock)
        steps.append(Step("oda", energy / n_cells, residual))
        if residual < tolerance and overlap(fock_pure, pure - fill(fock_pure).density_matrix) < tolerance:
            break
        length = 1.0 if curvature <= -slope else -slope / curvature
        mixture, fock = mixture + length * change, fock + length * response
    return Iterate(pure, fock_pure, mean_field.energy(pure, fock_pure), residual, tuple(steps))


def diis(
    mean_field: MeanField,
    start: Iterate,
    fill: Fill,
    tolerance: float,
    max_iterations: int,
    temperature_mev: float = 0.0,
    memory: int = 8,
    patience: int = 12,
    level_shift_mev: float = 0.0,
) -> Iterate:
    """Extrapolate the Fock matrix by direct inversion of the iterative subspace.

    It gives up when `patience` iterations bring no smaller residual, and returns the best iterate (the one
    of smallest residual). A level shift s adds s (1 - P) of the last P to the Fock matrix that is filled.

    References
    ----------
    Pulay, Chem. Phys. Lett. 73, 393 (1980); J. Comput. Chem. 3, 556 (1982).
    """
    n_cells = mean_field.n_cells
    trial, density_matrix = start.fock, start.density_matrix
    focks: list[ComplexArray] = []
    errors: list[ComplexArray] = []
    steps: list[Step] = []
    best, since_best = start, 0
    for _ in range(max_iterations):
        filled = fill(trial - level_shift_mev * density_matrix if level_shift_mev else trial)
        density_matrix = filled.density_matrix
        fock = mean_field(density_matrix)
        error = fock - trial if temperature_mev else commutator(fock, density_matrix)
        residual = float(np.abs(error).max())
        energy = mean_field.energy(density_matrix, fock)
        steps.append(Step("diis", (energy - temperature_mev * filled.entropy) / n_cells, residual))
        since_best += 1
        if residual < best.residual or len(steps) == 1:
            best, since_best = Iterate(density_matrix, fock, energy, residual, ()), 0
        if residual < tolerance or since_best >= patience:
            break
        focks, errors = [*focks[1 - memory :], fock], [*errors[1 - memory :], error]
        trial = np.tensordot(_weights(errors), np.array(focks), axes=1)
    return Iterate(best.density_matrix, best.fock, best.energy, best.residual, tuple(steps))


def _weights(errors: list[ComplexArray]) -> ComplexArray:
    """Weights that sum to one and make the combined error smallest."""
    rows = np.array([error.ravel() for error in errors])
    products = (rows.conj() @ rows.T).real
    products /= max(products.max(), np.finfo(float).tiny)
    size = len(errors)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size], system[size, :size], system[:size, size] = products, 1.0, 1.0
    right = np.zeros(size + 1)
    right[size] = 1.0
    return np.asarray(np.linalg.lstsq(system, right, rcond=1e-14)[0][:size])
