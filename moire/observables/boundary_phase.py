"""A projected problem at shifted boundary phases, and overlaps of its orbitals with the original ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure, solve_bands
from moire.errors import InputError, require
from moire.grids import MomentumGrid
from moire.projection import ProjectedHamiltonian

RESOLVED_MEV = 1e-6  # agreement of bands solved twice: far above rounding, far below any other band


@checked
def at_boundary_phase(problem: ProjectedHamiltonian, offset: tuple[float, float]) -> ProjectedHamiltonian:
    """The same problem with the boundary phases shifted by `offset`, in units of 2 pi; its bands are solved again.

    Raises
    ------
    InputError
        If the reference density was given as an array, which belongs to the bands at one pair of boundary phases.
    """
    grid = problem.grid
    boundary_phase = (grid.boundary_phase[0] + offset[0], grid.boundary_phase[1] + offset[1])
    moved = MomentumGrid(grid.lattice, grid.matrix, boundary_phase)
    return problem.on_bands(solve_bands(problem.bands.models, moved, problem.bands.n_bands))


def check_solvable_again(problem: ProjectedHamiltonian) -> None:
    """Raise InputError unless solving the models of `problem` again gives its bands, and P_ref is given by name."""
    problem.check_rebuildable()
    bands = problem.bands
    again = solve_bands(bands.models, bands.grid, bands.n_bands).energies
    if not np.allclose(again, bands.energies, rtol=0, atol=RESOLVED_MEV):
        raise InputError(
            "`problem` must hold the bands of its models, which are solved again at each boundary phase, but holds "
            f"others (up to {np.abs(again - bands.energies).max():.3g} meV away), such as those of Hartree-Fock."
        )


@checked
@dataclass(frozen=True, eq=False)
class LabelShift(Shown):
    """Map of labels under one flux quantum along L_`direction`: k at phi = 1 is k + shift at phi = 0.

    Parameters
    ----------
    grid
        The cluster.
    direction
        1 or 2.

    Raises
    ------
    InputError
        If the direction is neither 1 nor 2.
    """

    grid: MomentumGrid
    direction: int

    def __post_init__(self) -> None:
        require(self.direction in (1, 2), "direction", "be 1 (along L_1) or 2 (along L_2)", self.direction)

    @property
    def _step(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        unit = np.eye(2)[self.direction - 1]
        return np.linalg.solve(self.grid.matrix.astype(float), unit)

    @property
    def index(self) -> int:
        """Index of the shift in the momentum group: that of b_i/N_i on a rectangle."""
        return self.grid.turn_indices[self.direction - 1]

    @property
    def target(self) -> IntArray:
        """Index of k + shift for every k."""
        return read_only(self.grid.sum_index[:, self.index])

    @property
    def reciprocal(self) -> IntArray:
        """Integer G with k + shift = (point `target`) + G, (k, 2)."""
        moved = self.grid.fractional + self._step - self.grid.fractional[self.target]
        return read_only(np.round(moved), np.int64)

    def of_total(self, label: tuple[int, int], n_carriers: int) -> tuple[int, int]:
        """Label at phi = 0 of the sector labelled `label` at phi = 1: every carrier moves by the shift."""
        moved = (np.array(label) + n_carriers * self.grid.labels[self.index]) % np.array(self.grid.moduli)
        return int(moved[0]), int(moved[1])


@checked
def orbital_overlaps(left: BandStructure, right: BandStructure, shift: LabelShift | None = None) -> ComplexArray:
    """Overlaps <u_mk(left)| u_nk(right)> of the periodic parts at equal labels, (flavour, k, m, n).

    Parameters
    ----------
    left, right
        Bands on one cluster at two boundary phases.
    shift
        Given if `right` represents its boundary phase plus one flux quantum: u_k is then the state at
        k + shift, sewn across the zone boundary.
    """
    n_flavours, n_momenta, n_bands = left.states.shape[:3]
    overlaps = np.empty((n_flavours, n_momenta, n_bands, n_bands), dtype=np.complex128)
    for flavour, n in np.ndindex(n_flavours, n_bands):
        states = right.states[flavour, :, n]
        if shift is not None:
            moved = states[shift.target]
            for reciprocal in np.unique(shift.reciprocal, axis=0):
                if reciprocal.any():
                    crossed = np.all(shift.reciprocal == reciprocal, axis=1)
                    moved[crossed] = right.models[flavour].sew(moved[crossed], reciprocal)
            states = moved
        for m in range(n_bands):
            overlaps[flavour, :, m, n] = np.einsum("klg,klg->k", left.states[flavour, :, m].conj(), states)
    return overlaps
