"""What each task computes, and the record and the headline figures that it leaves."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace

from moire.bands import BandStructure, solve_bands
from moire.errors import MeshWarning
from moire.exact_diagonalization import Spectrum, solve_all_sectors
from moire.grids import KPath
from moire.io import (
    Dataset,
    Record,
    bands_record,
    chern_record,
    provenance,
    spectrum_record,
    topology_record,
)
from moire.projection import project
from moire.sweep.request import BandsTask, ChernTask, EdTask, ModelPoint, Request, TopologyTask
from moire.topology import ChernResult, CurvatureMap, berry_curvature, chern_number, topology_report

ROUTES_AGREE = 0.1


@dataclass(frozen=True)
class Outcome:
    """A finished request.

    Parameters
    ----------
    record
        What goes into its file: request, results, figures under ``summary/``, warnings, provenance.
    text
        The same for a reader.
    """

    record: Record
    text: str


def compute(request: Request, progress: bool = False) -> Outcome:
    """Do the work of one request; warnings are part of the outcome, not of the terminal.

    Parameters
    ----------
    request
        A checked request.
    progress
        Show a progress bar over the sectors of a spectrum.
    """
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task = request.task
        if isinstance(task, BandsTask):
            record, figures, text = _bands(request.point, task)
        elif isinstance(task, ChernTask):
            record, figures, text = _chern(request.point, task)
        elif isinstance(task, TopologyTask):
            record, figures, text = _topology(request.point, task)
        else:
            record, figures, text = _ed(request.point, task, progress)
    messages = [str(warning.message) for warning in caught]
    attributes = {
        "request": request.canonical(),
        "key": request.key,
        "title": request.title,
        "warnings": messages,
        **provenance(time.perf_counter() - start),
    }
    datasets = {**record.datasets, **{f"summary/{name}": figure for name, figure in figures.items()}}
    text = "\n".join([text, *(f"Warning: {message}" for message in messages)])
    return Outcome(replace(record, datasets=datasets, attributes=attributes), text)


Parts = tuple[Record, dict[str, Dataset], str]


def _bands(point: ModelPoint, task: BandsTask) -> Parts:
    model = point.build()
    path = solve_bands(model, KPath.through(model.lattice, points_per_segment=task.points_per_segment), task.n_bands)
    mesh = solve_bands(model, point.grid(task.mesh), task.n_bands)
    figures = {}
    for band in range(task.n_bands):
        figures[f"width_{band}"] = Dataset(mesh.width(band), "meV", (), f"width of band {band} on the mesh")
    for band in range(task.n_bands - 1):
        pair = f"bands {band} and {band + 1}"
        figures[f"gap_{band}_{band + 1}"] = Dataset(mesh.gap(band), "meV", (), f"indirect gap of {pair}")
        figures[f"direct_gap_{band}_{band + 1}"] = Dataset(mesh.direct_gap(band), "meV", (), f"direct gap of {pair}")
    return bands_record(path, mesh), figures, str(mesh)


def _chern(point: ModelPoint, task: ChernTask) -> Parts:
    bands: BandStructure = solve_bands(point.build(), point.grid(task.mesh), task.n_bands)
    results: list[ChernResult] = [chern_number(bands, group) for group in task.bands]
    kubo: list[CurvatureMap] = [berry_curvature(bands, group) for group in task.bands]
    figures = {}
    for result, curvature in zip(results, kubo, strict=True):
        if abs(result.value - curvature.chern) > ROUTES_AGREE:
            warnings.warn(
                f"The two routes to the Chern number of bands {result.band_indices} disagree: "
                f"{result.value:+.2f} by links, {curvature.chern:+.2f} by curvature; refine the mesh.",
                MeshWarning,
                stacklevel=2,
            )
        group = "_".join(map(str, result.band_indices))
        figures[f"chern_{group}"] = Dataset(result.value, "", (), f"Chern number of bands {group} by links")
        figures[f"kubo_{group}"] = Dataset(curvature.chern, "", (), "the same from the curvature")
        figures[f"min_link_{group}"] = Dataset(result.min_link, "", (), "smallest link; below 0.5 is too coarse")
    lines = [bands.names[0]] + [
        f"{result}; curvature route {curvature.chern:+.4f}" for result, curvature in zip(results, kubo, strict=True)
    ]
    return chern_record(bands.grid, results, kubo), figures, "\n".join(lines)


def _topology(point: ModelPoint, task: TopologyTask) -> Parts:
    report = topology_report(point.build(), task.bands, task.mesh, task.index_radius)
    figures: dict[str, Dataset] = {}
    for group in report.groups:
        name = "_".join(map(str, group.links.band_indices))
        figures |= {
            f"chern_{name}": Dataset(group.links.value, "", (), f"Chern number of bands {name} by links"),
            f"agree_{name}": Dataset(group.routes_agree, "", (), "curvature, Wilson loops and C3 agree with it"),
            f"z2_{name}": Dataset(
                float(group.z2.value) if group.z2 else float("nan"), "", (), "Z2 of both valleys together"
            ),
            f"trace_{name}": Dataset(group.geometry.quantum_weight, "", (), "(1/2 pi) integral of tr g"),
            f"sigma_F_{name}": Dataset(group.geometry.curvature_fluctuation, "", (), "fluctuation of the curvature"),
        }
    return topology_record(report, point.grid(task.mesh)), figures, str(report)


def _ed(point: ModelPoint, task: EdTask, progress: bool) -> Parts:
    bands = solve_bands(point.build(), point.grid(task.cluster, task.boundary_twist), n_bands=1)
    problem = project(bands, task.interaction(), "hole", task.q_cutoff, task.zero_momentum)
    spectrum: Spectrum = solve_all_sectors(problem, task.filling, task.n_eigenstates, seed=task.seed, progress=progress)
    figures = {
        "energy_per_carrier": Dataset(spectrum.energy_per_carrier, "meV", (), "lowest energy per carrier"),
        "converged": Dataset(all(spectrum.converged), "", (), "every level of every sector converged"),
    }
    if spectrum.manifold is not None:
        manifold = spectrum.manifold
        figures["splitting"] = Dataset(manifold.splitting, "meV", (), "splitting of the predicted manifold")
        figures["gap"] = Dataset(manifold.gap, "meV", (), "gap above the predicted manifold")
        figures["fci_signature"] = Dataset(manifold.is_signature, "", (), "whether the FCI signature is there")
    return spectrum_record(spectrum), figures, str(spectrum)
