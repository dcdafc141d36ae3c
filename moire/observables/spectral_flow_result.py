"""Result of flux insertion: levels against the boundary phase, and the permutation after one flux quantum."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.errors import InputError
from moire.grids import Label, MomentumGrid
from moire.topology.berry import COARSE_LINK
from moire.verdicts import Verdict


@checked
@dataclass(frozen=True, eq=False)
class SpectralFlow(Shown):
    """Levels against the boundary phase phi in [0, 1] along L_1 or L_2.

    Labels are kept fixed while the momenta move. After one flux quantum the sector labelled K is the initial sector
    K + N s, with s the label of the shift (:class:`moire.observables.LabelShift`) and N carriers.

    Parameters
    ----------
    grid, filling, direction
        The cluster, carriers per cell, and 1 or 2.
    phases
        phi in units of 2 pi, (step,), from 0 to 1.
    labels
        Labels of the sectors solved, those of the manifold first.
    energies
        (step, sector, level) in meV; NaN where not solved: beyond the dimension, and above the lowest level of
        sectors without a state of the manifold.
    momenta
        Labels of the states of the manifold at phi = 0.
    tracked
        (step, state), energies of these states, followed within their sectors by the largest overlaps.
    splitting
        (step,), spread of the manifold in meV.
    gap
        (step,), lowest level outside minus highest inside in meV, among the sectors solved.
    permutation
        State i has become the initial state ``permutation[i]`` after one flux quantum; None if the manifold does
        not return to itself.
    closure_mev
        Largest |E(K, phi = 1) - E(K + N s, phi = 0)| over the levels solved: zero except for the plane-wave cutoff.
    min_link
        Smallest ``|det|`` of the overlaps of the manifold between neighbouring phases.
    every_sector
        Whether all momenta were solved, so that `gap` is the gap (at this polarisation, of two flavours).
    seed, converged
        Seed of the solver, and whether every level converged.
    polarisation
        N_K - N_K' of the states and of all sectors solved; None for one flavour.
    """

    grid: MomentumGrid
    filling: Fraction
    direction: int
    phases: FloatArray = field(repr=False)
    labels: tuple[Label, ...] = field(repr=False)
    energies: FloatArray = field(repr=False)
    momenta: tuple[Label, ...]
    tracked: FloatArray = field(repr=False)
    splitting: FloatArray = field(repr=False)
    gap: FloatArray = field(repr=False)
    permutation: tuple[int, ...] | None
    closure_mev: float
    min_link: float
    every_sector: bool
    seed: int
    converged: bool
    polarisation: int | None = None

    @property
    def min_gap(self) -> float:
        """Smallest gap along the flow in meV."""
        return float(self.gap.min())

    @property
    def max_splitting(self) -> float:
        """Largest splitting along the flow in meV."""
        return float(self.splitting.max())

    @property
    def period(self) -> int | None:
        """Flux quanta after which every state of the manifold returns to itself; None without a permutation."""
        if self.permutation is None:
            return None
        turns, state = 1, self.permutation
        while state != tuple(range(len(state))):
            state, turns = tuple(self.permutation[i] for i in state), turns + 1
        return turns

    def unrolled(self) -> tuple[FloatArray, FloatArray]:
        """Phases over the whole period and tracked energies (step, state), by repeated use of the permutation.

        Raises
        ------
        InputError
            If the manifold does not return to itself.
        """
        permutation, period = self.permutation, self.period
        if permutation is None or period is None:
            raise InputError("`flow` must be that of a manifold that returns to itself, but this one does not.")
        states, pieces = np.arange(len(permutation)), []
        for _ in range(period):
            pieces.append(self.tracked[:-1, states])
            states = np.array(permutation)[states]
        turns = np.arange(period)[:, None] + self.phases[None, :-1]
        return (
            np.concatenate([turns.ravel(), [float(period)]]),
            np.concatenate([*pieces, self.tracked[:1, states]]),
        )

    @property
    def _at(self) -> str:
        return "" if self.polarisation is None else f" at S_z = {Fraction(self.polarisation, 2)}"

    @property
    def decision(self) -> Verdict:
        """Whether the manifold stays below all other levels and returns to itself, and why."""
        numbers = (
            f"splitting up to {Number(self.max_splitting):.4f} meV, gap down to {Number(self.min_gap):.4f} meV"
            if np.isfinite(self.min_gap)
            else f"splitting up to {amount(self.max_splitting, 'meV')}, and no other level to compare"
        )
        known = "" if self.every_sector else " in the sectors solved"
        known += self._at
        heads = ("Spectral flow", "No spectral flow of a manifold")
        if not self.converged or np.isnan(self.gap).any() or not np.isfinite(self.max_splitting):
            return Verdict(None, f"not every level along the flow converged; {numbers}", *heads)
        if self.min_gap <= 0:
            return Verdict(False, f"other levels reach the manifold along the flow{known}; {numbers}", *heads)
        if not self.min_link > COARSE_LINK:
            coarse = f"the steps are too coarse to follow the states, smallest overlap {Number(self.min_link):.3f}"
            return Verdict(None, f"{coarse}; {numbers}", *heads)
        if self.permutation is None:
            wanders = f"the manifold stays apart{known} but does not return to itself after one flux quantum"
            return Verdict(False, f"{wanders}; {numbers}", *heads)
        moves = ", ".join(f"{self.momenta[i]} to {self.momenta[j]}" for i, j in enumerate(self.permutation))
        turns = "one flux quantum" if self.period == 1 else f"{self.period} flux quanta"
        returns = f"the manifold stays apart{known} and returns to itself after {turns}; each maps {moves}"
        return Verdict(True if self.every_sector else None, f"{returns}; {numbers}", *heads)

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        return "\n".join(
            [
                f"spectral flow along L_{self.direction} of {self.grid.name}, filling {self.filling}, "
                f"{len(self.phases)} phases, {len(self.labels)} sectors{self._at}",
                f"  {self.verdict}",
                f"  smallest |det| of overlaps between phases {Number(self.min_link):.3f}; phi = 1 repeats phi = 0 "
                f"within "
                f"{self.closure_mev:.1e} meV",
                f"  every level converged: {'yes' if self.converged else 'no'}; seed {self.seed}",
            ]
        )
