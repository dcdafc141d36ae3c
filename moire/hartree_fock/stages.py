"""One iterate of the self-consistency loop with its history, and the protocol of the stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from moire._arrays import ComplexArray
from moire._shown import Shown
from moire._types import checked
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.occupation import Aufbau


@checked
@dataclass(frozen=True)
class Step(Shown):
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
    """First or last iterate of a stage: a density matrix P, its Fock matrix F[P], and the history.

    Parameters
    ----------
    density_matrix, fock
        P and F[P] in meV, (r, orbital, orbital).
    energy, residual
        Energy of the cluster and largest element of [F, P] in meV; at a temperature, of F[P(F)] - F.
    steps
        All steps so far.
    """

    density_matrix: ComplexArray = field(repr=False)
    fock: ComplexArray = field(repr=False)
    energy: float
    residual: float
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, mean_field: MeanField, density_matrix: ComplexArray, steps: tuple[Step, ...] = ()) -> Iterate:
        """Iterate at a density matrix: one build of the mean field."""
        fock = mean_field(density_matrix)
        energy = mean_field.energy(density_matrix, fock)
        return cls(density_matrix, fock, energy, largest(commutator(fock, density_matrix)), steps)


Keep = Callable[[ComplexArray, Sequence[Step]], None]
"""Called with a density matrix to continue from and all steps so far, after every step."""


def forget(density_matrix: ComplexArray, steps: Sequence[Step]) -> None:
    """Keep nothing: the solution is not resumed."""


class Stage(Protocol):
    """A method of reaching self-consistency, a frozen value whose fields are its goal and its limits."""

    def __call__(self, mean_field: MeanField, start: Iterate, fill: Aufbau, limit: int, keep: Keep = forget) -> Iterate:
        """Iterate from a start at most `limit` times; the steps made are added to those of the start."""


def commutator(fock: ComplexArray, density_matrix: ComplexArray) -> ComplexArray:
    """[F, P] at each momentum: zero at self-consistency."""
    product = fock @ density_matrix
    return np.asarray(product - product.conj().transpose(0, 2, 1))


def largest(matrix: ComplexArray) -> float:
    """Largest modulus of the elements."""
    return float(np.abs(matrix).max())
