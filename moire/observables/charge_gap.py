"""Charge gap from N+1 and N-1 carriers, with and without flipped valleys, and the neutral gap at the same filling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization import Spectrum, SpectrumSettings, carriers_on, solve_all_sectors
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label, MomentumGrid
from moire.observables.lowest_level import BOUNDED_MEV, finished, undecided
from moire.predictions import expected_momenta
from moire.projection import ProjectedHamiltonian
from moire.verdicts import Verdict

_DEFAULT = SpectrumSettings()
Ground = tuple[int, float, Label]
"""Polarisation N_K - N_K', lowest energy in meV, and the label of its sector."""
RESOLVED_MEV = 4e-6  # four energies, each to the default tolerance of the solver


@checked
@dataclass(frozen=True, eq=False)
class ChargeGap(Shown):
    """Charge gap E(N+1) + E(N-1) - 2 E(N), for an added and a removed carrier far apart.

    With two flavours each energy is the lowest of all polarisations, so that carriers may flip; `gap_without_flip` adds
    and removes the carrier in one flavour, with the other flavours as in the ground state.

    Parameters
    ----------
    grid, filling, n_carriers
        The cluster, carriers per cell, and N.
    energies
        Ground energies in meV at N-1, N and N+1, lowest over all sectors.
    momenta
        Labels of those ground states.
    neutral_gap
        Lowest excitation at N in meV: above the predicted manifold if there is one (NaN unless its states were
        solved and are the lowest), else the second lowest level minus the lowest.
    charging_mev
        V(0)/A in meV, the classical energy of charging the gates with one carrier; it is included in the gap
        under ``zero_momentum="keep"`` and not under the other rules; infinite without gates.
    zero_momentum
        The rule at q = 0 of the problem.
    converged, seed
        Whether every level of the three solves converged, and the seed.
    polarised
        At N-1, N and N+1 the lowest energy of every polarisation solved: (N_K - N_K', energy in meV, label). Values
        of opposite sign are omitted where time reversal gives them. Empty for one flavour.
    """

    grid: MomentumGrid
    filling: Fraction
    n_carriers: int
    energies: tuple[float, float, float]
    momenta: tuple[Label, Label, Label] = field(repr=False)
    neutral_gap: float
    charging_mev: float
    zero_momentum: str
    converged: bool
    seed: int
    polarised: tuple[tuple[Ground, ...], ...] = field(default=(), repr=False)

    @property
    def polarisations(self) -> tuple[int, ...]:
        """N_K - N_K' of the ground states at N-1, N and N+1; empty for one flavour."""
        return tuple(min(grounds, key=lambda ground: ground[1])[0] for grounds in self.polarised)

    def _lowest(self, which: int, polarisation: int) -> float:
        """Lowest energy at N-1, N or N+1 (0, 1, 2) and a polarisation, or its time reverse; infinite if none."""
        own = {found: energy for found, energy, _ in self.polarised[which]}
        return own.get(polarisation, own.get(-polarisation, float("inf")))

    @property
    def gap_without_flip(self) -> float:
        """The lowest E(N+1) + E(N-1) - 2 E(N) in meV with the carrier added to and removed from one flavour."""
        if not self.polarised:
            return self.charge_gap
        own = self.polarisations[1]
        return min(self._lowest(2, own + s) + self._lowest(0, own - s) for s in (1, -1)) - 2 * self.energies[1]

    @property
    def flip_gap(self) -> float:
        """Excitation energy in meV of the ground state with one carrier flipped; NaN for one flavour."""
        if not self.polarised:
            return float("nan")
        own = self.polarisations[1]
        flipped = min(self._lowest(1, own - 2), self._lowest(1, own + 2))
        return flipped - self.energies[1] if np.isfinite(flipped) else float("nan")

    @property
    def charge_gap(self) -> float:
        """E(N+1) + E(N-1) - 2 E(N) in meV."""
        fewer, same, more = self.energies
        return fewer + more - 2 * same

    @property
    def chemical_potentials(self) -> tuple[float, float]:
        """Chemical potentials of the carriers, E(N) - E(N-1) and E(N+1) - E(N), in meV."""
        fewer, same, more = self.energies
        return same - fewer, more - same

    @property
    def without_charging(self) -> float:
        """The gap minus V(0)/A in meV, the same under every rule at q = 0: the limit of the gap on a large cluster."""
        return self.charge_gap - (self.charging_mev if self.zero_momentum == "keep" else 0.0)

    @property
    def decision(self) -> Verdict:
        """Whether the gap without the charging energy of the gates is positive, and why."""
        heads = ("Charge gap", "No charge gap")
        numbers = f"{amount(self.without_charging, 'meV')} without the charging energy" + (
            f", {amount(self.charge_gap, 'meV')} with it" if self.zero_momentum == "keep" else ""
        )
        if not self.converged or not np.isfinite(self.without_charging):
            return Verdict(None, f"not every level converged; {numbers}", *heads)
        if abs(self.without_charging) <= RESOLVED_MEV:
            return Verdict(None, f"the gap is zero within the accuracy of the four energies; {numbers}", *heads)
        return Verdict(self.without_charging > 0, numbers, *heads)

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        lines = [
            f"charge gap {Number(self.charge_gap):.4f} meV, neutral gap {amount(self.neutral_gap, 'meV')}: "
            f"{self.grid.name}, filling {self.filling}"
        ]
        counts = (self.n_carriers - 1, self.n_carriers, self.n_carriers + 1)
        spins = [f", S_z = {Fraction(polarisation, 2)}" for polarisation in self.polarisations] or [""] * 3
        for n, energy, label, spin in zip(counts, self.energies, self.momenta, spins, strict=True):
            lines.append(f"  {n:>3} carriers: E0 = {Number(energy):.6f} meV at {label}{spin}")
        if self.polarised:
            flip = f"one carrier flipped at {amount(self.flip_gap, 'meV')}"
            lines.append(f"  charge gap without flips {Number(self.gap_without_flip):.4f} meV, {flip}")
        lower, upper = self.chemical_potentials
        lines.append(f"  adding a carrier: mu- = {Number(lower):.4f} meV, mu+ = {Number(upper):.4f} meV")
        holds = "holds" if self.zero_momentum == "keep" else "lacks"
        charging = amount(self.charging_mev, "meV") + ("" if np.isfinite(self.charging_mev) else " without gates")
        lines.append(f"  q = 0 rule '{self.zero_momentum}': the gap {holds} the charging energy, {charging}")
        lines.append(f"  every level converged: {'yes' if self.converged else 'no'}; seed {self.seed}")
        return "\n".join(lines)


