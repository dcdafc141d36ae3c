"""The optimal damping algorithm: mixtures of determinants, each step to the lowest energy on its line."""

from __future__ import annotations

import numpy as np

from moire._arrays import ComplexArray
from moire.hartree_fock.iterate import Fill, Iterate, Step, commutator
from moire.hartree_fock.mean_field import MeanField, overlap


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
