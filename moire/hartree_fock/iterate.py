"""One iterate of a solver: a density matrix, its Fock matrix, and the steps that led there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray
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