@checked
def charge_gap(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    settings: SpectrumSettings = _DEFAULT,
    *,
    spectrum: Spectrum | None = None,
) -> ChargeGap:
    """Charge gap and neutral gap at a filling, from all sectors with N-1, N and N+1 carriers, of all polarisations.

    Parameters
    ----------
    problem
        Any number of bands of one or two flavours on a cluster.
    filling
        Carriers per cell.
    settings
        Settings of the spectra.
    spectrum
        That of N carriers with these settings, if it is known; it is not solved again where it holds enough levels.

    Raises
    ------
    InputError
        If the filling does not fit the cluster or leaves no room for an additional carrier.
    """
    grid, orbitals = problem.grid, problem.orbitals
    n_bands = orbitals.n_flavours * orbitals.n_bands
    fraction = one_band_filling(filling, problem.carrier, n_bands)
    n_carriers = carriers_on(grid, filling, n_bands)
    require(n_carriers < orbitals.size, "filling", "leave room for one more carrier", f"{fraction} on {orbitals}")
    predicted = expected_momenta(grid, fraction) if fraction <= 1 else None
    deepest = max(Counter(predicted or ((0, 0),)).values())

    if spectrum is None or spectrum.energies.shape[1] < deepest + 1:
        spectrum = solve_all_sectors(problem, fraction, deepest + 1, settings=settings)
    others = [_lowest(problem, n, settings) if n else None for n in (n_carriers - 1, n_carriers + 1)]
    fewer, more = (_ground(other) if other else (0.0, (0, 0)) for other in others)  # E = 0 without carriers
    energy, label = _ground(spectrum)
    if spectrum.manifold is not None:
        neutral = spectrum.manifold.gap
    else:
        lowest = np.sort(spectrum.energies[np.isfinite(spectrum.energies)])
        neutral = float(lowest[1] - lowest[0])
    infinite = problem.interaction.diverges_at_zero
    charging = np.inf if infinite else float(problem.interaction(np.zeros(1))[0, 0, 0]) / problem.area_nm2
    return ChargeGap(
        grid=grid,
        filling=fraction,
        n_carriers=n_carriers,
        energies=(fewer[0], energy, more[0]),
        momenta=(fewer[1], label, more[1]),
        neutral_gap=neutral,
        charging_mev=charging,
        zero_momentum=problem.zero_momentum,
        converged=all(all(each.converged) for each in (spectrum, *others) if each),
        seed=settings.seed,
        polarised=tuple(map(_polarised, (others[0], spectrum, others[1]))) if orbitals.n_flavours > 1 else (),
    )


def _lowest(problem: ProjectedHamiltonian, n_carriers: int, settings: SpectrumSettings) -> Spectrum:
    """Lowest level of every sector, those of one flavour that are not the lowest of all to 0.01 meV."""
    filling = Fraction(n_carriers, problem.grid.n_points)
    if problem.orbitals.n_flavours > 1:
        return solve_all_sectors(problem, filling, 1, settings=settings)
    coarse = replace(settings, looser_mev=(max(BOUNDED_MEV, settings.tolerance_mev),))
    spectrum = solve_all_sectors(problem, filling, 1, keep_vectors=True, settings=coarse)
    (rows,) = undecided([(spectrum, [0] * len(spectrum.labels))], settings.tolerance_mev)
    return finished(
        spectrum,
        rows,
        lambda labels, known: solve_all_sectors(
            problem, filling, 1, momenta=labels, keep_vectors=True, start=known, settings=settings
        ),
    )


def _polarised(spectrum: Spectrum | None) -> tuple[Ground, ...]:
    """Lowest level of every polarisation; zero energy without carriers."""
    if spectrum is None:
        return ((0, 0.0, (0, 0)),)
    grounds = []
    for polarisation in dict.fromkeys(spectrum.polarisation.tolist()):
        rows = np.flatnonzero(spectrum.polarisation == polarisation)
        row = int(rows[np.nanargmin(spectrum.energies[rows, 0])])
        grounds.append((polarisation, float(spectrum.energies[row, 0]), spectrum.labels[row]))
    return tuple(grounds)


def _ground(spectrum: Spectrum) -> tuple[float, Label]:
    """Lowest energy and the label of its sector."""
    row = int(np.nanargmin(spectrum.energies[:, 0]))
    return float(spectrum.energies[row, 0]), spectrum.labels[row]
