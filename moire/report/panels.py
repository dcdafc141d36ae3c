"""Panels of one result as plain data, which a page draws: lines, levels, and maps in oblique coordinates."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire._arrays import FloatArray
from moire._text import Number
from moire.bands import BandEnergies
from moire.exact_diagonalization import Spectrum
from moire.grids import KPath
from moire.io import (
    Record,
    StoredMeanField,
    read_bands,
    read_chern,
    read_fci,
    read_hartree_fock,
    read_lattice,
    read_spectrum,
)
from moire.lattice import TriangularLattice
from moire.observables import FciReport, SpectralFlow
from moire.observables.manifold_states import manifold_rows
from moire.tasks.hf_figure import fermi_level
from moire.topology import ChernResult

Panel = dict[str, Any]
MAX_PATH_POINTS = 240
MAX_MAP = 48
_CORNERS = {"gamma": "γ", "m": "m", "kappa_+": "κ₊", "kappa_-": "κ₋"}


def panels_of(record: Record) -> list[Panel]:
    """Panels of the result of a task; none for a kind that has none.

    Raises
    ------
    FileFormatError
        If the record lacks what its kind must hold.
    """
    return _PANELS[record.kind](record) if record.kind in _PANELS else []


def numbers(values: NDArray[Any], digits: int = 5) -> list[Any]:
    """Nested list of numbers of this many significant digits; None where they are not finite."""
    if values.ndim > 1:
        return [numbers(row, digits) for row in values]
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]


def _lines(title: str, x: FloatArray, series: Mapping[str, FloatArray], labels: tuple[str, str]) -> Panel:
    named = [{"name": name, "y": numbers(values)} for name, values in series.items()]
    return {"kind": "lines", "title": title, "x": numbers(x), "series": named, "labels": labels}


def _path_lines(bands: BandEnergies, title: str, level: float | None = None) -> list[Panel]:
    path = bands.momenta
    if not isinstance(path, KPath):
        return []
    kept = np.unique(np.linspace(0, len(path.distances) - 1, MAX_PATH_POINTS).round().astype(int))
    series = {
        f"band {band}" + f", {name}" * (len(bands.names) > 1): bands.energies[flavour, kept, band]
        for flavour, name in enumerate(bands.names)
        for band in range(bands.n_bands)
    }
    panel = _lines(title, path.distances[kept], series, ("", "energy (meV)"))
    places = numbers(path.distances[list(path.tick_indices)])
    panel["ticks"] = list(zip(places, [_CORNERS.get(label, label) for label in path.tick_labels], strict=True))
    return [panel | {"level": level, "n_colours": bands.n_bands}]


def _coarse(values: FloatArray) -> tuple[FloatArray, str]:
    """Mean over equal blocks, so that at most MAX_MAP remain each way, and what to say of it."""
    blocks = [next(step for step in range(-(-n // MAX_MAP), n + 1) if n % step == 0) for n in values.shape]
    if blocks == [1, 1]:
        return values, ""
    (n1, n2), (s1, s2) = values.shape, blocks
    return values.reshape(n1 // s1, s1, n2 // s2, s2).mean(axis=(1, 3)), f", means of {s1} x {s2}"


def _map(title: str, values: FloatArray, vectors: FloatArray, labels: tuple[str, str, str], diverging: bool) -> Panel:
    coarse, note = _coarse(values)
    return {
        "kind": "map",
        "title": title + note,
        "values": numbers(coarse, 3),
        "vectors": numbers(vectors),
        "labels": labels,
        "diverging": diverging,
    }


def _flux_maps(record: Record) -> list[Panel]:
    lattice = read_lattice(record)
    return [_flux(result, lattice) for result in read_chern(record)]


def _flux(result: ChernResult, lattice: TriangularLattice) -> Panel:
    title = f"Berry flux of band {','.join(map(str, result.band_indices))}, C = {Number(result.value):+.3f}"
    return _zone(title, result.flux, lattice)


def _zone(title: str, flux: FloatArray, lattice: TriangularLattice) -> Panel:
    relative = flux * flux.size / (2 * np.pi)
    return _map(title, relative, lattice.reciprocal, ("kx (1/nm)", "ky (1/nm)", "Ω A / 2π"), True)


def _levels(spectrum: Spectrum) -> list[Panel]:
    energies = spectrum.energies - spectrum.ground_energy
    second = spectrum.grid.moduli[1]
    linear = spectrum.momenta[:, 0] * second + spectrum.momenta[:, 1]
    predicted = spectrum.manifold.momenta if spectrum.manifold else ()
    marked = [[row, predicted.count(label)] for label, row in manifold_rows(spectrum).items() if label in predicted]
    names = [
        f"({first},{other})" + f", S_z = {polarisation / 2:g}" * (spectrum.carriers.shape[1] == 2)
        for (first, other), polarisation in zip(spectrum.momenta.tolist(), spectrum.polarisation, strict=True)
    ]
    return [
        {
            "kind": "levels",
            "title": f"{spectrum.grid.name}, filling {spectrum.filling}",
            "x": linear.tolist(),
            "y": numbers(energies),
            "names": names,
            "marked": [[int(row), int(count)] for row, count in marked],
            "verdict": spectrum.manifold.verdict if spectrum.manifold else "",
            "labels": (f"{second} k₁ + k₂", "E − E₀ (meV)"),
        }
    ]


def _mean_field(record: Record) -> list[Panel]:
    """Panels of the lowest state at each dielectric constant, which they name; bands are stored at the first one."""
    stored = read_hartree_fock(record)
    panels = []
    if stored.path is not None:
        level = fermi_level(stored, str(json.loads(record["problem/description"])["carrier"]))
        bands = _path_lines(stored.path, "mean-field bands of the electrons", level)
        panels += [panel | {"epsilon": float(stored.epsilon_r[0])} for panel in bands]
    for i, epsilon in enumerate(stored.epsilon_r.tolist()):
        panels += [panel | {"epsilon": epsilon} for panel in _state(stored, i)]
    return panels


def _state(stored: StoredMeanField, i: int) -> list[Panel]:
    """Flux, polarisation of both layers, and competing states at one dielectric constant."""
    panels = []
    if stored.flux[i].shape == stored.grid.moduli and not np.isnan(stored.flux[i]).any():
        panels.append(_zone("Berry flux of the filled states", stored.flux[i], stored.grid.lattice))
    vectors = len(stored.points) * np.stack([stored.points[1, 0], stored.points[0, 1]])
    labels = ("x (nm)", "y (nm)", "n(K) − n(K′) (1/nm²)")
    limit = max(
        float(np.abs(stored.out_of_plane[i]).max()), 0.1 * float(stored.layer_density[i].max())
    )  # noise is pale
    for layer, values in enumerate(stored.out_of_plane[i]):
        panel = _map(f"valley polarisation, layer {'bt'[layer]}", values, vectors, labels, True)
        panels.append(panel | {"limit": limit})
    found = zip(stored.phases[i], stored.energies[i], stored.gaps[i], strict=True)
    texts = [(str(name), f"{Number(energy):.4f}", f"{Number(gap):.2f}") for name, energy, gap in found if name]
    head = ["phase", "energy (meV/cell)", "charge gap (meV)", "solutions"]
    rows = [[*state, count] for state, count in Counter(texts).items()]
    return [*panels, {"kind": "table", "title": "states found, the lowest first", "head": head, "rows": rows}]


def _flow(flow: SpectralFlow) -> Panel:
    lowest = np.nanmin(flow.energies, axis=(1, 2))
    levels = np.sort(flow.energies.reshape(len(flow.phases), -1) - lowest[:, None], axis=1)
    tracked = {f"from {label}": flow.tracked[:, i] - lowest for i, label in enumerate(flow.momenta)}
    title = f"flux along L{flow.direction}"
    panel = _lines(title, flow.phases, tracked, (f"φ{flow.direction} / 2π", "E − E₀(φ) (meV)"))
    return panel | {"behind": numbers(levels.T)}


def _fractional(record: Record) -> list[Panel]:
    report: FciReport = read_fci(record)
    panels = [*_levels(report.spectrum), *(_flow(flow) for flow in report.flows)]
    if report.chern is not None:
        n1, n2 = report.chern.mesh
        density = report.chern.flux * n1 * n2 / (2 * np.pi)
        title = f"flux over boundary phases, C = {Number(report.chern.value):+.3f}"
        panels.append(_map(title, density, np.eye(2), ("φ₁ / 2π", "φ₂ / 2π", "flux density"), False))
    rows = json.loads(str(record["checks"]))
    return [*panels, {"kind": "table", "title": "checks", "head": ["question", "answer", "evidence"], "rows": rows}]


_PANELS: Mapping[str, Callable[[Record], list[Panel]]] = {
    "bands": lambda record: _path_lines(read_bands(record)[0], "bands"),
    "chern": _flux_maps,
    "topology": _flux_maps,
    "hf": _mean_field,
    "ed": lambda record: _levels(read_spectrum(record)),
    "fci": _fractional,
}
