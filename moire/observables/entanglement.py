"""The particle entanglement spectrum of a ground-state manifold, and its Laughlin counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.exact_diagonalization import Spectrum, sector_dimensions
from moire.grids import MomentumGrid
from moire.observables.manifold_states import State, check_states
from moire.observables.reduced_density import check_kept, density_blocks, kept_numbers
from moire.predictions import quasihole_counts
from moire.verdicts import Verdict

EIGENVALUE_FLOOR = 1e-14  # of the largest eigenvalue; below it an eigenvalue of rho_A is rounding


@checked
@dataclass(frozen=True, eq=False)
class EntanglementSpectrum(Shown):
    """Eigenvalues of the density matrix of part of the particles, xi = -ln(lambda), by total momentum K_A.

    A sector holds the states of given particles of each flavour and a total momentum: for every division of the
    N_A particles among the flavours, all momenta in the order of the grid.

    Parameters
    ----------
    grid
        The cluster.
    n_particles, n_kept
        N and N_A, of the species.
    numbers
        (sector, flavour), particles kept of each flavour; divisions beyond the particles of the states are omitted.
    species
        ``"carriers"`` or ``"missing carriers"``, the species diagonalized; K_A is the sum of its labels.
    states
        (row of the sector, level) of the states averaged over, with equal weights.
    eigenvalues
        (sector, level), descending, of trace one over all sectors; NaN beyond the dimension of a sector.
    predicted
        (sector,), Laughlin 1/m quasihole states of N_A particles for N/N_s = 1/m with m odd and N_A <= N/2, all of
        one flavour; None otherwise: no counting of hierarchy states (2/5, ...) or of several components is implemented.
    """

    grid: MomentumGrid
    n_particles: int
    n_kept: int
    numbers: IntArray = field(repr=False)
    species: str
    states: tuple[State, ...]
    eigenvalues: FloatArray = field(repr=False)
    predicted: IntArray | None = field(repr=False)

    @property
    def momenta(self) -> IntArray:
        """Index of the total momentum of each sector, (sector,)."""
        return np.asarray(np.arange(len(self.eigenvalues)) % self.grid.n_points)

    @cached_property
    def levels(self) -> FloatArray:
        """Entanglement energies xi, (sector, level); infinite where lambda vanishes to rounding, NaN beyond."""
        floor = EIGENVALUE_FLOOR * np.nanmax(self.eigenvalues)
        safe = np.where(self.eigenvalues > floor, self.eigenvalues, 1.0)
        xi = np.where(self.eigenvalues > floor, -np.log(safe), np.inf)
        return read_only(np.where(np.isnan(self.eigenvalues), np.nan, xi))

    @property
    def is_inside(self) -> NDArray[np.bool_] | None:
        """Whether a level is one of the predicted number of lowest levels of its sector, (sector, level)."""
        if self.predicted is None:
            return None
        inside: NDArray[np.bool_] = np.arange(self.levels.shape[1]) < self.predicted[:, None]
        return inside

    @cached_property
    def gap(self) -> float:
        """Lowest level outside the predicted ones minus the highest of them, sector by sector; NaN without prediction.

        Negative if the counting fails in some sector, infinite if there are no other levels.
        """
        inside = self.is_inside
        if inside is None:
            return float("nan")
        known = ~np.isnan(self.levels)
        above = np.min(self.levels[known & ~inside], initial=np.inf)
        highest = np.max(self.levels[known & inside], initial=-np.inf)
        return float(above - highest) if np.isfinite(highest) else -np.inf

    @cached_property
    def widest_gap(self) -> tuple[float, int]:
        """Largest distance of neighbouring levels of all sectors together, and the number of levels below it."""
        ordered = np.sort(self.levels[~np.isnan(self.levels)])
        finite = ordered[np.isfinite(ordered)]
        if len(finite) < len(ordered):
            return float("inf"), len(finite)
        steps = np.diff(finite)
        if not len(steps):
            return 0.0, len(finite)
        place = int(np.argmax(steps))
        return float(steps[place]), place + 1

    @property
    def counted(self) -> int:
        """Number of levels below the widest gap, independent of the prediction."""
        return self.widest_gap[1]

    @cached_property
    def counted_by_sector(self) -> IntArray:
        """Number of levels below the widest gap in every sector, (sector,)."""
        ordered = np.sort(self.levels[~np.isnan(self.levels)])
        return read_only((self.levels <= ordered[self.counted - 1]).sum(axis=1), np.int64)

    @property
    def determinant_count(self) -> int:
        """Number of levels if the d states were determinants without common N_A-particle parts: d binom(N, N_A)."""
        return len(self.states) * comb(self.n_particles, self.n_kept)

    @cached_property
    def widest_inner_step(self) -> float:
        """Largest distance of neighbouring levels among the predicted ones, all sectors together; NaN without them."""
        inside = self.is_inside
        if inside is None:
            return float("nan")
        ordered = np.sort(self.levels[inside & np.isfinite(self.levels)])
        return float(np.diff(ordered).max(initial=0.0))

    @property
    def decision(self) -> Verdict:
        """Whether the predicted levels lie below all others, by more than any step among themselves, and why."""
        heads = ("Laughlin counting", "No Laughlin counting")
        if self.predicted is None:
            one = "" if len(self.numbers) == self.grid.n_points else " of one flavour"
            rules = f"counting rules are known here for N_A <= N/2 particles{one} out of N = N_s/m with m odd"
            ours = f"{self.n_kept} of {self.n_particles} on {self.grid.n_points} cells"
            return Verdict(None, f"no prediction, because {rules}, not for {ours}; {self._widest}", *heads)
        total, gap = int(self.predicted.sum()), f"{Number(self.gap):.3f}"
        wider = "" if self.counted == total else f"; {self._widest}"
        if self.gap == np.inf:
            return Verdict(True, f"{total} levels as predicted in every sector, and no others{wider}", *heads)
        if self.gap == -np.inf:
            return Verdict(
                False, f"{total} levels are predicted, but not all of them were found; {self._widest}", *heads
            )
        if self.gap > 0 and self.gap > self.widest_inner_step:
            below = f"{total} levels below an entanglement gap of {gap}, as predicted in every sector"
            return Verdict(True, f"{below}{wider}", *heads)
        if self.gap > 0:
            step = f"the gap of {gap} does not exceed their widest step, {Number(self.widest_inner_step):.3f}"
            weak = f"the {total} predicted levels lie below the others in every sector, but {step}"
            return Verdict(False, f"{weak}{wider}", heads[0], "Weak")
        return Verdict(False, f"{total} levels are predicted, and their gap is {gap}; {self._widest}", *heads)

    @property
    def _widest(self) -> str:
        """The count independent of the prediction, as a clause."""
        width, count = self.widest_gap
        finite = f"the widest gap, {Number(width):.3f}, lies above {count} levels"
        widest = finite if np.isfinite(width) else f"{count} levels are not zero to rounding"
        if count == self.determinant_count:
            widest += f", as many as {len(self.states)} determinants have (charge order)"
        return widest

    @property
    def is_signature(self) -> bool:
        """Whether the counting was found to be the predicted one."""
        return self.decision.answer is True

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def table(self) -> str:
        """Numbers of levels of every sector, in total, below the widest gap and predicted, and the edges of the gap."""
        heads = f"{'levels':>7} {'below':>6} {'predicted':>9} {'lowest':>9} {'highest':>9} {'next':>9}"
        several = self.numbers.shape[1] > 1
        lines = [f"{'K_A':>10} {'S_z':>5} {heads}" if several else f"{'K_A':>10} {heads}"]
        for row, (first, second) in enumerate(self.grid.labels[self.momenta]):
            levels = self.levels[row][~np.isnan(self.levels[row])]
            below = int(self.counted_by_sector[row])
            predicted = "-" if self.predicted is None else str(self.predicted[row])
            edges = [*levels[[0, below - 1]]] if below else [None, None]
            edges.append(levels[below] if below < len(levels) else None)
            numbers = " ".join(f"{'-':>9}" if edge is None else f"{Number(edge):9.4f}" for edge in edges)
            spin = f" {Fraction(int(self.numbers[row] @ [1, -1]), 2)!s:>5}" if several else ""
            lines.append(f"{f'({first}, {second})':>10}{spin} {len(levels):>7} {below:>6} {predicted:>9} {numbers}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"particle entanglement spectrum on {self.grid.name}: {self.n_kept} of {self.n_particles} "
                f"{self.species} kept, {len(self.states)} states averaged, trace "
                f"{Number(np.nansum(self.eigenvalues)):.12f}",
                self.table(),
                self.verdict,
            ]
        )


@checked
def entanglement_spectrum(
    spectrum: Spectrum, n_kept: int, states: Sequence[State] | None = None
) -> EntanglementSpectrum:
    """Particle entanglement spectrum of a manifold: the averaged density matrix with N - N_A particles traced out.

    The particles kept are of any flavour and band; for a polarised state they are all of its flavour.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    n_kept
        N_A, particles kept of the species diagonalized; at nu_h = 2/3 these are the missing carriers.
    states
        Pairs (row of the sector, level); by default the predicted ground-state manifold.

    Raises
    ------
    InputError
        If the spectrum has no vectors or lacks some of the states, or the cut is larger than the number of particles.
    MemoryRefusedError
        If a block of the density matrix does not fit.

    References
    ----------
    Sterdyniak, Regnault and Bernevig, Phys. Rev. Lett. 106, 100405 (2011) for the particle entanglement
    spectrum; Regnault and Bernevig, Phys. Rev. X 1, 021014 (2011) for fractional Chern insulators; Bernevig and
    Regnault, arXiv:1204.5682, for the counting of charge order.
    """
    chosen = check_states(spectrum, states)
    check_kept(spectrum, n_kept)
    grid, n_particles, orbitals = spectrum.grid, spectrum.n_particles, spectrum.species.orbitals
    ways = kept_numbers(spectrum, int(n_kept), chosen)
    largest = max(int(sector_dimensions(orbitals, way).max()) for way in ways)
    eigenvalues = np.full((len(ways) * grid.n_points, largest), np.nan)
    for row, block in enumerate(density_blocks(spectrum, chosen, n_kept, ways)):
        found = block.matrix
        if len(found):
            eigenvalues[row, : len(found)] = np.maximum(eigvalsh(found), 0.0)[::-1] / comb(n_particles, n_kept)
    m, rest = divmod(grid.n_points, n_particles)
    counted = len(ways) == 1 and rest == 0 and m % 2 == 1 and m > 1 and 2 * n_kept <= n_particles
    return EntanglementSpectrum(
        grid,
        n_particles,
        int(n_kept),
        read_only(np.repeat(ways, grid.n_points, axis=0), np.int64),
        str(spectrum.species),
        chosen,
        read_only(eigenvalues),
        quasihole_counts(grid, int(n_kept), m) if counted else None,
    )
