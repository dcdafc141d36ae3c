"""Records of many-body spectra, and back."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np

from moire._arrays import read_only
from moire._types import checked
from moire.exact_diagonalization import Spectrum, Truncation
from moire.io.grids import grid_datasets, lattice_datasets, read_grid
from moire.io.hdf5 import Dataset, Record, text_array
from moire.orbitals import Orbitals, Species


@checked
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


@checked
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
