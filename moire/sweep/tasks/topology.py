"""The task ``topology``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from moire.errors import require
from moire.io import Dataset, topology_record
from moire.sweep.point import ModelPoint
from moire.sweep.tasks.chern import ChernTask
from moire.sweep.tasks.parts import Columns, Parts
from moire.topology import topology_report


@dataclass(frozen=True, kw_only=True)
class TopologyTask:
    """Chern numbers by four routes, quantum geometry, Wilson loops, Z2, C3 eigenvalues, interband indices."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: ClassVar[str] = "topology"
    takes: ClassVar[frozenset[str]] = frozenset()
    bands: tuple[tuple[int, ...], ...] = ((0,), (1,))
    mesh: tuple[int, int] = (18, 18)
    index_radius: float = 0.25

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""
        ChernTask(bands=self.bands, mesh=self.mesh).check(point)
        require(self.mesh[0] % 2 == 0, "topology.mesh", "be even along b_1, as Z2 needs", list(self.mesh))
        require(0 <= self.index_radius <= 1, "index_radius", "lie in [0, 1] (|G_1|; 0 for none)", self.index_radius)

    def title(self) -> str:
        """What tells this task from others of its kind."""
        return ""

    def coordinates(self) -> Columns:
        """Columns of the summary that say what was asked."""
        return {}

    def cost(self) -> float:
        """Rough cost in seconds."""
        n_pairs = max(max(group) for group in self.bands) if self.index_radius else 0
        return 2 * ChernTask(bands=self.bands, mesh=self.mesh).cost() + 9.0 * n_pairs

    def compute(self, point: ModelPoint) -> Parts:
        """Do the work at one point."""
        report = topology_report(point.build(), self.bands, self.mesh, self.index_radius)
        figures: dict[str, Dataset] = {}
        for group in report.groups:
            name = "_".join(map(str, group.links.band_indices))
            figures |= {
                f"chern_{name}": Dataset(group.links.value, "", (), f"Chern number of bands {name} by links"),
                f"agree_{name}": Dataset(group.routes_agree, "", (), "curvature, Wilson loops and C3 agree with it"),
                f"z2_{name}": Dataset(
                    float(group.z2.value) if group.z2 else float("nan"), "", (), "Z2 of both valleys together"
                ),
                f"trace_{name}": Dataset(group.geometry.quantum_weight, "", (), "(1/2 pi) integral of tr g"),
                f"sigma_F_{name}": Dataset(group.geometry.curvature_fluctuation, "", (), "fluctuation of curvature"),
            }
        return topology_record(report, point.grid(self.mesh)), figures, str(report)
