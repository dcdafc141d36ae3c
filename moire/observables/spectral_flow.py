"""Spectral flow: the low levels while one flux quantum is inserted through a handle of the torus."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from tqdm import tqdm

from moire._arrays import FloatArray, IntArray, read_only
from moire.errors import InputError, MeshWarning, require
from moire.exact_diagonalization import parse_filling
from moire.exact_diagonalization.filling import FillingLike
from moire.exact_diagonalization.hamiltonian import Storage
from moire.exact_diagonalization.manifold import Label
from moire.grids import MomentumGrid
from moire.observables.boundary_twist import LabelShift, check_twistable
from moire.observables.twisted_manifold import TwistedManifold, TwistedStates, manifold_counts
from moire.projection import ProjectedHamiltonian
from moire.topology.berry import COARSE_LINK

Sectors = Literal["all", "manifold"]


@dataclass(frozen=True, eq=False)
class SpectralFlow:
    """Levels against the boundary twist phi in [0, 1] along L_1 or L_2.

    Labels are kept fixed while the momenta move. One turn later the sector called K is the sector K + N s of
    the start, with s the label of the shift (:class:`moire.observables.LabelShift`) and N carriers.

    Parameters
    ----------
    grid, filling, direction
        The cluster, carriers per cell, and 1 or 2.
    twists
        phi in units of 2 pi, (step,), from 0 to 1.
    labels
        Labels of the sectors solved.
    energies
        (step, sector, level) in meV; NaN beyond the dimension.
    momenta
        Labels of the states of the manifold at phi = 0.
    tracked
        (step, state): energies of these states, followed within their sectors by the largest overlaps.
    splitting
        (step,), spread of the manifold in meV.
    gap
        (step,), lowest level outside minus highest inside in meV, among the sectors solved.
    permutation
        State i has become state ``permutation[i]`` of the start after one turn; None where the manifold does
        not return to itself.
    closure_mev
        Largest |E(K, phi = 1) - E(K + N s, phi = 0)| over the levels solved: zero but for the plane-wave cutoff.
    min_link
        Smallest ``|det|`` of the overlaps of the manifold between neighbouring twists.
    every_sector
        Whether all sectors were solved, so that `gap` is the gap.
    seed, converged
        Seed of the solver, and whether every level converged.
    """

    grid: MomentumGrid
    filling: Fraction
    direction: int
    twists: FloatArray = field(repr=False)
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

    @property
    def period(self) -> int | None:
        """Turns after which every state of the manifold is itself again; None without a permutation."""
        if self.permutation is None:
            return None
        turns, state = 1, self.permutation
        while state != tuple(range(len(state))):
            state, turns = tuple(self.permutation[i] for i in state), turns + 1
        return turns

    def unrolled(self) -> tuple[FloatArray, FloatArray]:
        """Twists over the whole period and the tracked energies (step, state), by the map of one turn onto the next.

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
        turns = np.arange(period)[:, None] + self.twists[None, :-1]
        return (
            np.concatenate([turns.ravel(), [float(period)]]),
            np.concatenate([*pieces, self.tracked[:1, states]]),
        )

    @property
    def verdict(self) -> str:
        """One sentence."""
        widest, smallest = float(self.splitting.max()), float(self.gap.min())
        numbers = f"splitting up to {widest:.4f} meV, gap down to {smallest:.4f} meV"
        known = "" if self.every_sector else " in the sectors solved"
        if smallest <= 0:
            return f"The manifold mixes with other levels along the flow{known}; {numbers}."
        if self.permutation is None:
            return f"The manifold stays apart{known} but does not return to itself after one turn; {numbers}."
        moves = ", ".join(f"{self.momenta[i]} to {self.momenta[j]}" for i, j in enumerate(self.permutation))
        turns = "one turn" if self.period == 1 else f"{self.period} turns"
        return (
            f"The manifold stays apart{known} and returns to itself after {turns}; one turn takes {moves}; {numbers}."
        )

    def __str__(self) -> str:
        return "\n".join(
            [
                f"spectral flow along L_{self.direction} of {self.grid.name}, filling {self.filling}, "
                f"{len(self.twists)} twists, {len(self.labels)} sectors",
                f"  {self.verdict}",
                f"  smallest |det| of overlaps between twists {self.min_link:.3f}; phi = 1 repeats phi = 0 within "
                f"{self.closure_mev:.1e} meV",
                f"  every level converged: {'yes' if self.converged else 'no'}; seed {self.seed}",
            ]
        )


