"""Hartree-Fock solution: state, energies, and convergence record."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import require
from moire.filling import describe_filling
from moire.hartree_fock.folded_bands import folded_bands
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.mean_field import EnergyParts, MeanField
from moire.hartree_fock.moments import Moments
from moire.hartree_fock.occupation import Aufbau, Occupation
from moire.hartree_fock.quasiparticles import quasiparticle_bands, valley_bands
from moire.hartree_fock.stages import Step
from moire.linalg.hermitian import solve_many
from moire.projection import ProjectedHamiltonian

Symmetry = Literal["free", "valley_diagonal", "c3"]
SYMMETRIES: tuple[Symmetry, ...] = ("free", "valley_diagonal", "c3")


def n_unmixed(symmetry: Symmetry, n_flavours: int) -> int:
    """Return the number of diagonal blocks that a symmetry keeps apart: flavours that stay unmixed, or one."""
    return n_flavours if symmetry == "valley_diagonal" else 1


VALLEY_DIAGONAL = 1e-4  # |P_KK'| below which the valleys count as unmixed; the error of energies is its square
SADDLE_MEV = -1e-2  # curvature of a saddle; that of a broken continuous symmetry is zero to about 1e-3


@checked
@dataclass(frozen=True, eq=False)
class HartreeFockResult(Shown):
    """A self-consistent state.

    Parameters
    ----------
    problem
        The problem solved.
    folding
        The enlarged cell and the boost.
    n_particles
        Carriers in the cluster.
    guess, symmetry, seed
        Initial guess, symmetry imposed, and the seed (used by random guesses).
    temperature_mev
        k_B T in meV.
    density_matrix
        P, (r, orbital, orbital), orbital = (flavour, fold, band) with flavour slow (:class:`FoldedOrbitals`); in the
        unit cell r = k and there is one fold.
    lowest
        The lowest eigenstates of F[P], at least all that hold carriers and the next one at each momentum: quasiparticle
        energies (of the carriers), orbitals and occupations.
    energy
        Energy per cell in meV, in parts.
    converged, stop_reason, n_iterations, residual, history
        Convergence record; the residual is the largest element of [F, P] in meV (at a temperature, of
        F[P(F)] - F).
    curvature_mev
        Lowest curvature of the energy under rotations of filled into empty orbitals in meV, negative at a saddle;
        infinite where there is nothing to rotate, NaN where it was not tested.
    move_mev
        Smallest energy of moving one carrier to another level in meV, at fixed orbitals; a lower bound where the gap
        exceeds every attraction, NaN where it was not tested.
    """

    problem: ProjectedHamiltonian = field(repr=False)
    folding: Folding = field(repr=False)
    n_particles: int
    guess: str
    symmetry: Symmetry
    seed: int
    temperature_mev: float
    density_matrix: ComplexArray = field(repr=False)
    lowest: Occupation = field(repr=False)
    energy: EnergyParts
    converged: bool
    stop_reason: str
    residual: float
    history: tuple[Step, ...] = field(repr=False)
    curvature_mev: float = float("nan")
    move_mev: float = float("nan")

    @cached_property
    def occupation(self) -> Occupation:
        """All eigenstates of F[P] with their occupations; one build of the mean field where `lowest` has not all."""
        if self.lowest.energies.shape == self.density_matrix.shape[:2]:
            return self.lowest
        mean_field = MeanField(self.problem, self.folding.supercell, self.folding.boost)
        return self.aufbau(mean_field(self.density_matrix))

    @cached_property
    def orbitals(self) -> FoldedOrbitals:
        """The orbitals along the axes of the density matrix."""
        return FoldedOrbitals.of(self.problem, self.folding)

    @property
    def mixes_valleys(self) -> bool:
        """Whether the density matrix has elements above 1e-4 between flavours."""
        between = np.abs(self.density_matrix[:, self.orbitals.mixed])
        return bool(between.max(initial=0.0) > VALLEY_DIAGONAL)

    @property
    def carriers_by_flavour(self) -> FloatArray:
        """Carriers of each flavour at each momentum, (r, flavour)."""
        return np.asarray(np.einsum("rfamfam->rf", self.orbitals.split(self.density_matrix)).real)

    def require_unit_cell(self) -> None:
        """Raise InputError unless the state has the moire cell and equal labels k in both valleys."""
        found = ", ".join(f"{name} = {value}" for name, value in self.folding.describe().items())
        require(self.folding.is_trivial, "result", "have the moire cell and no boost", found=f"has {found}")

    @property
    def filling(self) -> Fraction:
        """Carriers per moire cell."""
        return Fraction(self.n_particles, self.problem.grid.n_points)

    @property
    def aufbau(self) -> Aufbau:
        """The rule by which its states are filled."""
        n_sectors = n_unmixed(self.symmetry, self.problem.bands.n_flavours)
        return Aufbau(self.n_particles, self.temperature_mev, n_sectors)

    @property
    def is_minimum(self) -> bool | None:
        """Whether neither rotations of orbitals nor a move of one carrier lower the energy; None if not tested.

        A minimum need not be the lowest state: :func:`ground_state` compares several.
        """
        if self.curvature_mev < SADDLE_MEV or self.move_mev < 0:
            return False
        return None if np.isnan(self.curvature_mev) or np.isnan(self.move_mev) else True

    @property
    def is_metal(self) -> bool:
        """Whether the number of filled states changes with the momentum, or there is no gap to the empty states."""
        counts = (self.lowest.weights > 0.5).sum(axis=1)
        return bool((counts != counts[0]).any() or self.gap <= 0)

    @property
    def n_iterations(self) -> int:
        """Number of iterations of all solvers."""
        return len(self.history)

    @property
    def energy_per_cell(self) -> float:
        """Energy per cell in meV."""
        return self.energy.total

    @property
    def free_energy_per_cell(self) -> float:
        """E - T S per cell in meV; the energy at zero temperature."""
        return self.energy.total - self.temperature_mev * self.lowest.entropy / self.problem.grid.n_points

    @property
    def gap(self) -> float:
        """Charge gap of the quasiparticles in meV, over all pairs of momenta; negative in a metal."""
        return self.lowest.gap

    @cached_property
    def moments(self) -> Moments:
        """Occupations of valleys and layers, and the intervalley order."""
        return Moments.of(self.problem, self.density_matrix, self.folding)

    @cached_property
    def bands(self) -> BandStructure:
        """Quasiparticle bands; see :func:`quasiparticle_bands`, and :func:`folded_bands` for the reduced zone."""
        if self.folding.is_trivial:
            return quasiparticle_bands(self.problem, self.occupation)
        return folded_bands(self.problem, self.folding, self.occupation)

    def filled_states(self, flavour: int | None = None) -> BandStructure:
        """The filled bands alone, or the natural orbitals that they have in one flavour, most occupied first.

        Parameters
        ----------
        flavour
            A flavour that holds the same number of carriers at each momentum.

        Raises
        ------
        InputError
            If there is no such flavour.
        """
        states = self.lowest
        if flavour is not None:
            part, (n_r, dimension, _) = self.orbitals.of_flavour(flavour), self.density_matrix.shape
            number = round(float(self.carriers_by_flavour[0, flavour]))
            block = self.density_matrix[:, part, part]
            occupied, rows = solve_many(lambda r: block[r], n_r, number, largest=True)
            natural = np.zeros((n_r, dimension, number), dtype=np.complex128)
            natural[:, part] = rows.swapaxes(1, 2)
            states = Occupation(-occupied, natural, occupied)
        elif number := len(self.filled_bands):
            kept = slice(number)
            states = Occupation(states.energies[:, kept], states.orbitals[:, :, kept], states.weights[:, kept])
        if self.folding.is_trivial:
            return quasiparticle_bands(self.problem, states)
        return folded_bands(self.problem, self.folding, states)

    def valley_bands(self, flavour: int) -> BandStructure:
        """Bands of the diagonal block of one flavour; quasiparticles if there is no order between flavours.

        Raises
        ------
        InputError
            If there is no such flavour.
        """
        if self.folding.is_trivial:
            return valley_bands(self.problem, self.occupation, flavour)
        return folded_bands(self.problem, self.folding, self.occupation, flavour)

    @property
    def filled_bands(self) -> range:
        """Bands filled with carriers at every momentum.

        These are the bands of a Chern number of the filled states; the range is empty in a metal.
        """
        counts = (self.lowest.weights > 0.5).sum(axis=1)
        return range(int(counts[0])) if (counts == counts[0]).all() else range(0)

    def __str__(self) -> str:
        n_k, carrier = self.problem.grid.n_points, self.problem.carrier
        per_cell = describe_filling(self.filling, carrier)
        state = "converged" if self.converged else "NOT converged"
        return "\n".join(
            [
                str(self.problem),
                *([] if self.folding.is_trivial else [f"{n:>15}  {v}" for n, v in self.folding.describe().items()]),
                f"Hartree-Fock, {per_cell}: {self.n_particles} {carrier}s on {n_k} cells, guess {self.guess}, "
                f"symmetry {self.symmetry}, seed {self.seed}, T = {self.temperature_mev:g} meV",
                f"{state} ({self.stop_reason}) in {self.n_iterations} iterations, residual {self.residual:.1e} meV",
                f"energy per cell {Number(self.energy.total):.5f} meV = {Number(self.energy.one_body):.5f} (one body) "
                f"{Number(self.energy.hartree):+.5f} (Hartree) {Number(self.energy.fock):+.5f} (Fock)",
                self._gap_line(),
                *self._kind_lines(),
                str(self.moments),
            ]
        )

    def _gap_line(self) -> str:
        if np.isnan(self.gap):
            return "no gap is defined: all states are empty, or all are filled"
        if not self.is_metal:
            return f"gap {Number(self.gap):.4f} meV"
        counts = (self.lowest.weights > 0.5).sum(axis=1)
        if counts.min() == counts.max():
            return f"a metal: no gap between the filled and the empty states ({Number(self.gap):.4f} meV)"
        return (
            f"a metal: {counts.min()} to {counts.max()} states are filled at a momentum, "
            f"levels at the Fermi energy are {Number(self.gap):.4f} meV apart"
        )

    def _kind_lines(self) -> list[str]:
        if not self.converged:
            return []
        curvature = f"lowest curvature {Number(self.curvature_mev + 0.0):.4f} meV"
        if self.is_minimum is None and not np.isnan(self.curvature_mev):
            return [f"one stationary state: {curvature}, moves of carriers were not tested"]
        if self.is_minimum is None:
            return [
                "one stationary state, not tested for a minimum; another guess may lead lower"
                + ("" if self.temperature_mev else " (ground_state tests and compares)")
            ]
        parts = [f"{'a minimum' if self.is_minimum else 'no minimum'} of the energy"]
        if np.isfinite(self.curvature_mev):
            parts.append(curvature)
        if np.isfinite(self.move_mev):
            parts.append(f"to move a carrier costs at least {Number(self.move_mev):.4f} meV")
        return [", ".join(parts) + "; another guess may lead lower"]
