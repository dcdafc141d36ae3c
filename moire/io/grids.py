"""Lattices and momentum grids in a record, and back."""

from __future__ import annotations

import numpy as np

from moire.grids import MomentumGrid
from moire.io.hdf5 import Dataset, Record
from moire.lattice import MoireLattice, TriangularLattice


def lattice_datasets(lattice: TriangularLattice) -> dict[str, Dataset]:
    """Datasets that describe a lattice, under ``lattice/``."""
    twist = lattice.twist_deg if isinstance(lattice, MoireLattice) else float("nan")
    return {
        "lattice/period": Dataset(lattice.period_nm, "nm", (), "lattice period"),
        "lattice/twist": Dataset(twist, "deg", (), "twist angle; NaN if it is no moire lattice"),
    }


def read_lattice(record: Record) -> TriangularLattice:
    """The lattice of a record."""
    period, twist = float(record["lattice/period"]), float(record["lattice/twist"])
    return TriangularLattice(period) if np.isnan(twist) else MoireLattice(period, twist)


def grid_datasets(grid: MomentumGrid, group: str) -> dict[str, Dataset]:
    """Datasets that describe a grid, under `group`."""
    return {
        f"{group}/matrix": Dataset(grid.matrix, "", ("superlattice vector", "a_i"), "cluster matrix T"),
        f"{group}/twist": Dataset(np.array(grid.twist), "2 pi", ("superlattice vector",), "boundary twist"),
        f"{group}/points": Dataset(grid.points, "1/nm", ("k", "xy"), "momenta"),
        f"{group}/labels": Dataset(grid.labels, "", ("k", "label"), "labels in the momentum group"),
    }


def read_grid(record: Record, group: str) -> MomentumGrid:
    """The grid that stands under `group`."""
    first, second = record[f"{group}/twist"]
    return MomentumGrid(read_lattice(record), record[f"{group}/matrix"], (float(first), float(second)))
