"""Band structure along the path and on a mesh (task ``bands``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict

from moire._shown import Shown
from moire._types import checked
from moire.bands import solve_bands
from moire.errors import require
from moire.grids import KPath
from moire.io import Dataset, Record, bands_record, read_bands
from moire.tasks.memory import bands_memory
from moire.tasks.options import Option
from moire.tasks.parts import Columns, Parts
from moire.tasks.point import ModelPoint
from moire.tasks.values import LARGEST_MESH, Mesh, check_mesh

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
@dataclass(frozen=True, kw_only=True)
class BandsTask(Shown):
    """Bands along the path and on a mesh, with widths and gaps."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: ClassVar[str] = "bands"
    of_one_valley: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset()
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_bands)
    n_bands: Annotated[int, Option("number of bands, counted from the gap")] = 3
    mesh: Annotated[Mesh, Option("momenta for widths and gaps", at_most=LARGEST_MESH)] = (18, 18)
    points_per_segment: Annotated[int, Option("momenta per segment of the path", flag="segment", at_most=10_000)] = 30

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        require(self.points_per_segment >= 1, "points_per_segment", "be at least 1", self.points_per_segment)
        point.check_bands(self.n_bands)
        check_mesh(self.mesh)

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""
        return ""

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""
        return {}

    def cost(self) -> float:
        """Rough cost in seconds, for scheduling and for the remaining time."""
        return 3e-3 * (self.mesh[0] * self.mesh[1] + 4 * self.points_per_segment)

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: the states on the mesh and along the path."""
        return bands_memory(point, self.mesh[0] * self.mesh[1] + 4 * self.points_per_segment, self.n_bands)

    def compute(self, point: ModelPoint) -> Parts:
        """Compute the task at one point."""
        model = point.build()
        path = solve_bands(
            model, KPath.through(model.lattice, points_per_segment=self.points_per_segment), self.n_bands
        )
        mesh = solve_bands(model, point.grid(self.mesh), self.n_bands)
        columns = {}
        for band in range(self.n_bands):
            columns[f"width_{band}"] = Dataset(mesh.width(band), "meV", (), f"width of band {band} on the mesh")
        for band in range(self.n_bands - 1):
            pair = f"bands {band} and {band + 1}"
            columns[f"gap_{band}_{band + 1}"] = Dataset(mesh.gap(band), "meV", (), f"indirect gap of {pair}")
            columns[f"direct_gap_{band}_{band + 1}"] = Dataset(
                mesh.direct_gap(band), "meV", (), f"direct gap of {pair}"
            )
        return bands_record(path, mesh), columns, str(mesh)

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the bands along the path."""
        from moire.plot import panels, plot_bands

        path, _ = read_bands(record)
        return panels([lambda ax: plot_bands(path, ax, zone=True)], [title], size=(5.0, 4.0))
