"""The task ``ed``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict

from moire._shown import Shown
from moire._types import checked
from moire.exact_diagonalization import (
    PairProduct,
    Truncation,
    carriers_of_flavours,
    carriers_on,
    check_orbitals,
    composite_fermi_liquid,
    sector_dimensions,
    solve_all_sectors,
)
from moire.exact_diagonalization.distributed import RankPrediction, predict
from moire.exact_diagonalization.halves import HalfSizes
from moire.grids import MomentumGrid
from moire.io import Dataset, Record, read_spectrum, spectrum_record
from moire.observables import holds_a_flip, valley_polarisation
from moire.orbitals import Numbers, Orbitals, Species
from moire.resources import fits_in_memory, would_fit_times
from moire.tasks.options import Option
from moire.tasks.parts import Parts
from moire.tasks.point import ModelPoint
from moire.tasks.spectrum import SpectrumOptions, SpectrumTask
from moire.tasks.values import Integers, Polarisations

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_MOST_RANKS = 4096


@dataclass(frozen=True, kw_only=True)
class SectorOptions:
    """Which sectors of a spectrum, and which states in them."""

    polarisation: Annotated[
        Polarisations, Option("N_K - N_K' of both valleys; those that time reversal does not relate if empty")
    ] = ()
    max_promoted: Annotated[
        Integers,
        Option(
            "most carriers outside band 0, in all and then in each of the bands 1, 2, ...; no limit if empty",
            at_most=1_000,
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class EdTable(SectorOptions, SpectrumOptions):
    """One cluster and filling, which sectors and levels: a table of a plan."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@checked
@dataclass(frozen=True, kw_only=True)
class EdTask(Shown, SectorOptions, SpectrumTask):
    """Many-body spectrum on a cluster, of any number of bands of one valley or of both."""

    name: ClassVar[str] = "ed"
    takes: ClassVar[frozenset[str]] = SpectrumTask.takes | {"communicator"}
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_spectrum)

    def sectors(self, grid: MomentumGrid) -> tuple[Orbitals, tuple[Numbers, ...]]:
        """Orbitals, and carriers of each valley at the polarisations asked for; raises InputError where impossible."""
        orbitals = Orbitals(grid, 2 if self.valleys == "both" else 1, self.n_bands)
        truncation = self._truncation
        if truncation is not None:
            truncation.limits(orbitals)
        n_bands = orbitals.n_flavours * self.n_bands
        n_carriers = carriers_on(grid, self.filling, n_bands, truncated=self.n_bands > 1)
        every = carriers_of_flavours(orbitals, n_carriers, self.polarisation or None)
        check_orbitals(orbitals, every[-1], truncation)
        return orbitals, every

    def spread(self, point: ModelPoint) -> RankPrediction | None:
        """Prediction for the largest sector on the fewest machines like this one that hold it, one rank on each.

        Powers of two are tried, up to 4096; None if these do not hold it.
        """
        orbitals, sectors = self.sectors(point.grid(self.cluster))
        species = Species(orbitals, 2 * sum(sectors[0]) > orbitals.size and self.n_bands == 1)
        counted = {n: sector_dimensions(orbitals, n, self._truncation) for n in map(species.numbers, sectors)}
        numbers = max(counted, key=lambda n: int(counted[n].max()))
        sizes = None if self._truncation is None else HalfSizes.of(orbitals, self._truncation)
        if not fits_in_memory(PairProduct.table_bytes(orbitals.size, sum(numbers), sizes)):
            return None
        sector = (numbers, int(counted[numbers].argmax()))
        n_ranks = 2 ** ceil(log2(max(2.0, 1.0 / would_fit_times(self.memory(point)))))
        while n_ranks <= _MOST_RANKS:
            found = predict(orbitals, sector, n_ranks, self.n_eigenstates, truncation=self._truncation)
            if fits_in_memory(found.total):
                return found
            n_ranks *= 2
        return None

    @property
    def _truncation(self) -> Truncation | None:
        return Truncation.of(self.max_promoted or None)

    def compute(
        self,
        point: ModelPoint,
        progress: bool = False,
        checkpoint: Path | None = None,
        communicator: Any | None = None,
    ) -> Parts:
        """Compute the task at one point."""
        spectrum = solve_all_sectors(
            self.problem(point),
            self.filling,
            self.n_eigenstates,
            polarisation=self.polarisation or None,
            max_promoted=self.max_promoted or None,
            settings=replace(self.settings(progress, checkpoint), communicator=communicator),
        )
        text, columns = str(spectrum), self.columns(spectrum)
        if spectrum.filling == Fraction(1, 2) and self.n_bands == 1 and self.valleys == "one":
            text += f"\n{composite_fermi_liquid(spectrum)}"
        if self.valleys == "both" and holds_a_flip(spectrum):
            found = valley_polarisation(spectrum)
            text += f"\n{found}"
            columns["spin_gap"] = Dataset(found.spin_gap_mev, "meV", (), "lowest energy with one carrier flipped")
        return spectrum_record(spectrum), columns, text

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the levels by momentum."""
        from moire.plot import panels, plot_spectrum

        spectrum = read_spectrum(record)
        return panels([lambda ax: plot_spectrum(spectrum, ax)], [title], size=(5.0, 4.0))
