"""Insertion of one flux quantum through a handle of the torus, following the ground-state manifold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from moire._arrays import FloatArray, IntArray, read_only
from moire._text import Number
from moire._types import checked
from moire.errors import MeshWarning, is_whole, require, warn
from moire.exact_diagonalization import SpectrumSettings, carriers_on
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label
from moire.observables.boundary_phase import LabelShift, check_solvable_again
from moire.observables.manifold_at_phases import ManifoldAtPhases
from moire.observables.manifold_counts import carriers_at, manifold_counts
from moire.observables.spectral_flow_result import SpectralFlow
from moire.observables.states_at_phase import StatesAtPhase
from moire.projection import ProjectedHamiltonian
from moire.topology.berry import COARSE_LINK

Sectors = Literal["all", "manifold"]
_DEFAULT = SpectrumSettings()


@checked
def spectral_flow(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    direction: int,
    *,
    n_steps: int = 12,
    sectors: Sectors = "all",
    momenta: Sequence[Sequence[int]] | None = None,
    n_levels: int | None = None,
    polarisation: int | None = None,
    solved: ManifoldAtPhases | None = None,
    settings: SpectrumSettings = _DEFAULT,
) -> SpectralFlow:
    """Follow the manifold while one flux quantum is inserted along L_1 or L_2; bands are solved at every phase.

    Parameters
    ----------
    problem
        Any number of bands of one or two flavours on a cluster; phi is measured from the boundary phase of the problem.
    filling
        Carriers per cell.
    direction
        1 or 2.
    n_steps
        Steps of one flux quantum.
    sectors
        ``"all"``, or ``"manifold"`` for those of the manifold alone, where the gap is then an upper bound.
    momenta
        Labels of the manifold, one per state; by default those predicted at the filling.
    n_levels
        Levels of each sector with states of the manifold; by default, and at least, one more than the largest number of
        these states in a sector. In the other sectors the lowest level is solved.
    polarisation
        N_K - N_K' of two flavours, which the flux conserves; by default all carriers are in the first. Sectors of other
        polarisations are not solved.
    solved
        The manifold of this problem at phases that other calls have solved, to which those of this call are added.
    settings
        Settings of the spectra; the progress bar counts the steps.

    Raises
    ------
    InputError
        If a setting is out of range, the manifold has more states than requested, or the bands cannot be solved
        again.
    MemoryRefusedError
        If the states at all phases do not fit.

    Warns
    -----
    MeshWarning
        If the overlap of the manifold between neighbouring phases is below 0.5.

    References
    ----------
    Regnault and Bernevig, PRX 1, 021014 (2011), Fig. 4.
    """
    grid, orbitals = problem.grid, problem.orbitals
    n_bands = orbitals.n_flavours * orbitals.n_bands
    fraction = one_band_filling(filling, problem.carrier, n_bands)
    shift = LabelShift(grid, direction)
    require(n_steps >= 2 and is_whole(n_steps), "n_steps", "be an integer of at least 2", n_steps)
    require(sectors in ("all", "manifold"), "sectors", "be 'all' or 'manifold'", repr(sectors))
    carriers = carriers_at(orbitals, carriers_on(grid, filling, n_bands), polarisation)
    counts = manifold_counts(orbitals, carriers, momenta)
    deepest = max(counts.values())
    levels = deepest + 1 if n_levels is None else n_levels
    require(levels > deepest, "n_levels", f"exceed {deepest}, the states of the manifold in one sector", levels)
    check_solvable_again(problem)
    manifold = ManifoldAtPhases(problem, fraction, counts, settings, polarisation) if solved is None else solved
    manifold.check_same(problem, counts)

    n_others = 1 if sectors == "all" else 0
    labels = tuple(sorted(counts)) + (manifold.other_labels if n_others else ())
    phases = np.linspace(0.0, 1.0, int(n_steps) + 1)
    stacked = np.full((len(phases), len(labels), levels), np.nan)
    orders, links, converged = [_start(counts)], [], True
    manifold.reserve_vectors(len(phases), levels)
    offsets = [(float(phi), 0.0) if direction == 1 else (0.0, float(phi)) for phi in phases]
    before: StatesAtPhase | None = None
    for step, point in enumerate(manifold.solve_all(offsets, levels, n_others, settings.progress)):
        if before is not None:
            link, order = _follow(manifold, before, point, orders[-1])
            links.append(link)
            orders.append(order)
        for row, label in enumerate(labels):
            found = point.energies(label)[: levels if label in counts else n_others]
            stacked[step, row, : len(found)] = found
        before, converged = point, converged and point.converged
    rows = np.array([labels.index(label) for label, _ in _states(counts)])
    levels_of = np.array([[order[label][i] for label, i in _states(counts)] for order in orders])
    tracked = stacked[np.arange(len(phases))[:, None], rows[None], levels_of]
    result = SpectralFlow(
        grid=grid,
        filling=fraction,
        direction=direction,
        phases=read_only(phases),
        labels=labels,
        energies=read_only(stacked),
        momenta=tuple(label for label, _ in _states(counts)),
        tracked=read_only(tracked),
        splitting=read_only(np.ptp(tracked, axis=1)),
        gap=read_only(_outside(stacked, labels, counts) - tracked.max(axis=1)),
        permutation=_permutation(manifold, shift, counts, levels_of[-1]),
        closure_mev=max(_closure(manifold, shift, labels, stacked), point.related_mev),
        min_link=float(min(links)),
        every_sector=len(labels) == grid.n_points,
        seed=settings.seed,
        converged=converged,
        polarisation=carriers[0] - carriers[1] if len(carriers) == 2 else None,
    )
    if result.min_link < COARSE_LINK:
        warn(
            f"The {n_steps} steps of the flow are too coarse: the smallest |det| of overlaps between phases is "
            f"{Number(result.min_link):.3f}, below {COARSE_LINK}.",
            MeshWarning,
        )
    return result


def _states(counts: Counter[Label]) -> list[tuple[Label, int]]:
    """States of the manifold as (label, level at phi = 0)."""
    return [(label, level) for label in sorted(counts) for level in range(counts[label])]


def _start(counts: Counter[Label]) -> dict[Label, IntArray]:
    return {label: np.arange(count) for label, count in counts.items()}


def _follow(
    manifold: ManifoldAtPhases, before: StatesAtPhase, after: StatesAtPhase, order: dict[Label, IntArray]
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
    """Lowest level outside the manifold at every phase; infinite if none was solved."""
    lowest = np.full(len(energies), np.inf)
    for row, label in enumerate(labels):
        taken = counts.get(label, 0)
        if taken < energies.shape[2]:
            lowest = np.fmin(lowest, energies[:, row, taken])
    return lowest


def _permutation(
    manifold: ManifoldAtPhases, shift: LabelShift, counts: Counter[Label], final: IntArray
) -> tuple[int, ...] | None:
    """Initial state that each state has become after one flux quantum."""
    index = {state: i for i, state in enumerate(_states(counts))}
    targets = []
    for (label, _), level in zip(_states(counts), final, strict=True):
        target = index.get((shift.of_total(label, manifold.n_carriers), int(level)))
        if target is None:
            return None
        targets.append(target)
    return tuple(targets)


def _closure(manifold: ManifoldAtPhases, shift: LabelShift, labels: tuple[Label, ...], energies: FloatArray) -> float:
    rows = {label: row for row, label in enumerate(labels)}
    worst = 0.0
    for label, row in rows.items():
        start = rows.get(shift.of_total(label, manifold.n_carriers))
        if start is not None:
            worst = max(worst, float(np.nanmax(np.abs(energies[-1, row] - energies[0, start]), initial=0.0)))
    return worst
