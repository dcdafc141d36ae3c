"""Records of bands, Chern numbers and spectra, written and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from moire._arrays import read_only
from moire.bands import BandEnergies
from moire.errors import InputError
from moire.exact_diagonalization import Spectrum, Truncation
from moire.grids import KPath, MomentumGrid
from moire.io.grids import grid_datasets, lattice_datasets, path_datasets, read_grid, read_path
from moire.io.hdf5 import Dataset, Record, text_array
from moire.orbitals import Orbitals, Species
from moire.topology import ChernResult, CurvatureMap


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


def read_bands(record: Record) -> tuple[BandEnergies, BandEnergies]:
    """Energies along the path and on the mesh from a ``"bands"`` record."""
    names, first = tuple(record["model/names"]), bool(record["model/top_band_first"])
    line = read_path(record)
    mesh = read_grid(record, "mesh")
    return (
        BandEnergies(line, read_only(record["path/energies"]), names, first),
        BandEnergies(mesh, read_only(record["mesh/energies"]), names, first),
    )


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


def spectrum_record(spectrum: Spectrum) -> Record:
    """Record of a many-body spectrum, with its manifold and, if kept, its vectors."""
    levels = ("sector", "level")
    datasets = {
        **lattice_datasets(spectrum.grid.lattice),
        **grid_datasets(spectrum.grid, "cluster"),
        "spectrum/filling": Dataset(str(spectrum.filling), "1/cell", (), "carriers per cell"),
        "spectrum/n_carriers": Dataset(spectrum.n_carriers, "", (), "number of carriers"),
        "spectrum/carriers": Dataset(spectrum.carriers, "", ("sector", "flavour"), "carriers of each flavour"),
        "spectrum/n_bands": Dataset(spectrum.species.orbitals.n_bands, "", (), "bands of each flavour"),
        "spectrum/momenta": Dataset(spectrum.momenta, "", ("sector", "label"), "total momentum"),
        "spectrum/dimensions": Dataset(spectrum.dimensions, "", ("sector",), "dimension of the sector"),
        "spectrum/energies": Dataset(spectrum.energies, "meV", levels, "total energies, NaN where absent"),
        "spectrum/residuals": Dataset(spectrum.residuals, "meV", levels, "|H v - E v|"),
        "spectrum/n_products": Dataset(spectrum.n_products, "", ("sector",), "matrix-vector products"),
        "spectrum/converged": Dataset(np.array(spectrum.converged), "", ("sector",), "all levels converged"),
        "spectrum/stop_reason": Dataset(text_array(spectrum.stop_reason), "", ("sector",), "why the solver stopped"),
        "spectrum/transformed": Dataset(spectrum.transformed, "", (), "solved for the missing carriers"),
        "spectrum/storage": Dataset(spectrum.storage, "", (), "how the matrices were held"),
        "spectrum/rotations": Dataset(np.array(spectrum.rotations_deg, int), "deg", ("rotation",), "relate sectors"),
        "spectrum/reverses_time": Dataset(spectrum.reverses_time, "", (), "time reversal relates sectors too"),
        "spectrum/symmetry_bound": Dataset(spectrum.symmetry_bound_mev, "meV", (), "to which the symmetries hold"),
        **_optional("spectrum/reversal", spectrum.reversal_mev, "meV", "energies of opposite polarisations agree"),
        **_truncation(spectrum.truncation),
        "spectrum/seed": Dataset(spectrum.seed, "", (), "seed of the starting vectors"),
        "spectrum/description": Dataset(json.dumps(spectrum.description), "", (), "problem and cutoffs, JSON"),
    }
    if spectrum.manifold is not None:
        manifold = spectrum.manifold
        datasets |= {
            "manifold/momenta": Dataset(np.array(manifold.momenta), "", ("state", "label"), "predicted momenta"),
            "manifold/splitting": Dataset(manifold.splitting, "meV", (), "largest minus smallest energy"),
            "manifold/gap": Dataset(manifold.gap, "meV", (), "lowest state outside minus largest inside"),
            "manifold/verdict": Dataset(manifold.verdict, "", (), "in words"),
        }
        if spectrum.caveat is not None:
            datasets["manifold/caveat"] = Dataset(spectrum.caveat, "", (), "what one band leaves open")
    for row, vectors in enumerate(spectrum.vectors):
        datasets[f"vectors/{row}"] = Dataset(vectors, "", ("level", "state"), "eigenvectors of the sector")
    return Record("ed", datasets)


def _truncation(truncation: Truncation | None) -> dict[str, Dataset]:
    if truncation is None:
        return {}
    most = np.array([truncation.max_promoted, *truncation.per_band])
    return {"spectrum/max_promoted": Dataset(most, "", ("in all, and in each remote band",), "carriers outside band 0")}


def _optional(name: str, value: float | None, unit: str, doc: str) -> dict[str, Dataset]:
    return {} if value is None else {name: Dataset(value, unit, (), doc)}


def read_spectrum(record: Record) -> Spectrum:
    """Many-body spectrum from an ``"ed"`` record."""
    n_vectors = sum(name.startswith("vectors/") for name in record.datasets)
    momenta = read_only(record["spectrum/momenta"])
    polarised = np.full((len(momenta), 1), int(record["spectrum/n_carriers"]))  # in files without flavours
    carriers = record["spectrum/carriers"] if "spectrum/carriers" in record.datasets else polarised
    n_bands = int(record["spectrum/n_bands"]) if "spectrum/n_bands" in record.datasets else 1
    orbitals = Orbitals(read_grid(record, "cluster"), carriers.shape[1], n_bands)
    return Spectrum(
        species=Species(orbitals, bool(record["spectrum/transformed"])),
        filling=Fraction(str(record["spectrum/filling"])),
        carriers=read_only(carriers, np.int64),
        momenta=momenta,
        dimensions=read_only(record["spectrum/dimensions"]),
        energies=read_only(record["spectrum/energies"]),
        residuals=read_only(record["spectrum/residuals"]),
        n_products=read_only(record["spectrum/n_products"]),
        converged=tuple(bool(flag) for flag in record["spectrum/converged"]),
        stop_reason=tuple(record["spectrum/stop_reason"]),
        storage=str(record["spectrum/storage"]),
        seed=int(record["spectrum/seed"]),
        rotations_deg=tuple(int(angle) for angle in record["spectrum/rotations"]),
        reverses_time=bool(record["spectrum/reverses_time"]) if "spectrum/reverses_time" in record.datasets else False,
        symmetry_bound_mev=float(record["spectrum/symmetry_bound"]),
        reversal_mev=float(record["spectrum/reversal"]) if "spectrum/reversal" in record.datasets else None,
        truncation=Truncation.of(
            record["spectrum/max_promoted"].tolist() if "spectrum/max_promoted" in record.datasets else None
        ),
        description=json.loads(str(record["spectrum/description"])),
        vectors=tuple(record[f"vectors/{row}"] for row in range(n_vectors)),
    )
