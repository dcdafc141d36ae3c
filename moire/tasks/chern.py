"""Chern numbers by links and by the curvature (task ``chern``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure, solve_bands
from moire.errors import MeshWarning, require, warn
from moire.io import Dataset, Record, chern_record, read_chern, read_lattice
from moire.tasks.memory import bands_memory
from moire.tasks.options import Option
from moire.tasks.parts import Columns, Parts
from moire.tasks.point import ModelPoint
from moire.tasks.values import LARGEST_MESH, Groups, Mesh
from moire.topology import ChernResult, CurvatureMap, berry_curvature, chern_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUTES_AGREE = 0.1


@checked
@dataclass(frozen=True, kw_only=True)
class ChernTask(Shown):
    """Chern numbers of groups of bands by links, with the curvature as second route."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: ClassVar[str] = "chern"
    of_one_valley: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset()
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_chern)
    bands: Annotated[
        Groups, Option("groups of bands, 0 nearest the gap; `[0, 1]` is one group of two", flag="groups")
    ] = ((0,), (1,), (2,))
    mesh: Annotated[Mesh, Option("momenta", at_most=LARGEST_MESH)] = (18, 18)

    @property
    def n_bands(self) -> int:
        """Number of bands to solve."""
        return 1 + max(max(group) for group in self.bands)

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        require(self.bands, "bands", "hold at least one group of bands", found="is empty")
        for group in self.bands:
            distinct = group and min(group) >= 0 and len(set(group)) == len(group)
            require(distinct, "bands", "hold groups of different bands, counted from 0", found=f"holds {list(group)}")
        once = len(set(self.bands)) == len(self.bands)
        require(once, "bands", "hold each group once", found=f"holds {[list(group) for group in self.bands]}")
        last, shells = point.dimension - 1, point.plane_wave_shells
        rule = f"hold bands of 0..{last}, those of H(k) at {shells:g} shells"
        require(self.n_bands <= last + 1, "bands", rule, found=f"holds {self.n_bands - 1}")
        require(min(self.mesh) >= 2, "mesh", "have at least 2 points each way", list(self.mesh))

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""
        return ""

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""
        return {}

    def cost(self) -> float:
        """Rough cost in seconds."""
        return (3e-3 + 1e-3 * sum(map(len, self.bands))) * self.mesh[0] * self.mesh[1]

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: the states, and their derivatives in the curvature of the largest group."""
        n_momenta, widest = self.mesh[0] * self.mesh[1], max(map(len, self.bands))
        return bands_memory(point, n_momenta, self.n_bands) + 48.0 * n_momenta * widest * point.dimension

    def compute(self, point: ModelPoint) -> Parts:
        """Compute the task at one point."""
        bands: BandStructure = solve_bands(point.build(), point.grid(self.mesh), self.n_bands)
        results: list[ChernResult] = [chern_number(bands, group) for group in self.bands]
        kubo: list[CurvatureMap] = [berry_curvature(bands, group) for group in self.bands]
        columns = {}
        for result, curvature in zip(results, kubo, strict=True):
            if abs(result.value - curvature.chern) > ROUTES_AGREE:
                warn(
                    f"The two routes to the Chern number of bands {result.band_indices} disagree: "
                    f"{Number(result.value):+.2f} by links, {Number(curvature.chern):+.2f} by curvature; refine the "
                    f"mesh.",
                    MeshWarning,
                )
            group = "_".join(map(str, result.band_indices))
            columns[f"chern_{group}"] = Dataset(result.value, "", (), f"Chern number of bands {group} by links")
            columns[f"kubo_{group}"] = Dataset(curvature.chern, "", (), "the same from the curvature")
            columns[f"min_link_{group}"] = Dataset(result.min_link, "", (), "smallest link; below 0.5 is too coarse")
        lines = [bands.names[0]] + [
            f"{result}; curvature route {Number(curvature.chern):+.4f}"
            for result, curvature in zip(results, kubo, strict=True)
        ]
        return chern_record(bands.grid, results, kubo), columns, "\n".join(lines)

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the flux of every group of bands."""
        from moire.plot import panels, plot_flux

        results, lattice = read_chern(record), read_lattice(record)
        draws = [lambda ax, result=result: plot_flux(result, lattice, ax) for result in results]
        figure = panels(draws, [None] * len(draws), size=(4.6, 3.6))
        figure.suptitle(title)
        return figure
