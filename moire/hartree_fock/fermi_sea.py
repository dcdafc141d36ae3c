"""Occupation of a metal near the Fermi energy, optimised by moves of single carriers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._types import checked
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.newton import Newton
from moire.hartree_fock.occupation import Occupation
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.stages import Iterate
from moire.hartree_fock.tangent import Tangent

Filled = NDArray[np.bool_]

_SMALLEST_GAIN_MEV = 1e-6  # of the cluster: equal determinants differ by rounding only
_N_RANDOM = 64
_ROUNDS = 20
_NEWTON_STEPS = 200  # at the new occupation


@dataclass(frozen=True, eq=False)
class Levels:
    """Energy of the determinants that fill any of some fixed orbitals: E - E_0 = e dn + dn W dn / 2.

    Moving a carrier from h to p costs e_p - e_h - A_ph with A_ph = W_ph - (W_pp + W_hh) / 2, the attraction of the
    particle and the hole, exchange included. An empty level has no self-exchange -V(0)/A, so that e_p > e_h alone
    (the aufbau order) does not show that the move costs energy.

    Parameters
    ----------
    momenta, bands
        Momentum of the reduced zone and band index of each level, (level,).
    columns
        Orbitals, (level, orbital).
    energies, filled
        e in meV, and the occupation relative to which dn is defined, (level,).
    couplings
        W_ij = <i| Self-energy of |j><j| |i> in meV, (level, level).
    """

    momenta: IntArray
    bands: IntArray
    columns: ComplexArray = field(repr=False)
    energies: FloatArray = field(repr=False)
    filled: Filled = field(repr=False)
    couplings: FloatArray = field(repr=False)

    @classmethod
    def of(cls, mean_field: MeanField, tangent: Tangent, chosen: Filled) -> Levels:
        """Levels marked in (k, state), at the cost of one build of the mean field each."""
        momenta, bands = np.nonzero(chosen)
        columns = np.ascontiguousarray(tangent.orbitals[momenta, :, bands])
        couplings = np.empty((len(momenta), len(momenta)))
        for j, (k, column) in enumerate(zip(momenta, columns, strict=True)):
            density = np.zeros(mean_field.shape, dtype=np.complex128)
            density[k] = np.outer(column, column.conj())
            field_at_levels = mean_field.interaction(density)[momenta]
            couplings[:, j] = np.einsum("im,imn,in->i", columns.conj(), field_at_levels, columns).real
        couplings = (couplings + couplings.T) / 2
        return cls(momenta, bands, columns, tangent.energies[chosen], tangent.filled[chosen], couplings)

    def change(self, filled: Filled) -> float:
        """E - E_0 in meV of another occupation of the levels."""
        dn = filled.astype(float) - self.filled
        return float(self.energies @ dn + dn @ self.couplings @ dn / 2)

    def costs(self, filled: Filled) -> tuple[FloatArray, IntArray, IntArray]:
        """Cost in meV of every single move, (empty, filled), and the levels along its axes."""
        energies = self.energies + self.couplings @ (filled.astype(float) - self.filled)
        own = np.diag(self.couplings) / 2
        to, origin = np.flatnonzero(~filled), np.flatnonzero(filled)
        cost = (energies + own)[to, None] - (energies - own)[None, origin] - self.couplings[np.ix_(to, origin)]
        return cost, to, origin

    def descend(self, filled: Filled) -> Filled:
        """Make the most profitable move until none lowers the energy."""
        filled = filled.copy()
        while True:
            cost, to, origin = self.costs(filled)
            if not cost.size or cost.min() > -_SMALLEST_GAIN_MEV:
                return filled
            i, j = np.unravel_index(int(cost.argmin()), cost.shape)
            filled[to[i]], filled[origin[j]] = True, False

    def lowest(self, starts: list[FloatArray]) -> Filled:
        """Lowest result of descents from the present occupation and from those that fill the lowest levels of `starts`.

        A single descent can end in a Fermi sea around the wrong momentum.
        """
        number, found = int(self.filled.sum()), [self.descend(self.filled)]
        for energies in starts:
            filled = np.zeros(len(energies), dtype=bool)
            filled[np.argsort(energies, kind="stable")[:number]] = True
            found.append(self.descend(filled))
        return min(found, key=self.change)


def largest_self_exchange(mean_field: MeanField) -> float:
    """Bound in meV on the self-exchange of any orbital: the sum of |V(q)|/A over the reciprocal vectors of the cell.

    Filling a level more than this above a filled one in its place cannot lower the energy: the exchange between the two
    and the Hartree energy of their difference only add to the cost.
    """
    problem = mean_field.problem
    own = np.isin(problem.form_factors.transfers.group_index, mean_field.folding.wavevectors)
    return problem.zero_exchange + float(np.linalg.norm(problem.coulomb[own], 2, axis=(1, 2)).sum())


@checked
def rearranged(mean_field: MeanField, result: HartreeFockResult, settings: ScfSettings = DEFAULTS) -> HartreeFockResult:
    """Move carriers between momenta until no move of a single carrier lowers the energy.

    In a metal many Fermi seas are self-consistent and filled in the aufbau order. Moves are made at fixed orbitals,
    from the present sea, from this sea displaced by every momentum, and from random ones; then the orbitals relax at
    the new occupation, and both steps are repeated. For an insulator whose gap exceeds :func:`largest_self_exchange`
    they are skipped.

    Parameters
    ----------
    mean_field
        The mean field that the state belongs to.
    result
        A state at zero temperature; under the symmetry ``"c3"``, which moves would break, none is tried.
    settings
        Settings of the loop; their tolerance applies to the new state.

    Returns
    -------
    HartreeFockResult
        The state with ``move_mev`` set; if it is a new one, its guess ends in "moved". A stationary state that was
        filled against the aufbau order, as under the rule ``"drop"`` for q = 0, counts as converged if no move lowers
        its energy.
    """
    fill, relax = result.aufbau, Newton(settings.tolerance_mev)
    bound = largest_self_exchange(mean_field)
    state = replace(Iterate.of(mean_field, result.density_matrix, result.history), residual=result.residual)
    tangent = Tangent(mean_field, state.density_matrix, state.fock, fill.n_sectors)
    cheapest, moved = float("nan"), False
    for attempt in range(_ROUNDS):
        top, bottom = tangent.edges
        if bottom - top >= bound:
            cheapest = bottom - top - bound
            break
        if result.symmetry == "c3":
            break
        chosen = np.where(tangent.filled, tangent.energies > bottom - bound, tangent.energies < top + bound)
        levels = Levels.of(mean_field, tangent, chosen)
        best = levels.lowest(_starts(mean_field, tangent, levels, [result.seed, attempt]))
        if levels.change(best) > -_SMALLEST_GAIN_MEV:
            cheapest = float(levels.costs(levels.filled)[0].min())
            break
        moved = True
        weights = best.astype(float) - levels.filled
        changed = state.density_matrix.copy()
        np.add.at(changed, levels.momenta, np.einsum("i,im,in->imn", weights, levels.columns, levels.columns.conj()))
        state = relax(mean_field, Iterate.of(mean_field, changed, state.steps), fill, _NEWTON_STEPS)
        tangent = Tangent(mean_field, state.density_matrix, state.fock, fill.n_sectors)
    if not moved and (result.converged or np.isnan(cheapest)):
        return replace(result, move_mev=cheapest)
    converged = state.residual < settings.tolerance_mev
    return replace(
        result,
        guess=f"{result.guess.removesuffix(' moved')} moved" if moved else result.guess,
        density_matrix=read_only(state.density_matrix),
        lowest=_occupation(tangent),
        energy=mean_field.energy_parts(state.density_matrix),
        converged=converged,
        stop_reason="no move of a carrier lowers the energy" if converged else "no further descent",
        residual=state.residual,
        history=state.steps,
        curvature_mev=float("nan") if moved else result.curvature_mev,
        move_mev=cheapest,
    )


def _starts(mean_field: MeanField, tangent: Tangent, levels: Levels, seed: list[int]) -> list[FloatArray]:
    """Energies of the levels at momenta displaced by each of the grid, and random ones."""
    sums = mean_field.folding.reduced_grid.sum_index
    displaced = [tangent.energies[sums[levels.momenta, q], levels.bands] for q in range(1, len(sums))]
    random = np.random.default_rng(seed).standard_normal((_N_RANDOM, len(levels.energies)))
    return [*displaced, *random]


def _occupation(tangent: Tangent) -> Occupation:
    order = np.argsort(tangent.energies, axis=1, kind="stable")
    return Occupation(
        np.take_along_axis(tangent.energies, order, axis=1),
        np.take_along_axis(tangent.orbitals, order[:, None, :], axis=2),
        np.take_along_axis(tangent.filled, order, axis=1).astype(float),
    )
