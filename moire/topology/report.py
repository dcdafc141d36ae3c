"""Report of the topology of groups of bands of the moire model, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure, solve_bands
from moire.bloch import ThreefoldModel, check_time_reversal
from moire.errors import InputError, require
from moire.grids import MomentumGrid
from moire.topology.berry import ChernResult, chern_number
from moire.topology.geometry import QuantumGeometry, quantum_geometry
from moire.topology.isolation import DirectGap, smallest_direct_gap
from moire.topology.regions.interband import InterbandIndex, interband_index
from moire.topology.regions.shapes import Disk
from moire.topology.symmetry import SymmetryTable, c3_eigenvalues
from moire.topology.wilson import WilsonLoops, wilson_loops
from moire.topology.z2 import Z2Result, z2_index

CORNERS = ("gamma", "kappa_+", "kappa_-")
ROUTES_AGREE = 0.1


@checked
@dataclass(frozen=True, eq=False)
class GroupTopology(Shown):
    """One group of bands: its Chern number by four routes, its geometry, its Z2 with the other valley.

    Parameters
    ----------
    links, geometry, wilson
        Link variables, curvature and metric, Wilson loops.
    modulo_3
        Chern number modulo 3 from the C3 eigenvalues, or None where they are not reliable.
    z2
        Z2 of this group and its time-reversed partner together, or None where it is not defined.
    gap
        Smallest direct gap to a band outside the group on the mesh.
    """

    links: ChernResult
    geometry: QuantumGeometry
    wilson: WilsonLoops
    modulo_3: int | None
    z2: Z2Result | None
    gap: DirectGap | None

    @property
    def routes_agree(self) -> bool:
        """Whether the curvature, the Wilson winding and the C3 eigenvalues agree with the links."""
        chern = self.links.rounded
        return (
            abs(self.geometry.chern - chern) < ROUTES_AGREE
            and abs(self.wilson.chern - chern) < ROUTES_AGREE
            and self.modulo_3 == chern % 3
        )

    @property
    def row(self) -> str:
        """The values of the group as one row of the table of a report."""
        bands = "+".join(map(str, self.links.band_indices))
        geometry, modulo = self.geometry, "-" if self.modulo_3 is None else self.modulo_3
        z2 = "-" if self.z2 is None else self.z2.value
        gap = "-" if self.gap is None else f"{Number(self.gap.gap_mev):.4f}"
        return (
            f"{bands:>7} {Number(self.links.value):+8.4f} {Number(geometry.chern):+9.4f} "
            f"{Number(self.wilson.chern):+8.4f} {modulo:>6} "
            f"{'yes' if self.routes_agree else 'NO':>5} {z2:>3} {Number(geometry.quantum_weight):9.5f} "
            f"{Number(geometry.trace_violation):9.5f} {Number(geometry.curvature_fluctuation):8.4f} "
            f"{Number(self.links.min_link):6.3f} {gap:>9}"
        )


@checked
@dataclass(frozen=True, eq=False)
class TopologyReport(Shown):
    """Groups of bands of one model, their C3 eigenvalues and their interband indices.

    Parameters
    ----------
    name, mesh
        The model and the momentum mesh.
    groups
        One entry per group of bands.
    symmetry
        C3 eigenvalues at gamma, kappa_+ and kappa_-.
    indices
        Interband indices of neighbouring bands on disks around the corners, with the name of the corner.
    refusals
        Reasons for missing indices and Z2 invariants.
    """

    name: str
    mesh: tuple[int, int]
    groups: tuple[GroupTopology, ...]
    symmetry: SymmetryTable
    indices: tuple[tuple[str, InterbandIndex], ...] = field(repr=False)
    refusals: tuple[str, ...]

    def __str__(self) -> str:
        head = (
            f"{'bands':>7} {'C links':>8} {'curvature':>9} {'Wilson':>8} {'C3 mod':>6} {'agree':>5} {'Z2':>3} "
            f"{'int tr g':>9} {'T':>9} {'sigma_F':>8} {'link':>6} {'gap meV':>9}"
        )
        lines = [f"{self.name}, mesh {self.mesh[0]}x{self.mesh[1]}", head, *(group.row for group in self.groups)]
        lines.append(str(self.symmetry))
        for corner, index in self.indices:
            trust, finest = "" if index.converged else "  (not converged)", index.history[-1]
            lines.append(
                f"Theta[{index.n},{index.m}] around {corner:<7} = {Number(index.value):+.4f}: contour "
                f"{Number(index.contour):+.4f}, "
                f"area {Number(index.area):+.4f}, smallest link {Number(finest.min_link):.3f}, {finest.n_points} "
                f"points{trust}"
            )
        return "\n".join([*lines, *self.refusals])


@checked
def topology_report(
    model: ThreefoldModel,
    groups: Sequence[Sequence[int]],
    mesh: tuple[int, int] = (18, 18),
    index_radius: float = 0.25,
) -> TopologyReport:
    """Topology of groups of bands of a model in plane waves, with Chern numbers by four routes.

    Parameters
    ----------
    model
        Model of one valley; the other valley is added for Z2.
    groups
        Groups of bands; band 0 is the top one.
    mesh
        Regular mesh for links, curvature, metric and Wilson loops; even along b_1, as Z2 needs.
    index_radius
        Radius of the disks for the interband indices of neighbouring bands, in units of |G_1|; 0 for none.

    Raises
    ------
    InputError
        If the mesh is odd along b_1, or a group touches another band (the message says where).

    Warns
    -----
    MeshWarning
        If the mesh is too coarse for one of the quantities.
    """
    require(mesh[0] % 2 == 0, "mesh", "have an even number of points along b_1, as Z2 needs", list(mesh))
    require(groups and all(map(len, groups)), "groups", "hold groups of at least one band", list(map(list, groups)))
    require(0 <= index_radius <= 1, "index_radius", "lie in [0, 1] (|G_1|; 0 for none)", index_radius)
    n_bands = 2 + max(max(group) for group in groups)
    check_time_reversal(model)
    grid = MomentumGrid.regular(model.lattice, *mesh)
    bands = solve_bands([model, model.time_reversed()], grid, n_bands)
    symmetry = c3_eigenvalues(model, n_bands - 1)
    entries: list[GroupTopology] = []
    indices: list[tuple[str, InterbandIndex]] = []
    refusals: list[str] = []
    for group in groups:
        modulo = symmetry.chern_modulo(group) if symmetry.is_reliable else None
        entries.append(
            GroupTopology(
                chern_number(bands, group),
                quantum_geometry(bands, group),
                wilson_loops(bands, group),
                modulo,
                _z2(bands, group, refusals),
                smallest_direct_gap(bands, group),
            )
        )
    pairs = [(band, band + 1) for band in range(n_bands - 2)] if index_radius else []
    for corner in CORNERS:
        x, y = model.lattice.corners[corner]
        for n, m in pairs:
            disk = Disk((float(x), float(y)), index_radius * model.lattice.reciprocal_length)
            try:
                indices.append((corner, interband_index(model, disk, n, m)))
            except InputError as refusal:  # one boundary without an index is a result, not the end of the report
                refusals.append(f"Theta[{n},{m}] at {corner}: {refusal}")
    return TopologyReport(model.name, mesh, tuple(entries), symmetry, tuple(indices), tuple(refusals))


def _z2(bands: BandStructure, group: Sequence[int], refusals: list[str]) -> Z2Result | None:
    try:
        return z2_index(bands, group)
    except InputError as refusal:
        refusals.append(f"Z2 of bands {list(group)}: {refusal}")
        return None
