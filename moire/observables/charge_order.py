"""The competing charge-density wave at fillings p/3: S(q) at the zone corners and the tower of Gamma, K and K'."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import IntArray
from moire.errors import require
from moire.exact_diagonalization import Spectrum, one_band_filling
from moire.filling import FillingLike
from moire.grids import MomentumGrid
from moire.observables.structure_factor import StructureFactor

Label = tuple[int, int]


def zone_corners(grid: MomentumGrid) -> tuple[int, int] | None:
    """Indices of K and K' = -K in the momentum group; None on a cluster that does not hold them."""
    thirds = grid.fractional * 3
    exact = np.abs(thirds - np.round(thirds)).max(axis=1) < 1e-9
    rounded = np.round(thirds).astype(np.int64) % 3
    found = [np.nonzero(exact & (rounded == side).all(axis=1))[0] for side in (1, 2)]
    return (int(found[0][0]), int(found[1][0])) if all(map(len, found)) else None


def tower_momenta(grid: MomentumGrid, filling: FillingLike) -> tuple[Label, ...] | None:
    """Total momenta of the three states of a sqrt3 x sqrt3 charge-density wave at filling p/3.

    The order mixes k, k + K and k + K': a determinant fills p of the three folded bands. The total momentum of its
    parts is p times the sum of one momentum from each triple, up to 0, K or K'; every choice gives the same three.

    Returns
    -------
    tuple of labels, sorted; None at other fillings or on a cluster that does not hold the corners.

    Raises
    ------
    InputError
        If the filling is no fraction in [-1, 1].
    """
    fraction = one_band_filling(filling)
    corners = zone_corners(grid)
    if fraction.denominator != 3 or corners is None:
        return None
    wave = grid.sum_index[:, [0, *corners]]
    representatives = np.unique(wave.min(axis=1))
    total = fraction.numerator * grid.labels[representatives].sum(axis=0) % np.array(grid.moduli)
    members: IntArray = grid.labels[wave[grid.index_of(total)]]
    return tuple(sorted((int(first), int(second)) for first, second in members))


@dataclass(frozen=True)
class ChargeOrder:
    """Evidence for and against a sqrt3 x sqrt3 charge-density wave.

    Parameters
    ----------
    corner_peak
        Mean of the full S(q) at K and K'; NaN on a cluster that does not hold them.
    background
        Largest full S(q) elsewhere in the first zone.
    largest_at
        Label of the momentum of the largest S(q) in the first zone.
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
    """

    corner_peak: float
    background: float
    largest_at: Label
    momenta: tuple[Label, ...] | None
    energies: tuple[float, ...] = field(repr=False)
    splitting: float
    gap: float
    peak_threshold: float
    fci_gap: float

    @property
    def peak_ratio(self) -> float:
        """S(K) over the largest S(q) elsewhere; grows with the cluster in an ordered state, near one in a liquid."""
        return self.corner_peak / self.background

    @property
    def has_peak(self) -> bool:
        """Whether S(q) peaks at the corners."""
        return bool(self.peak_ratio > self.peak_threshold)

    @property
    def has_tower(self) -> bool:
        """Whether the three lowest states are those of the tower, with a gap that exceeds their splitting."""
        return bool(self.gap > self.splitting)

    @property
    def is_ordered(self) -> bool:
        """Whether peak and tower agree on a charge-density wave."""
        return self.has_peak and self.has_tower

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not np.isfinite(self.corner_peak):
            return (
                f"No sqrt3 x sqrt3 wave fits: the cluster does not hold K and K'; S(q) is largest at {self.largest_at}."
            )
        peak = f"S(K) = {self.corner_peak:.3f} is {self.peak_ratio:.2f} of the largest S(q) elsewhere"
        if self.momenta is None:
            return f"{'Peak' if self.has_peak else 'No peak'} at K, and no tower to compare at this filling: {peak}."
        if not np.isfinite(self.gap):
            return f"Undecided: the states of the tower and the next level of every sector were not all solved; {peak}."
        tower = f"the lowest states at {' '.join(map(str, self.momenta))} are split by {self.splitting:.4f} meV with a "
        tower += f"gap of {self.gap:.4f} meV"
        if self.is_ordered:
            return f"Charge-density wave: {peak}, and {tower}."
        if self.has_peak or self.has_tower:
            return f"Undecided: {peak}, and {tower}."
        rival = f"; the gap above the FCI manifold is {self.fci_gap:.4f} meV" if np.isfinite(self.fci_gap) else ""
        return f"No charge-density wave: {peak}, and {tower}{rival}."

    def __str__(self) -> str:
        return self.verdict


def charge_order(spectrum: Spectrum, structure: StructureFactor, peak_threshold: float = 2.0) -> ChargeOrder:
    """Look for a sqrt3 x sqrt3 charge-density wave in a spectrum and in the structure factor of its lowest states.

    Parameters
    ----------
    spectrum
        All sectors solved; the vectors are not needed here.
    structure
        Structure factor of the states in question, on the same cluster.
    peak_threshold
        S(K) over the largest S(q) elsewhere that counts as a peak.

    Raises
    ------
    InputError
        If the two do not share a cluster or the threshold is not positive.

    References
    ----------
    Regnault and Bernevig, Phys. Rev. X 1, 021014 (2011), and arXiv:1204.5682 for charge order at
    degenerate momenta as the rival of a fractional Chern insulator.
    """
    require(
        structure.grid.same_cluster(spectrum.grid), "structure", "live on the cluster of the spectrum", "on another"
    )
    require(peak_threshold > 0, "peak_threshold", "be positive", peak_threshold)
    grid, transfers = spectrum.grid, structure.transfers
    zone = structure.zone[transfers.group_index[structure.zone] != 0]
    groups, values = transfers.group_index[zone], structure.full[zone]
    corners = zone_corners(grid)
    at_corner = np.isin(groups, [] if corners is None else corners)
    largest = tuple(int(part) for part in grid.labels[groups[np.argmax(values)]])
    momenta = tower_momenta(grid, spectrum.filling)
    energies, splitting, gap = _tower(spectrum, momenta)
    return ChargeOrder(
        float(values[at_corner].mean()) if at_corner.any() else float("nan"),
        float(values[~at_corner].max(initial=-np.inf)),
        (largest[0], largest[1]),
        momenta,
        energies,
        splitting,
        gap,
        float(peak_threshold),
        spectrum.manifold.gap if spectrum.manifold else float("nan"),
    )


def _tower(spectrum: Spectrum, momenta: tuple[Label, ...] | None) -> tuple[tuple[float, ...], float, float]:
    """Lowest energies at the momenta of the tower, their splitting and the gap above them, NaN where not known."""
    if momenta is None:
        return (), float("nan"), float("nan")
    lowest = dict(zip(spectrum.labels, spectrum.energies, strict=True))
    energies = tuple(float(lowest[label][0]) if label in lowest else float("nan") for label in momenta)
    n_known = np.isfinite(spectrum.energies).sum(axis=1)
    n_wanted = [1 + (label in momenta) for label in spectrum.labels]  # the next level of every sector
    bounded = n_known >= np.minimum(n_wanted, spectrum.dimensions)
    gap = float("nan")
    if len(bounded) == spectrum.grid.n_points and bounded.all():
        others = np.concatenate([levels[label in momenta :] for label, levels in lowest.items()])
        gap = float(np.nanmin(others)) - max(energies)
    return energies, max(energies) - min(energies), gap
