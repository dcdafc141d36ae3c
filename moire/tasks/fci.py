"""Diagnostics of a fractional Chern insulator on one cluster (task ``fci``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict

from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.filling import one_band_filling
from moire.io import Dataset, Record, fci_record, read_fci
from moire.observables import check_predicted, fci_report
from moire.predictions import expected_momenta
from moire.tasks.options import Option
from moire.tasks.parts import Parts
from moire.tasks.point import ModelPoint
from moire.tasks.spectrum import SpectrumOptions, SpectrumTask
from moire.tasks.values import Integers, Mesh

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class DiagnosticOptions:
    """Diagnostics of a fractional Chern insulator, and their resolution."""

    n_kept: Annotated[
        int, Option("particles kept in the entanglement cut; -1: automatic, half of them, at most 3; 0: no cut")
    ] = -1
    flux_directions: Annotated[
        Integers, Option("directions (1 for L_1, 2 for L_2) along which a flux quantum is inserted", flag="flux")
    ] = (1, 2)
    n_flux_steps: Annotated[int, Option("steps of one flux quantum", at_most=10_000)] = 12
    phase_mesh: Annotated[
        Mesh, Option("boundary phases of the many-body Chern number; 0 and 0 for none", flag="phases", at_most=1_000)
    ] = (6, 6)
    with_charge_gap: Annotated[bool, Option("solve N+1 and N-1 carriers too")] = True


@dataclass(frozen=True, kw_only=True)
class FciTable(DiagnosticOptions, SpectrumOptions):
    """One cluster and filling, which levels and which diagnostics: a table of a plan."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@checked
@dataclass(frozen=True, kw_only=True)
class FciTask(Shown, DiagnosticOptions, SpectrumTask):
    """Every diagnostic of a fractional Chern insulator: the spectrum, flux, Chern number, entanglement, S(q), gaps."""

    name: ClassVar[str] = "fci"
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_fci)

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        super().check(point)
        grid = point.grid(self.cluster)
        check_predicted(grid, one_band_filling(self.filling), self.n_eigenstates)
        orbitals, sectors = self.sectors(grid)
        carriers = sum(sectors[0])
        minority = min(carriers, orbitals.size - carriers) if self.n_bands == 1 else carriers
        fits = -1 <= self.n_kept <= minority
        require(fits, "n_kept", f"be -1 (automatic), 0 (none) or at most {minority}, the minority", self.n_kept)
        for direction in self.flux_directions:
            require(direction in (1, 2), "flux_directions", "name directions 1 or 2", found=f"names {direction}")
        once = len(set(self.flux_directions)) == len(self.flux_directions)
        require(once, "flux_directions", "name each direction once", list(self.flux_directions))
        require(self.n_flux_steps >= 2, "n_flux_steps", "be at least 2", self.n_flux_steps)
        none, enough = self.phase_mesh == (0, 0), min(self.phase_mesh) >= 2
        require(none or enough, "phase_mesh", "have sides of at least 2, or be 0x0 for none", list(self.phase_mesh))

    def cost(self) -> float:
        """Rough cost in seconds, from that of one spectrum: steps of a flux take 1/5 of it, points of the mesh 1/30."""
        n_solves = 1 + 0.2 * self.n_flux_steps * len(self.flux_directions) + self.with_charge_gap
        return super().cost() * (n_solves + self.phase_mesh[0] * self.phase_mesh[1] / 30)

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: that of the spectrum, and vectors: of all its sectors, of a manifold at all phases."""
        grid = point.grid(self.cluster)
        orbitals, sectors = self.sectors(grid)
        n_phases = (self.n_flux_steps + 1) * len(self.flux_directions) + self.phase_mesh[0] * self.phase_mesh[1]
        momenta = expected_momenta(grid, one_band_filling(self.filling)) or ()
        share = len(momenta) / grid.n_points * n_phases
        return super().memory(point) + 16.0 * (self.n_eigenstates + 2 * share) * self._n_states(orbitals, sectors)

    def compute(self, point: ModelPoint, progress: bool = False, checkpoint: Path | None = None) -> Parts:
        """Compute the task at one point."""
        report = fci_report(
            self.problem(point),
            self.filling,
            self.n_eigenstates,
            n_kept=None if self.n_kept < 0 else self.n_kept,
            flux_directions=self.flux_directions,
            n_flux_steps=self.n_flux_steps,
            phase_mesh=None if self.phase_mesh == (0, 0) else self.phase_mesh,
            with_charge_gap=self.with_charge_gap,
            settings=self.settings(progress, checkpoint),
        )
        columns = self.columns(report.spectrum)
        for direction, flow in zip(self.flux_directions, report.flows, strict=True):
            columns[f"flow_gap_{direction}"] = Dataset(
                float(flow.gap.min()), "meV", (), f"smallest gap under a flux along L_{direction}"
            )
        if report.chern is not None:
            columns["many_body_chern"] = Dataset(report.chern.value, "", (), "Chern number of the manifold")
        if report.entanglement is not None:
            columns["entanglement_gap"] = Dataset(report.entanglement.gap, "", (), "above the predicted levels")
        columns["quantum_weight"] = Dataset(report.weight.value, "", (), "K of the full structure factor")
        if report.charge is not None:
            columns["charge_gap"] = Dataset(report.charge.charge_gap, "meV", (), "E(N+1) + E(N-1) - 2 E(N)")
        n_yes = sum(check.answer is True for check in report.checks)
        columns["answers_yes"] = Dataset(f"{n_yes}/{len(report.checks)}", "", (), "questions answered with yes")
        return fci_record(report), columns, str(report)

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the spectrum, the flow under each flux, the entanglement, n(k), S(q) and the flux over phases."""
        from moire.tasks.fci_figure import fci_figure

        figure = fci_figure(read_fci(record))
        figure.suptitle(title)
        return figure