def spectral_flow(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    direction: int,
    *,
    n_steps: int = 12,
    sectors: Sectors = "all",
    momenta: Sequence[Sequence[int]] | None = None,
    n_levels: int | None = None,
    storage: Storage = "auto",
    tolerance_mev: float = 1e-6,
    seed: int = 0,
    progress: bool = False,
) -> SpectralFlow:
    """Follow the manifold while one flux quantum is inserted along L_1 or L_2; bands are solved at every twist.

    Parameters
    ----------
    problem
        One band of one flavour on a cluster; phi is measured from its own twist.
    filling
        Carriers per cell.
    direction
        1 or 2.
    n_steps
        Steps of one turn.
    sectors
        ``"all"``, or ``"manifold"`` for those of the manifold alone, where the gap is then an upper bound.
    momenta
        Labels of the manifold, one per state; by default those predicted at the filling.
    n_levels
        Levels per sector; by default, and at least, one more than the manifold has in any of them.
    storage, tolerance_mev, seed
        As in :func:`moire.solve_all_sectors`.
    progress
        Show a progress bar over twists.

    Raises
    ------
    InputError
        If a setting is out of range, the manifold is larger than the states asked, or the bands cannot be solved
        again.

    Warns
    -----
    MeshWarning
        If the overlap of the manifold between neighbouring twists is below 0.5.

    References
    ----------
    Regnault and Bernevig, PRX 1, 021014 (2011), Fig. 4.
    """
    fraction = abs(parse_filling(filling))
    grid = problem.grid
    shift = LabelShift(grid, direction)
    require(n_steps >= 2 and n_steps == int(n_steps), "n_steps", "be an integer of at least 2", n_steps)
    require(sectors in ("all", "manifold"), "sectors", "be 'all' or 'manifold'", repr(sectors))
    counts = manifold_counts(grid, filling, momenta)
    deepest = max(counts.values())
    levels = deepest + 1 if n_levels is None else n_levels
    require(levels > deepest, "n_levels", f"exceed {deepest}, the states of the manifold in one sector", levels)
    check_twistable(problem)
    manifold = TwistedManifold(problem, fraction, counts, None, storage, tolerance_mev, seed)

    wanted = None if sectors == "all" else sorted(counts)
    twists = np.linspace(0.0, 1.0, int(n_steps) + 1)
    states: list[TwistedStates] = []
    energies, orders, links, converged = [], [_start(counts)], [], True
    for phi in tqdm(twists, desc="twists", disable=not progress, leave=False):
        offset = (float(phi), 0.0) if direction == 1 else (0.0, float(phi))
        point = manifold.solve(offset, levels, wanted)
        if states:
            link, order = _follow(manifold, states[-1], point, orders[-1])
            links.append(link)
            orders.append(order)
        states = [point]
        energies.append(point.spectrum.energies)
        converged = converged and all(point.spectrum.converged)
    stacked, labels = np.stack(energies), point.spectrum.labels
    rows = np.array([labels.index(label) for label, _ in _states(counts)])
    levels_of = np.array([[order[label][i] for label, i in _states(counts)] for order in orders])
    tracked = stacked[np.arange(len(twists))[:, None], rows[None], levels_of]
    require(np.isfinite(tracked).all(), "momenta", "ask for no more states than a sector has", sorted(counts.items()))
    result = SpectralFlow(
        grid=grid,
        filling=fraction,
        direction=direction,
        twists=read_only(twists),
        labels=labels,
        energies=read_only(stacked),
        momenta=tuple(label for label, _ in _states(counts)),
        tracked=read_only(tracked),
        splitting=read_only(np.ptp(tracked, axis=1)),
        gap=read_only(_outside(stacked, labels, counts) - tracked.max(axis=1)),
        permutation=_permutation(manifold, shift, counts, levels_of[-1]),
        closure_mev=_closure(manifold, shift, labels, stacked),
        min_link=float(min(links)),
        every_sector=len(labels) == grid.n_points,
        seed=seed,
        converged=converged,
    )
    if result.min_link < COARSE_LINK:
        warnings.warn(f"The steps of the flow are too coarse: {result}", MeshWarning, stacklevel=2)
    return result


def _states(counts: Counter[Label]) -> list[tuple[Label, int]]:
    """States of the manifold as (label, level at the start)."""
    return [(label, level) for label in sorted(counts) for level in range(counts[label])]


def _start(counts: Counter[Label]) -> dict[Label, IntArray]:
    return {label: np.arange(count) for label, count in counts.items()}


def _follow(
    manifold: TwistedManifold, before: TwistedStates, after: TwistedStates, order: dict[Label, IntArray]
) -> tuple[float, dict[Label, IntArray]]:
    """Smallest |det| of a sector's overlaps and, per sector, the level that each state has moved to."""
    smallest, moved = 1.0, {}
    for label, own in order.items():
        overlap = manifold.overlap(before, after, label)
        smallest = min(smallest, float(np.abs(np.linalg.det(overlap))))
        _, columns = linear_sum_assignment(np.abs(overlap), maximize=True)
        moved[label] = columns[own]
    return smallest, moved


def _outside(energies: FloatArray, labels: tuple[Label, ...], counts: Counter[Label]) -> FloatArray:
    """Lowest level outside the manifold at every twist; infinite if none was solved."""
    lowest = np.full(len(energies), np.inf)
    for row, label in enumerate(labels):
        taken = counts.get(label, 0)
        if taken < energies.shape[2]:
            lowest = np.fmin(lowest, energies[:, row, taken])
    return lowest


def _permutation(
    manifold: TwistedManifold, shift: LabelShift, counts: Counter[Label], final: IntArray
) -> tuple[int, ...] | None:
    """State of the start that each state has become after one turn."""
    index = {state: i for i, state in enumerate(_states(counts))}
    targets = []
    for (label, _), level in zip(_states(counts), final, strict=True):
        target = index.get((shift.of_total(label, manifold.n_carriers), int(level)))
        if target is None:
            return None
        targets.append(target)
    return tuple(targets)


def _closure(manifold: TwistedManifold, shift: LabelShift, labels: tuple[Label, ...], energies: FloatArray) -> float:
    rows = {label: row for row, label in enumerate(labels)}
    worst = 0.0
    for label, row in rows.items():
        start = rows.get(shift.of_total(label, manifold.n_carriers))
        if start is not None:
            worst = max(worst, float(np.nanmax(np.abs(energies[-1, row] - energies[0, start]), initial=0.0)))
    return worst
