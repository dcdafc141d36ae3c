"""Energies against the number of particles promoted out of the active band, and their extrapolated limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number, amount
from moire._types import checked
from moire.errors import is_whole, require
from moire.exact_diagonalization.all_sectors import solve_all_sectors
from moire.exact_diagonalization.settings import SpectrumSettings
from moire.exact_diagonalization.spectrum import Spectrum
from moire.exact_diagonalization.truncation import Truncation
from moire.exact_diagonalization.valley_numbers import Polarisation
from moire.filling import FillingLike
from moire.projection import ProjectedHamiltonian

_DEFAULT = SpectrumSettings()


@checked
@dataclass(frozen=True, eq=False)
class PromotionSequence(Shown):
    """Lowest energies with at most 0, 1, 2, ... promoted particles: upper bounds that never rise.

    Parameters
    ----------
    spectra
        Spectrum for each largest number of promoted particles, from 0.
    n_carriers
        Number of carriers.
    """

    spectra: tuple[Spectrum, ...] = field(repr=False)
    n_carriers: int

    @property
    def energies(self) -> FloatArray:
        """Lowest energy in meV, (promoted,)."""
        return read_only([spectrum.ground_energy for spectrum in self.spectra])

    @property
    def dimensions(self) -> IntArray:
        """Largest dimension of a sector, (promoted,)."""
        return read_only([spectrum.dimensions.max() for spectrum in self.spectra], np.int64)

    @property
    def is_complete(self) -> bool:
        """Whether the last step includes all states."""
        return len(self.spectra) > self.n_carriers

    @property
    def ratio(self) -> float:
        """Ratio of the last gain in energy to the previous one; NaN with fewer than three gains.

        The interaction promotes pairs, so that the first two gains are of different kinds.
        """
        gains = -np.diff(self.energies)
        return float(gains[-1] / gains[-2]) if len(gains) > 2 and gains[-2] > 0 else float("nan")

    @property
    def extrapolated_mev(self) -> float:
        """Limit of a geometric series of gains in meV, an estimate and not a bound; NaN unless the gains decrease.

        References
        ----------
        Aitken, Proc. R. Soc. Edinburgh 46, 289 (1927).
        """
        if self.is_complete:
            return float(self.energies[-1])
        if not 0 <= self.ratio < 1:
            return float("nan")
        gain = float(self.energies[-2] - self.energies[-1])
        return float(self.energies[-1]) - gain * self.ratio / (1 - self.ratio)

    def __str__(self) -> str:
        first = self.spectra[0]
        head = f"{self.n_carriers} carriers at filling {first.filling}: {first.species.orbitals}"
        lines = [head, "  promoted   dimension    energy (meV)        gain   per carrier"]
        energies = self.energies
        for promoted, (dimension, energy) in enumerate(zip(self.dimensions, energies, strict=True)):
            gain = f"{Number(energies[promoted - 1] - energy):.6f}" if promoted else "-"
            lines.append(
                f"  {promoted:>8} {dimension:>11} {Number(energy):15.6f} {gain:>11} "
                f"{Number(energy / self.n_carriers):13.6f}"
            )
        if self.is_complete:
            lines.append("  the last step holds all states")
        else:
            limit = amount(self.extrapolated_mev / self.n_carriers, "meV per carrier", 5)
            lines.append(f"  upper bounds; geometric limit of the gains, an estimate: {limit}")
        return "\n".join(lines)


@checked
def promotion_sequence(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    max_promoted: int = 3,
    *,
    n_eigenstates: int = 1,
    momenta: Iterable[Sequence[int]] | None = None,
    polarisation: Polarisation = None,
    settings: SpectrumSettings = _DEFAULT,
) -> PromotionSequence:
    """Solve with at most 0, 1, ... promoted particles, up to `max_promoted` or all of them.

    Parameters
    ----------
    problem, filling, n_eigenstates, momenta, polarisation, settings
        As in :func:`solve_all_sectors`.
    max_promoted
        Largest number of particles outside band 0 in the last step.

    Raises
    ------
    InputError
        If `max_promoted` is not an integer of at least 0, or as in :func:`solve_all_sectors`.
    """
    whole = is_whole(max_promoted) and max_promoted >= 0
    require(whole, "max_promoted", "be at least 0, an integer", max_promoted)
    chosen = None if momenta is None else [tuple(label) for label in momenta]
    spectra: list[Spectrum] = []
    for promoted in range(int(max_promoted) + 1):
        options = {"momenta": chosen, "polarisation": polarisation, "settings": settings}
        spectra.append(
            solve_all_sectors(problem, filling, n_eigenstates, max_promoted=Truncation(promoted), **options)  # type: ignore[arg-type]
        )
        if promoted >= spectra[-1].n_carriers:
            break
    return PromotionSequence(tuple(spectra), spectra[0].n_carriers)
