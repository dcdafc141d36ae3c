"""The Landau fan: gaps of one or both valleys over flux, with Chern numbers by links and slopes by counting states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy import constants

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.continuum import ContinuumModel
from moire.errors import require
from moire.magnetic.model import MagneticModel
from moire.magnetic.subbands import MagneticSubbands, solve_magnetic

BOHR_MAGNETON = constants.physical_constants["Bohr magneton in eV/T"][0] * 1e3
"""mu_B in meV/T."""


@checked
@dataclass(frozen=True)
class FanGap(Shown):
    """A gap at one flux.

    Parameters
    ----------
    flux
        Flux quanta per moire cell.
    tesla
        Magnetic field in T.
    holes
        Holes per moire cell n at which the chemical potential lies in the gap: nu = -n.
    gap_mev
        The gap over the mesh in meV.
    chern
        Chern number t of the empty electron states, by links; n = s + t phi.
    start
        s = n - t phi, holes per cell at which the line of the gap starts at zero field: an integer.
    """

    flux: Fraction
    tesla: float
    holes: Fraction
    gap_mev: float
    chern: int
    start: int


@checked
@dataclass(frozen=True, eq=False)
class LandauFan(Shown):
    """Gaps and energies of a model over flux.

    Parameters
    ----------
    name
        Name of the model.
    fluxes
        Flux quanta per cell, ascending.
    tesla
        Magnetic fields in T, (flux,).
    gaps
        All gaps above the threshold, by flux and holes.
    energies
        Energies in meV at each flux, the highest first, with all mesh points.
    threshold_mev
        Smallest gap that is listed.
    n_points
        Points of the mesh of angles, so many energies for each subband.
    """

    name: str
    fluxes: tuple[Fraction, ...]
    tesla: FloatArray = field(repr=False)
    gaps: tuple[FanGap, ...] = field(repr=False)
    energies: tuple[FloatArray, ...] = field(repr=False)
    threshold_mev: float
    n_points: int

    def line(self, start: int, chern: int) -> tuple[FanGap, ...]:
        """Gaps of one line n = s + t phi, by flux."""
        return tuple(gap for gap in self.gaps if (gap.start, gap.chern) == (start, chern))

    def slope(self, gap: FanGap) -> Fraction | None:
        """Slope dn/dphi of a gap to the next flux, from energies alone: t by a second route.

        States above the middle of the gap are counted at both fluxes (Streda, J. Phys. C 15, L717). None for the last
        flux, and where that energy lies in no listed gap of the next one; steps of flux must be small enough that a gap
        does not close between them.
        """
        i = self.fluxes.index(gap.flux)
        if i + 1 == len(self.fluxes):
            return None
        n_above = int(gap.holes * gap.flux.denominator) * self.n_points
        middle = float(self.energies[i][n_above - 1] + self.energies[i][n_above]) / 2
        following = self.fluxes[i + 1]
        holes = Fraction(int(np.sum(self.energies[i + 1] > middle)), following.denominator * self.n_points)
        listed = any(other.flux == following and other.holes == holes for other in self.gaps)
        return (holes - gap.holes) / (following - gap.flux) if listed else None

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """(s, t) of all lines, those with the largest gaps first."""
        sizes: dict[tuple[int, int], float] = {}
        for gap in self.gaps:
            key = gap.start, gap.chern
            sizes[key] = max(sizes.get(key, 0.0), gap.gap_mev)
        return tuple(sorted(sizes, key=lambda key: -sizes[key]))

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.gaps)} gaps above {self.threshold_mev:g} meV at {len(self.fluxes)} fluxes"]
        lines.append(f"{'s':>4} {'t':>4} {'fluxes':>8} {'B (T)':>15} {'largest gap (meV)':>18}")
        for start, chern in self.lines[:12]:
            own = self.line(start, chern)
            fields = [gap.tesla for gap in own]
            span = f"{Number(min(fields)):.1f} to {Number(max(fields)):.1f}"
            lines.append(f"{start:>4} {chern:>4} {len(own):>8} {span:>15} {Number(max(g.gap_mev for g in own)):18.3f}")
        if len(self.lines) > 12:
            lines.append(f"... and {len(self.lines) - 12} more lines with smaller gaps")
        slopes = [(self.slope(gap), gap.chern) for gap in self.gaps]
        followed = [slope == chern for slope, chern in slopes if slope is not None]
        lines.append(
            f"Slopes by counting states agree with the links at {sum(followed)} of {len(followed)} gaps followed."
        )
        return "\n".join(lines)


@checked
def landau_fan(
    models: ContinuumModel | Sequence[ContinuumModel],
    fluxes: Iterable[Fraction | str],
    *,
    holes_per_cell: float = 2.0,
    mesh: int = 6,
    level_shells: float = 3.0,
    threshold_mev: float = 0.5,
    valley_g_factor: float = 0.0,
    on_flux: Callable[[Fraction], None] | None = None,
) -> LandauFan:
    """Gaps at rational fluxes, with (s, t) of n = s + t phi: t by links, and s by the count of states.

    With exact links s is an integer at any gap, whatever t is modulo q, so that it proves nothing about t;
    :meth:`LandauFan.slope` gives t from the energies at two fluxes, and the text of the fan says where both agree.

    Parameters
    ----------
    models
        One valley, or both, at zero field; with both, gaps are those of all electrons.
    fluxes
        Flux quanta per moire cell, as fractions; negative for a field along -z.
    holes_per_cell
        Up to which number of holes per cell, in each valley.
    mesh
        Points of each angle of the magnetic momentum.
    level_shells
        Radius of the Landau levels kept in momentum, in units of |G_1|.
    threshold_mev
        Smallest gap that is listed.
    valley_g_factor
        g of the energy -tau g mu_B B / 2 of an electron in valley tau, beyond the orbital moments that the model has.
    on_flux
        Called before each flux.

    Raises
    ------
    InputError
        If there is no flux, or more than one model of a valley.
    MemoryRefusedError
        If the matrices at a flux do not fit in memory.

    Warns
    -----
    CutoffWarning, MeshWarning
        If levels or the mesh do not suffice.
    """
    every = (models,) if isinstance(models, ContinuumModel) else tuple(models)
    valleys = [model.valley for model in every]
    require(len(set(valleys)) == len(valleys) > 0, "models", "be of different valleys", found=f"are of {valleys}")
    chosen = sorted({Fraction(flux) for flux in fluxes})
    require(chosen, "fluxes", "hold at least one flux", found="are none")
    places = {(model.lattice, model.displacement_mev) for model in every}
    rule = "be of one lattice and displacement field"
    require(len(places) == 1, "models", rule, found=f"are {' and '.join(model.name for model in every)}")
    magnetic = [[MagneticModel.at_flux(model, flux, level_shells) for model in every] for flux in chosen]
    gaps: list[FanGap] = []
    energies = []
    for flux, pair in zip(chosen, magnetic, strict=True):
        if on_flux is not None:
            on_flux(flux)
        bands = [solve_magnetic(model, holes_per_cell, mesh) for model in pair]
        shifts = [-model.zero_field.valley * valley_g_factor * BOHR_MAGNETON * model.tesla / 2 for model in pair]
        gaps += _gaps(bands, shifts, threshold_mev)
        shifted = [(band.energies + shift).ravel() for band, shift in zip(bands, shifts, strict=True)]
        energies.append(read_only(np.sort(np.concatenate(shifted))[::-1]))
    return LandauFan(
        name=" and ".join(model.name for model in every),
        fluxes=tuple(chosen),
        tesla=read_only(np.array([pair[0].tesla for pair in magnetic])),
        gaps=tuple(gaps),
        energies=tuple(energies),
        threshold_mev=threshold_mev,
        n_points=mesh**2,
    )


def _gaps(bands: Sequence[MagneticSubbands], shifts: Sequence[float], threshold_mev: float) -> list[FanGap]:
    """Gaps of all electrons at one flux."""
    edges = [
        (float(low) + shift, float(high) + shift, valley)
        for valley, (band, shift) in enumerate(zip(bands, shifts, strict=True))
        for low, high in zip(band.energies.min(axis=(0, 1)), band.energies.max(axis=(0, 1)), strict=True)
    ]
    edges.sort(key=lambda edge: -edge[1])
    model = bands[0].model
    flux, counts, lowest = model.flux, [0] * len(bands), np.inf
    found = []
    for low, high, valley in edges:
        gap = lowest - high
        if gap > threshold_mev and any(counts):
            holes = Fraction(sum(counts), flux.denominator)
            chern = round(sum(band.chern(count) for band, count in zip(bands, counts, strict=True) if count))
            found.append(FanGap(flux, model.tesla, holes, gap, chern, int(holes - chern * flux)))
        counts[valley] += 1
        if counts[valley] >= bands[valley].n_subbands:
            break  # below its last subband nothing is known of a valley
        lowest = min(lowest, low)
    return found
