"""Records of bands and Chern numbers, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from moire._arrays import read_only
from moire._types import checked
from moire.bands import BandEnergies
from moire.errors import InputError
from moire.grids import KPath, MomentumGrid
from moire.io.grids import grid_datasets, lattice_datasets, path_datasets, read_grid, read_path
from moire.io.hdf5 import Dataset, Record, text_array
from moire.topology import ChernResult, CurvatureMap


@checked
def bands_record(path: BandEnergies, mesh: BandEnergies) -> Record:
    """Record of energies along a path and on a grid, both of the same model."""
    line = path.momenta
    if not isinstance(line, KPath) or not isinstance(mesh.momenta, MomentumGrid):
        kinds = " and ".join(type(bands.momenta).__name__ for bands in (path, mesh))
        raise InputError(f"`path` and `mesh` must be solved on a KPath and a MomentumGrid, but are on {kinds}.")
    dims = ("flavour", "k", "band")
    datasets = {
        **lattice_datasets(line.lattice),
        "model/names": Dataset(text_array(path.names), "", ("flavour",), "model of each flavour"),
        "model/top_band_first": Dataset(path.top_band_first, "", (), "whether band 0 is the highest"),
        **path_datasets(line),
        "path/energies": Dataset(path.energies, "meV", dims, "band energies along the path"),
        **grid_datasets(mesh.momenta, "mesh"),
        "mesh/energies": Dataset(mesh.energies, "meV", dims, "band energies on the mesh"),
    }
    return Record("bands", datasets)


@checked
def read_bands(record: Record) -> tuple[BandEnergies, BandEnergies]:
    """Energies along the path and on the mesh from a ``"bands"`` record."""
    names, first = tuple(record["model/names"]), bool(record["model/top_band_first"])
    line = read_path(record)
    mesh = read_grid(record, "mesh")
    return (
        BandEnergies(line, read_only(record["path/energies"]), names, first),
        BandEnergies(mesh, read_only(record["mesh/energies"]), names, first),
    )


@checked
def chern_record(grid: MomentumGrid, chern: Sequence[ChernResult], kubo: Sequence[CurvatureMap]) -> Record:
    """Record of Chern numbers on one grid, with the curvature of the same groups by the second route."""
    plane = ("group", "n1", "n2")
    datasets = {
        **lattice_datasets(grid.lattice),
        **grid_datasets(grid, "mesh"),
        "chern/bands": Dataset(
            text_array([json.dumps(result.band_indices) for result in chern]), "", ("group",), "band indices, JSON"
        ),
        "chern/flavour": Dataset(np.array([result.flavour for result in chern]), "", ("group",), "flavour"),
        "chern/value": Dataset(np.array([result.value for result in chern]), "", ("group",), "before rounding"),
        "chern/flux": Dataset(np.stack([result.flux for result in chern]), "rad", plane, "plaquette fluxes"),
        "chern/min_link": Dataset(np.array([r.min_link for r in chern]), "", ("group",), "smallest |det link|"),
        "chern/max_flux": Dataset(np.array([r.max_flux for r in chern]), "rad", ("group",), "largest |flux|"),
        "kubo/curvature": Dataset(
            np.stack([result.curvature for result in kubo]), "nm^2", ("group", "k"), "Berry curvature"
        ),
        "kubo/chern": Dataset(np.array([r.chern for r in kubo]), "", ("group",), "its integral over 2 pi"),
    }
    return Record("chern", datasets)


@checked
def read_chern(record: Record) -> tuple[ChernResult, ...]:
    """Chern numbers from a ``"chern"`` record."""
    flux = record["chern/flux"]
    return tuple(
        ChernResult(
            float(record["chern/value"][i]),
            read_only(flux[i]),
            float(record["chern/min_link"][i]),
            float(record["chern/max_flux"][i]),
            tuple(json.loads(bands)),
            int(record["chern/flavour"][i]),
            (flux.shape[1], flux.shape[2]),
        )
        for i, bands in enumerate(record["chern/bands"])
    )
