"""Requests: one unit of work each, canonical, hashable; the key names the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.errors import require
from moire.exact_diagonalization import carriers_on, sector_dimensions
from moire.grids import MomentumGrid
from moire.interaction import Gates, ScreenedCoulomb
from moire.io import SCHEMA
from moire.lattice import MoireLattice
from moire.parameters import ContinuumParameters
from moire.projection import ZeroMomentum

ClusterShape = tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class ModelPoint:
    """The model at one twist angle and displacement field, with its cutoff."""

    parameters: ContinuumParameters
    twist_deg: float
    displacement_mev: float = 0.0
    plane_wave_shells: float = 5
    valley: int = +1

    def lattice(self) -> MoireLattice:
        """Moire lattice of the point."""
        return MoireLattice.from_twist(self.twist_deg, self.parameters.lattice_constant_nm)

    def build(self) -> ContinuumModel:
        """Continuum model of the point."""
        basis = PlaneWaveBasis.shells(self.lattice(), self.plane_wave_shells)
        return ContinuumModel.build(self.parameters, basis, self.valley, self.displacement_mev)

    def grid(self, shape: ClusterShape, twist: tuple[float, float] = (0.0, 0.0)) -> MomentumGrid:
        """Momentum grid on the lattice of the point, with a boundary twist in units of 2 pi."""
        return MomentumGrid.cluster(self.lattice(), shape, twist)


@dataclass(frozen=True, kw_only=True)
class BandsTask:
    """Bands along the path and on a mesh, with widths and gaps."""

    name: ClassVar[str] = "bands"
    n_bands: int = 3
    mesh: tuple[int, int] = (18, 18)
    points_per_segment: int = 30

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""
        require(self.points_per_segment >= 1, "points_per_segment", "be at least 1", self.points_per_segment)
        _check_bands_fit(point, self.n_bands)
        point.grid(self.mesh)

    def cost(self) -> float:
        """Rough cost in seconds, for scheduling and for the time that remains."""
        return 3e-3 * (self.mesh[0] * self.mesh[1] + 4 * self.points_per_segment)


@dataclass(frozen=True, kw_only=True)
class ChernTask:
    """Chern numbers of groups of bands by links, with the curvature as second route."""

    name: ClassVar[str] = "chern"
    bands: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,))
    mesh: tuple[int, int] = (18, 18)

    @property
    def n_bands(self) -> int:
        """Number of bands to solve."""
        return 1 + max(max(group) for group in self.bands)

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""
        for group in self.bands:
            require(group and min(group) >= 0, "chern.bands", "hold groups of band indices from 0", list(group))
        _check_bands_fit(point, self.n_bands)
        require(min(self.mesh) >= 2, "chern.mesh", "have at least 2 points each way", list(self.mesh))

    def cost(self) -> float:
        """Rough cost in seconds."""
        return (3e-3 + 1e-3 * sum(map(len, self.bands))) * self.mesh[0] * self.mesh[1]


@dataclass(frozen=True, kw_only=True)
class TopologyTask:
    """Chern numbers by four routes, quantum geometry, Wilson loops, Z2, C3 eigenvalues, interband indices."""

    name: ClassVar[str] = "topology"
    bands: tuple[tuple[int, ...], ...] = ((0,), (1,))
    mesh: tuple[int, int] = (18, 18)
    index_radius: float = 0.25

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""
        ChernTask(bands=self.bands, mesh=self.mesh).check(point)
        require(self.mesh[0] % 2 == 0, "topology.mesh", "be even along b_1, as Z2 needs", list(self.mesh))
        require(0 <= self.index_radius <= 1, "index_radius", "lie in [0, 1] (|G_1|; 0 for none)", self.index_radius)

    def cost(self) -> float:
        """Rough cost in seconds."""
        n_pairs = max(max(group) for group in self.bands) if self.index_radius else 0
        return 2 * ChernTask(bands=self.bands, mesh=self.mesh).cost() + 9.0 * n_pairs


@dataclass(frozen=True, kw_only=True)
class EdTask:
    """Many-body spectrum of the top band of one valley on a cluster."""

    name: ClassVar[str] = "ed"
    cluster: ClusterShape
    filling: str
    boundary_twist: tuple[float, float] = (0.0, 0.0)
    n_eigenstates: int = 4
    epsilon_r: float = 10.0
    gates: Gates = "dual"
    gate_distance_nm: float = 30.0
    layer_distance_nm: float = 0.0
    q_cutoff: float = 4.0
    zero_momentum: ZeroMomentum = "drop"
    seed: int = 0

    def interaction(self) -> ScreenedCoulomb:
        """The Coulomb interaction of the task."""
        return ScreenedCoulomb(
            epsilon_r=self.epsilon_r,
            gate_distance_nm=self.gate_distance_nm,
            layer_distance_nm=self.layer_distance_nm,
            gates=self.gates,
        )

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""
        require(self.n_eigenstates >= 1, "n_eigenstates", "be at least 1", self.n_eigenstates)
        require(self.q_cutoff > 0, "q_cutoff", "be positive (in units of |G_1|)", self.q_cutoff)
        interaction = self.interaction()
        require(
            not (self.zero_momentum != "drop" and interaction.diverges_at_zero),
            "zero_momentum",
            "be 'drop' without gates, where V(0) diverges",
            f"'{self.zero_momentum}'",
        )
        point.build()
        carriers_on(point.grid(self.cluster), self.filling)

    def cost(self) -> float:
        """Rough cost in seconds, from the number of stored elements and some 200 products."""
        grid = MomentumGrid.cluster(MoireLattice(1.0, 1.0), self.cluster)
        carriers = carriers_on(grid, self.filling)
        particles = min(carriers, grid.n_points - carriers)
        per_state = particles**2 * grid.n_points / 8 + 1
        return 0.1 + 200 * 2e-9 * per_state * float(sector_dimensions(grid, particles).sum())


Task = BandsTask | ChernTask | TopologyTask | EdTask
TASKS = {task.name: task for task in (BandsTask, ChernTask, TopologyTask, EdTask)}


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_bands_fit(point: ModelPoint, n_bands: int) -> None:
    dimension = 2 * point.build().basis.size
    require(
        1 <= n_bands <= dimension,
        "n_bands",
        f"lie in 1..{dimension}, the dimension of H(k) at {point.plane_wave_shells:g} shells",
        n_bands,
    )


@dataclass(frozen=True, kw_only=True)
class Request:
    """One task at one point of a sweep.

    Parameters
    ----------
    point
        The model.
    task
        What to compute.
    """

    point: ModelPoint
    task: Task

    def check(self) -> None:
        """Raise InputError before any work if the request cannot be done."""
        self.task.check(self.point)

    def canonical(self) -> dict[str, Any]:
        """Return the request as plain nested dictionaries, the same for equal requests (5 and 5.0 are equal)."""
        plain: dict[str, Any] = _canonical(
            {"task": self.task.name, "point": asdict(self.point), "options": asdict(self.task)}
        )
        return plain

    @property
    def key(self) -> str:
        """Hash of the canonical request and of the file schema, 12 hexadecimal digits."""
        text = json.dumps([SCHEMA, self.canonical()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def file_name(self) -> str:
        """Name of its file: readable first, unique by the key."""
        return f"{self.task.name}-{self.point.twist_deg:.3f}deg-D{self.point.displacement_mev:g}-{self.key}.h5"

    @property
    def title(self) -> str:
        """A few words for a line of progress."""
        title = f"{self.task.name} at {self.point.twist_deg:g} deg, D = {self.point.displacement_mev:g} meV"
        if isinstance(self.task, EdTask):
            cluster = MomentumGrid.cluster(MoireLattice(1.0, 1.0), self.task.cluster).name
            flux = "" if self.task.boundary_twist == (0.0, 0.0) else f", twist {self.task.boundary_twist}"
            title += f", {cluster}{flux} at {self.task.filling}, eps = {self.task.epsilon_r:g}"
        return title
