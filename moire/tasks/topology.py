"""Topology and quantum geometry of groups of bands (task ``topology``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict

from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.io import (
    Dataset,
    Record,
    StoredTopology,
    read_lattice,
    read_topology,
    topology_record,
)
from moire.tasks.chern import ChernTask
from moire.tasks.options import Option
from moire.tasks.parts import Columns, Parts
from moire.tasks.point import ModelPoint
from moire.tasks.values import LARGEST_MESH, Groups, Mesh
from moire.topology import topology_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
@dataclass(frozen=True, kw_only=True)
class TopologyTask(Shown):
    """Chern numbers by four routes, quantum geometry, Wilson loops, Z2, C3 eigenvalues, interband indices."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: ClassVar[str] = "topology"
    of_one_valley: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset()
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_topology)
    bands: Annotated[
        Groups, Option("groups of bands, 0 nearest the gap; `[0, 1]` is one group of two", flag="groups")
    ] = ((0,), (1,))
    mesh: Annotated[Mesh, Option("momenta; even along b_1, as Z2 needs", at_most=LARGEST_MESH)] = (18, 18)
    index_radius: Annotated[
        float, Option("radius of the disks of the [interband index](theory/interband.md); 0 for none", "|G_1|")
    ] = 0.25

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        ChernTask(bands=self.bands, mesh=self.mesh).check(point)
        require(self.mesh[0] % 2 == 0, "mesh", "be even along b_1, as Z2 needs", list(self.mesh))
        require(0 <= self.index_radius <= 1, "index_radius", "lie in [0, 1] (|G_1|; 0 for none)", self.index_radius)

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""
        return ""

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""
        return {}

    def cost(self) -> float:
        """Rough cost in seconds."""
        n_pairs = max(max(group) for group in self.bands) if self.index_radius else 0
        return 2 * ChernTask(bands=self.bands, mesh=self.mesh).cost() + 9.0 * n_pairs

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: that of the Chern numbers, and the states of loops, geometry and symmetry besides."""
        return 2 * ChernTask(bands=self.bands, mesh=self.mesh).memory(point)

    def compute(self, point: ModelPoint) -> Parts:
        """Compute the task at one point."""
        report = topology_report(point.build(), self.bands, self.mesh, self.index_radius)
        columns: dict[str, Dataset] = {}
        for group in report.groups:
            name = "_".join(map(str, group.links.band_indices))
            columns |= {
                f"chern_{name}": Dataset(group.links.value, "", (), f"Chern number of bands {name} by links"),
                f"agree_{name}": Dataset(group.routes_agree, "", (), "curvature, Wilson loops and C3 agree with it"),
                f"z2_{name}": Dataset(
                    float(group.z2.value) if group.z2 else float("nan"), "", (), "Z2 of both valleys together"
                ),
                f"trace_{name}": Dataset(group.geometry.quantum_weight, "", (), "(1/2 pi) integral of tr g"),
                f"sigma_F_{name}": Dataset(group.geometry.curvature_fluctuation, "", (), "fluctuation of curvature"),
            }
        return topology_record(report, point.grid(self.mesh)), columns, str(report)

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the flux, the trace of the metric and the Wannier flow, a row for each group of bands."""
        from matplotlib.figure import Figure

        from moire.plot import plot_flux, plot_wannier_flow, plot_zone_map

        stored: StoredTopology = read_topology(record)
        lattice = read_lattice(record)
        parts = list(zip(stored.chern, stored.metric_trace, stored.wilson, strict=True))
        figure = Figure(figsize=(13, 3.6 * len(parts)), layout="constrained")
        axes = figure.subplots(len(parts), 3, squeeze=False)
        for row, (chern, trace, loops) in zip(axes, parts, strict=True):
            plot_flux(chern, lattice, row[0])
            plot_zone_map(trace, lattice, row[1], r"tr $g$ (nm$^2$)")
            plot_wannier_flow(loops, row[2])
        figure.suptitle(title)
        return figure
