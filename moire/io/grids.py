"""Lattices, momentum grids and paths in a record, written and read."""

from __future__ import annotations

import numpy as np

from moire._arrays import read_only
from moire._types import checked
from moire.grids import KPath, MomentumGrid
from moire.io.hdf5 import Dataset, Record, text_array
from moire.lattice import MoireLattice, TriangularLattice


def lattice_datasets(lattice: TriangularLattice) -> dict[str, Dataset]:
    """Datasets that describe a lattice, under ``lattice/``."""
    twist = lattice.twist_deg if isinstance(lattice, MoireLattice) else float("nan")
    return {
        "lattice/period": Dataset(lattice.period_nm, "nm", (), "lattice period"),
        "lattice/twist": Dataset(twist, "deg", (), "twist angle; NaN if it is no moire lattice"),
    }


@checked
def read_lattice(record: Record) -> TriangularLattice:
    """The lattice of a record."""
    period, twist = float(record["lattice/period"]), float(record["lattice/twist"])
    return TriangularLattice(period) if np.isnan(twist) else MoireLattice(period, twist)


def grid_datasets(grid: MomentumGrid, group: str) -> dict[str, Dataset]:
    """Datasets that describe a grid, under `group`."""
    return {
        f"{group}/matrix": Dataset(grid.matrix, "", ("superlattice vector", "a_i"), "cluster matrix T"),
        f"{group}/boundary_phase": Dataset(
            np.array(grid.boundary_phase), "2 pi", ("superlattice vector",), "boundary phase"
        ),
        f"{group}/points": Dataset(grid.points, "1/nm", ("k", "xy"), "momenta"),
        f"{group}/labels": Dataset(grid.labels, "", ("k", "label"), "labels in the momentum group"),
    }


def read_grid(record: Record, group: str) -> MomentumGrid:
    """The grid stored under `group`."""
    name = f"{group}/boundary_phase"
    first, second = record[name if name in record.datasets else f"{group}/twist"]  # the second in earlier files
    return MomentumGrid(read_lattice(record), record[f"{group}/matrix"], (float(first), float(second)))


def path_datasets(line: KPath) -> dict[str, Dataset]:
    """Datasets that describe a path, under ``path/``."""
    return {
        "path/points": Dataset(line.points, "1/nm", ("k", "xy"), "momenta along the path"),
        "path/distances": Dataset(line.distances, "1/nm", ("k",), "arc length along the path"),
        "path/tick_indices": Dataset(np.array(line.tick_indices), "", ("corner",), "where the corners are"),
        "path/tick_labels": Dataset(text_array(line.tick_labels), "", ("corner",), "names of the corners"),
    }


def read_path(record: Record) -> KPath:
    """The path of a record."""
    return KPath(
        read_lattice(record),
        read_only(record["path/points"]),
        read_only(record["path/distances"]),
        tuple(int(index) for index in record["path/tick_indices"]),
        tuple(record["path/tick_labels"]),
    )
