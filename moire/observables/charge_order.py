"""Competing charge density wave at p/3: full S(q) at the zone corners, and the tower of states at Gamma, K and K'."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization import Spectrum
from moire.grids import Label
from moire.observables.manifold_states import manifold_rows
from moire.observables.many_body_chern import ManyBodyChern
from moire.observables.structure_factor import StructureFactor
from moire.predictions import tower_momenta, zone_corners
from moire.verdicts import Verdict

ORDERED_GROWTH = 0.5  # of S(K) with the number of carriers: the exponent is 1 in a wave and 0 in a liquid


@checked
@dataclass(frozen=True)
class ChargeOrder(Shown):
    """Evidence for and against a sqrt3 x sqrt3 charge-density wave.

    Parameters
    ----------
    corner_peak, projected_peak
        Mean of the full and of the projected S(q) at K and K'; NaN on a cluster without these momenta.
    background
        Largest full S(q) elsewhere in the first zone; minus infinity where there is no other momentum.
    largest_at
        Label of the momentum of the largest full S(q) in the first zone.
    momenta
        Predicted total momenta of the tower; None where there is none.
    energies
        Lowest energy at each of them in meV; NaN where the sector was not solved.
    splitting, gap
        Largest minus smallest of them, and the lowest other level minus the largest, in meV; the gap is NaN where the
        next level of a sector is not known.
    peak_threshold
        Ratio of `corner_peak` to `background` that counts as a peak.
    fci_gap
        Gap above the manifold of the incompressible state in meV, NaN where there is none.
    shared
        Whether the manifold of the incompressible state has the momenta of the tower; the tower is then no evidence.
    chern_per_state
        Chern number per state of the states at these momenta, None where it is not known.
    growth
        Exponent of the full S(K) in the number of carriers, from a smaller cluster; NaN without one.
    """

    corner_peak: float
    projected_peak: float
    background: float
    largest_at: Label
    momenta: tuple[Label, ...] | None
    energies: tuple[float, ...] = field(repr=False)
    splitting: float
    gap: float
    peak_threshold: float
    fci_gap: float
    n_carriers: int
    shared: bool
    chern_per_state: Fraction | None = None
    growth: float = float("nan")

    @property
    def peak_ratio(self) -> float:
        """Full S(K) over the largest full S(q) elsewhere; it grows with the cluster in a wave, not in a liquid."""
        return self.corner_peak / self.background if self.background > 0 else float("nan")

    @property
    def has_peak(self) -> bool:
        """Whether the full S(q) peaks at the corners."""
        return bool(self.peak_ratio > self.peak_threshold)

    @property
    def has_tower(self) -> bool:
        """Whether the three lowest states are those of the tower, with a gap that exceeds their splitting."""
        return bool(self.gap > self.splitting)

    @property
    def is_ordered(self) -> bool:
        """Whether a charge-density wave was identified."""
        return self.decision.answer is True

    @property
    def decision(self) -> Verdict:
        """Whether there is a charge-density wave, and why.

        Peak and tower must agree. Where the momenta of the tower are those of the incompressible state, low states
        at them are no evidence: the Chern number per state (an integer in a wave, a fraction in a fractional
        Chern insulator) or the growth of the peak must be known, and agree with the peak.
        """
        heads = ("Charge-density wave", "No charge-density wave")
        if not np.isfinite(self.corner_peak):
            no_corner = "the cluster does not hold K and K', so that no sqrt3 x sqrt3 wave fits"
            return Verdict(None, f"{no_corner}; the full S(q) is largest at {self.largest_at}", *heads)
        projected = f"full S(K) = {Number(self.corner_peak):.3f} (projected {Number(self.projected_peak):.3f})"
        if not np.isfinite(self.peak_ratio):
            return Verdict(None, f"{projected} has no other momentum for comparison", *heads)
        peak = f"{projected} is {Number(self.peak_ratio):.2f} of the largest full S(q) elsewhere"
        evidence = [self.has_peak]
        if np.isfinite(self.growth):
            evidence.append(self.growth > ORDERED_GROWTH)
            peak += f" and grows as the power {Number(self.growth):.2f} of the number of carriers"
        if self.momenta is None:
            return Verdict(None, f"there is no tower to compare at this filling; {peak}", *heads)
        if not np.isfinite(self.gap):
            unsolved = "the states of the tower and the next level of every sector were not all solved"
            return Verdict(None, f"{unsolved}; {peak}", *heads)
        places = " ".join(map(str, self.momenta))
        tower = (
            f"the lowest states at {places} are split by {Number(self.splitting):.4f} meV with a gap of "
            f"{Number(self.gap):.4f} meV"
        )
        if not (self.shared and self.has_tower):
            evidence.append(self.has_tower)
        else:
            tower += ", as in a fractional Chern insulator, which has the same momenta here"
            if self.chern_per_state is not None:
                evidence.append(self.chern_per_state.denominator == 1)
                tower += f"; their Chern number per state is {self.chern_per_state}"
            elif len(evidence) == 1:
                unknown = "neither their Chern number nor the growth of the peak is known"
                return Verdict(None, f"{peak}, and {tower}; {unknown}", *heads)
        answer = evidence[0] if len(set(evidence)) == 1 else None
        rival = not self.shared and answer is False and np.isfinite(self.fci_gap)
        tail = f"; the gap above the FCI manifold is {Number(self.fci_gap):.4f} meV" if rival else ""
        return Verdict(answer, f"{peak}, and {tower}{tail}", *heads)

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        return self.verdict


@checked
def charge_order(
    spectrum: Spectrum,
    structure: StructureFactor,
    peak_threshold: float = 2.0,
    *,
    chern: ManyBodyChern | None = None,
    smaller: ChargeOrder | None = None,
) -> ChargeOrder:
    """Look for a sqrt3 x sqrt3 charge-density wave in a spectrum and in the structure factor of its lowest states.

    Parameters
    ----------
    spectrum
        All sectors solved; the vectors are not needed here.
    structure
        Structure factor of the states in question, on the same cluster.
    peak_threshold
        Full S(K) over the largest full S(q) elsewhere that counts as a peak.
    chern
        Many-body Chern number of the lowest states; it decides where both states have the same momenta.
    smaller
        Charge order on a cluster with K and fewer carriers, for the growth of the peak: the full S(K) per carrier
        grows as the number of carriers in a wave, and is constant in a liquid.

    Raises
    ------
    InputError
        If the clusters of the two differ, the threshold is not positive, the Chern number belongs to another filling
        or cluster, or `smaller` has no peak of fewer carriers.

    References
    ----------
    Regnault and Bernevig, Phys. Rev. X 1, 021014 (2011), and arXiv:1204.5682 for charge order at
    degenerate momenta as the state competing with a fractional Chern insulator.
    """
    require(
        structure.grid.same_cluster(spectrum.grid),
        "structure",
        "have the cluster of the spectrum",
        found="has another",
    )
    require(peak_threshold > 0, "peak_threshold", "be positive", peak_threshold)
    grid, transfers = spectrum.grid, structure.transfers
    if chern is not None:
        place = (chern.cluster, chern.filling)
        rule = f"belong to {grid.name} at filling {spectrum.filling}"
        require(place == (grid.name, spectrum.filling), "chern", rule, found=f"belongs to {place[0]} at {place[1]}")
    zone = structure.zone[transfers.group_index[structure.zone] != 0]
    groups, values = transfers.group_index[zone], structure.full[zone]
    corners = zone_corners(grid)
    at_corner = np.isin(groups, [] if corners is None else corners)
    corner_peak, projected_peak = (
        float(each[zone][at_corner].mean()) if at_corner.any() else float("nan")
        for each in (structure.full, structure.projected)
    )
    growth = float("nan")
    if smaller is not None:
        fits = smaller.n_carriers < spectrum.n_carriers and smaller.corner_peak > 0
        rule = f"have a peak at K and fewer than {spectrum.n_carriers} carriers"
        held = f"has {smaller.n_carriers} carriers and S(K) = {smaller.corner_peak:.3g}"
        require(fits, "smaller", rule, found=held)
        growth = float(np.log(corner_peak / smaller.corner_peak) / np.log(spectrum.n_carriers / smaller.n_carriers))
    largest = tuple(int(part) for part in grid.labels[groups[np.argmax(values)]])
    momenta = tower_momenta(grid, spectrum.filling) if spectrum.filling <= 1 else None
    energies, splitting, gap = _tower(spectrum, momenta)
    manifold = spectrum.manifold
    same = chern is not None and momenta is not None and tuple(sorted(chern.momenta)) == momenta
    return ChargeOrder(
        corner_peak=corner_peak,
        projected_peak=projected_peak,
        background=float(values[~at_corner].max(initial=-np.inf)),
        largest_at=(largest[0], largest[1]),
        momenta=momenta,
        energies=energies,
        splitting=splitting,
        gap=gap,
        peak_threshold=float(peak_threshold),
        fci_gap=manifold.gap if manifold else float("nan"),
        n_carriers=spectrum.n_carriers,
        shared=manifold is not None and manifold.momenta == momenta,
        chern_per_state=chern.quantized if chern is not None and same else None,
        growth=growth,
    )


def _tower(spectrum: Spectrum, momenta: tuple[Label, ...] | None) -> tuple[tuple[float, ...], float, float]:
    """Lowest energies at the momenta of the tower, their splitting and the gap above them, NaN where not known.

    With two flavours all carriers of the tower are in one; levels of other polarisations count for the gap.
    """
    if momenta is None:
        return (), float("nan"), float("nan")
    rows = manifold_rows(spectrum)
    lowest = {label: spectrum.energies[row] for label, row in rows.items()}
    energies = tuple(float(lowest[label][0]) if label in lowest else float("nan") for label in momenta)
    n_known = np.isfinite(spectrum.energies).sum(axis=1)[list(rows.values())]
    n_wanted = [1 + (label in momenta) for label in rows]  # the next level of every sector
    bounded = n_known >= np.minimum(n_wanted, spectrum.dimensions[list(rows.values())])
    gap = float("nan")
    if len(bounded) == spectrum.grid.n_points and bounded.all():
        partial = np.abs(spectrum.polarisation) < spectrum.n_carriers
        parts = [levels[label in momenta :] for label, levels in lowest.items()]
        gap = float(np.nanmin(np.concatenate([*parts, spectrum.energies[partial].ravel()]))) - max(energies)
    return energies, max(energies) - min(energies), gap
