"""Ranked clusters commensurate with a filling, with the dimension and the memory of a sector of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.cluster_shapes import ClusterShape, cluster_shapes
from moire.exact_diagonalization.sectors import sector_dimensions
from moire.filling import FillingLike, one_band_filling
from moire.grids import MomentumGrid
from moire.lattice import TriangularLattice
from moire.orbitals import MAX_ORBITALS, Orbitals
from moire.predictions import expected_momenta
from moire.resources import human_bytes

KRYLOV_VECTORS = 32
BYTES_PER_STATE = 24.0 + 16.0 * KRYLOV_VECTORS  # occupation word, diagonal, result; and the vectors


@checked
@dataclass(frozen=True)
class ClusterSuggestion(Shown):
    """One cluster at one filling.

    Parameters
    ----------
    shape
        The cluster; its ``matrix`` is what :meth:`moire.MomentumGrid.cluster` takes.
    n_carriers
        Number of carriers.
    largest_dimension
        Dimension of the largest momentum sector, of the minority species.
    n_bytes
        Memory of that sector without storing the matrix, with 32 Krylov vectors.
    shared_sector
        Largest number of states of the predicted manifold in one sector: 1 if momenta distinguish all of them; 0 if
        no manifold is predicted.
    """

    shape: ClusterShape
    n_carriers: int
    largest_dimension: int
    n_bytes: float
    shared_sector: int

    @property
    def rank(self) -> tuple[float, bool, int, int, int]:
        """Sort key: rounder, sixfold, more high-symmetry momenta, separate sectors, larger come first."""
        shape = self.shape
        held = shape.holds("m") + shape.holds("kappa")
        return round(shape.aspect, 9), not shape.has_sixfold_axis, -held, self.shared_sector, -shape.n_sites


@checked
@dataclass(frozen=True)
class ClusterSuggestions(Shown):
    """Clusters for a filling, the best first."""

    filling: Fraction
    clusters: tuple[ClusterSuggestion, ...] = field(repr=False)

    def of_size(self, n_sites: int) -> tuple[ClusterSuggestion, ...]:
        """Clusters of `n_sites` cells, the best first."""
        return tuple(cluster for cluster in self.clusters if cluster.shape.n_sites == n_sites)

    def table(self, n_rows: int | None = None) -> str:
        """Size, matrix, aspect ratio, symmetry, momenta held, and cost of the largest sector."""
        lines = [
            f"{'sites':>5} {'cluster':>24} {'aspect':>6} {'axis':>4} {'m':>2} {'kappa':>5} {'carriers':>8} "
            f"{'largest sector':>14} {'memory':>9} {'per sector':>10}"
        ]
        for cluster in self.clusters[:n_rows]:
            shape = cluster.shape
            name = shape.name if "[" not in shape.name else ",".join(str(part) for row in shape.matrix for part in row)
            shared = str(cluster.shared_sector) if cluster.shared_sector else "-"
            lines.append(
                f"{shape.n_sites:>5} {name:>24} {shape.aspect:6.3f} {shape.symmetry:>4} "
                f"{shape.holds('m'):>2} {shape.holds('kappa'):>5} {cluster.n_carriers:>8} "
                f"{cluster.largest_dimension:>14} {human_bytes(cluster.n_bytes):>9} {shared:>10}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        shown = 20
        more = len(self.clusters) - shown
        tail = [f"and {more} more"] if more > 0 else []
        head = (
            f"clusters at filling {self.filling}, roundest first; m and kappa: number of these held, of 3 and 2; "
            f"per sector: largest number of states of the predicted manifold in one sector"
        )
        return "\n".join([head, self.table(shown), *tail])


@checked
def suggest_clusters(filling: FillingLike, max_sites: int = 36, min_sites: int = 6) -> ClusterSuggestions:
    """All clusters of up to `max_sites` cells commensurate with a filling, up to rotations of the lattice.

    They come from the Hermite normal forms of each size. The aspect ratio is that of the two shortest
    superlattice vectors; every cluster holds gamma and has a twofold axis, and those of 9, 12, 21, 27, 28, 36
    and 39 cells include sixfold ones. Both mirror images are listed.

    Parameters
    ----------
    filling
        Carriers per cell; the sign does not matter.
    max_sites, min_sites
        Largest and smallest number of cells.

    Raises
    ------
    InputError
        If the filling is not a number, a size is out of range, or no size is commensurate with the filling.

    References
    ----------
    Bernevig and Regnault, Phys. Rev. B 85, 075128 (2012); Laeuchli, Liu, Bergholtz and Moessner,
    Phys. Rev. Lett. 111, 126802 (2013), for tilted clusters.
    """
    fraction = one_band_filling(filling)
    sizes_allowed = 1 <= min_sites <= max_sites <= MAX_ORBITALS
    require(
        sizes_allowed,
        "max_sites",
        f"satisfy 1 <= min_sites <= max_sites <= {MAX_ORBITALS}",
        f"{max_sites}, with min_sites = {min_sites}",
    )
    sizes = [size for size in range(min_sites, max_sites + 1) if size % fraction.denominator == 0]
    require(
        sizes,
        "max_sites",
        f"allow a multiple of {fraction.denominator} cells from min_sites = {min_sites} on",
        max_sites,
    )
    clusters = []
    for size in sizes:
        n_carriers = int(fraction * size)
        dimensions: dict[tuple[int, int], int] = {}
        for shape in cluster_shapes(size):
            grid = MomentumGrid.cluster(TriangularLattice(1.0), shape.matrix)
            if grid.moduli not in dimensions:
                counts = sector_dimensions(Orbitals(grid), min(n_carriers, size - n_carriers))
                dimensions[grid.moduli] = int(counts.max())
            largest = dimensions[grid.moduli]
            manifold = Counter(expected_momenta(grid, fraction) or ())
            shared = max(manifold.values(), default=0)
            clusters.append(ClusterSuggestion(shape, n_carriers, largest, BYTES_PER_STATE * largest, shared))
    return ClusterSuggestions(fraction, tuple(sorted(clusters, key=lambda cluster: cluster.rank)))
