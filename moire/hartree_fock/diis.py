"""Direct inversion of the iterative subspace: the Fock matrix extrapolated from those before."""

from __future__ import annotations

import numpy as np

from moire._arrays import ComplexArray
from moire.hartree_fock.iterate import Fill, Iterate, Step, commutator
from moire.hartree_fock.mean_field import MeanField


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
