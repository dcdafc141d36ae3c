"""The Landau fan: gaps of one or both valleys over flux, each with its Chern number and its filling at zero field."""

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
    refused
        Gaps whose links give no solution of n = s + t phi in integers: the mesh is too coarse.
    """

    name: str
    fluxes: tuple[Fraction, ...]
    tesla: FloatArray = field(repr=False)
    gaps: tuple[FanGap, ...] = field(repr=False)
    energies: tuple[FloatArray, ...] = field(repr=False)
    threshold_mev: float
    refused: tuple[str, ...] = ()

    def line(self, start: int, chern: int) -> tuple[FanGap, ...]:
        """Gaps of one line n = s + t phi, by flux."""
        return tuple(gap for gap in self.gaps if (gap.start, gap.chern) == (start, chern))

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
        lines += [f"Without Chern number: {text}" for text in self.refused]
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

    A gap is listed with both only if s is an integer, which the links alone do not imply: the two routes agree.

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
    magnetic = [[MagneticModel.at_flux(model, flux, level_shells) for model in every] for flux in chosen]
    gaps: list[FanGap] = []
    energies, refused = [], []
    for flux, pair in zip(chosen, magnetic, strict=True):
        if on_flux is not None:
            on_flux(flux)
        bands = [solve_magnetic(model, holes_per_cell, mesh) for model in pair]
        shifts = [-model.zero_field.valley * valley_g_factor * BOHR_MAGNETON * model.tesla / 2 for model in pair]
        found, without = _gaps(bands, shifts, threshold_mev)
        gaps += found
        refused += without
        shifted = [(band.energies + shift).ravel() for band, shift in zip(bands, shifts, strict=True)]
        energies.append(read_only(np.sort(np.concatenate(shifted))[::-1]))
    return LandauFan(
        name=" and ".join(model.name for model in every),
        fluxes=tuple(chosen),
        tesla=read_only(np.array([pair[0].tesla for pair in magnetic])),
        gaps=tuple(gaps),
        energies=tuple(energies),
        threshold_mev=threshold_mev,
        refused=tuple(refused),
    )


def _gaps(
    bands: Sequence[MagneticSubbands], shifts: Sequence[float], threshold_mev: float
) -> tuple[list[FanGap], list[str]]:
    """Gaps of all electrons at one flux, and those without integers."""
    edges = [
        (float(low) + shift, float(high) + shift, valley)
        for valley, (band, shift) in enumerate(zip(bands, shifts, strict=True))
        for low, high in zip(band.energies.min(axis=(0, 1)), band.energies.max(axis=(0, 1)), strict=True)
    ]
    edges.sort(key=lambda edge: -edge[1])
    model = bands[0].model
    flux, counts, lowest = model.flux, [0] * len(bands), np.inf
    found, refused = [], []
    for low, high, valley in edges:
        gap = lowest - high
        if gap > threshold_mev and any(counts):
            holes = Fraction(sum(counts), flux.denominator)
            total = sum(band.chern(count) for band, count in zip(bands, counts, strict=True) if count)
            chern = round(total)
            start = holes - chern * flux
            if abs(total - chern) < 1e-6 and start.denominator == 1:
                found.append(FanGap(flux, model.tesla, holes, gap, chern, int(start)))
            else:
                refused.append(
                    f"flux {flux}, {holes} holes per cell, gap {Number(gap):.2f} meV (links give {Number(total):.3f})"
                )
        counts[valley] += 1
        if counts[valley] >= bands[valley].n_subbands:
            break  # below its last subband nothing is known of a valley
        lowest = min(lowest, low)
    return found, refused
