"""Records of Hartree-Fock states, and the parts of them that figures need."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandEnergies
from moire.grids import KPath, MomentumGrid
from moire.hartree_fock import Excitations, real_space_map
from moire.io.grids import grid_datasets, lattice_datasets, path_datasets, read_grid, read_path
from moire.io.hdf5 import Dataset, Record, text_array
from moire.observables import MeanFieldPoint


@checked
@dataclass(frozen=True, eq=False)
class StoredMeanField(Shown):
    """Mean-field states as stored in a file, along the dielectric constants of its request.

    Parameters
    ----------
    grid
        The momentum grid.
    filling
        Carriers per cell.
    epsilon_r
        (epsilon,).
    phases
        Name of the phase of every solution, lowest first, ``""`` beyond the last; (epsilon, solution).
    energies, gaps
        Energy per cell and charge gap of every solution in meV, NaN beyond the last; (epsilon, solution).
    quasiparticles
        Energies of the carriers in the lowest state in meV, (epsilon, k, state).
    weights
        Their occupations, (epsilon, k, state).
    flux
        Berry flux of the filled states per plaquette in radians, NaN in a metal; (epsilon, n1, n2).
    points
        Points of the moire cell in nm, (n, n, 2).
    layer_density, out_of_plane
        Carriers and valley polarisation in 1/nm^2, (epsilon, layer, n, n).
    in_plane
        Intervalley moment in 1/nm^2, (epsilon, layer, n, n).
    path
        Quasiparticle bands of the electrons along a path, at the first dielectric constant; None if not asked for.
    """

    grid: MomentumGrid
    filling: float
    epsilon_r: FloatArray
    phases: np.ndarray = field(repr=False)
    energies: FloatArray = field(repr=False)
    gaps: FloatArray = field(repr=False)
    quasiparticles: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    flux: FloatArray = field(repr=False)
    points: FloatArray = field(repr=False)
    layer_density: FloatArray = field(repr=False)
    out_of_plane: FloatArray = field(repr=False)
    in_plane: ComplexArray = field(repr=False)
    path: BandEnergies | None = field(repr=False)


@checked
def hartree_fock_record(
    points: Sequence[MeanFieldPoint], path: BandEnergies | None = None, modes: Excitations | None = None
) -> Record:
    """Record of states at one or several dielectric constants, on one grid.

    Bands along a path and excitations are those of the lowest state at the first dielectric constant.

    The density matrix is that of the lowest state, in the basis of the band states of the run, which depend on the
    gauge; all other stored quantities are gauge-invariant. In plane waves, where it is large, its orbitals take its
    place: P = sum w |n><n|.
    """
    problem = points[0].best.problem
    grid, n_solutions = problem.grid, max(len(point.phases) for point in points)
    folding = points[0].best.folding
    maps = [real_space_map(point.best.problem, point.best.density_matrix, folding=folding) for point in points]
    no_flux = np.full(folding.reduced_grid.moduli, np.nan)
    two = problem.bands.n_flavours == 2

    def table(values: list[list[float]]) -> FloatArray:
        return np.array([row + [np.nan] * (n_solutions - len(row)) for row in values])

    def texts(values: list[list[str]]) -> np.ndarray:
        return text_array([row + [""] * (n_solutions - len(row)) for row in values])

    def solutions(name: str) -> list[list[float]]:
        return [[float(getattr(state, name)) for state in point.found.solutions] for point in points]

    def best(name: str) -> np.ndarray:
        return np.array([getattr(point.best.moments, name) for point in points])

    each, line, cell = ("epsilon", "solution"), ("epsilon",), ("epsilon", "layer", "i", "j")
    states = ("epsilon", "k", "state")
    parts, lowest = [point.best.energy for point in points], [point.best.lowest for point in points]
    datasets = {
        **lattice_datasets(grid.lattice),
        **grid_datasets(grid, "mesh"),
        "problem/description": Dataset(json.dumps(problem.describe()), "", (), "problem and cutoffs, JSON"),
        "problem/supercell": Dataset(folding.cell, "", ("A_i", "a_j"), "matrix of the cell that the states may fill"),
        "problem/boost": Dataset(grid.labels[folding.shifts[-1]], "", ("label",), "momentum that displaces K'"),
        "problem/reduced_points": Dataset(folding.reduced_grid.points, "1/nm", ("k", "xy"), "momenta of the states"),
        "problem/filling": Dataset(points[0].best.n_particles / grid.n_points, "1/cell", (), "carriers per cell"),
        "problem/epsilon": Dataset(np.array([p.epsilon_r for p in points]), "", line, "dielectric constants"),
        "solutions/phase": Dataset(texts([[p.name for p in point.phases] for point in points]), "", each, "phase"),
        "solutions/guess": Dataset(
            texts([[s.guess for s in point.found.solutions] for point in points]), "", each, "where it started"
        ),
        "solutions/stop_reason": Dataset(
            texts([[s.stop_reason for s in point.found.solutions] for point in points]), "", each, "why it stopped"
        ),
        "solutions/energy": Dataset(table(solutions("energy_per_cell")), "meV", each, "energy per cell, lowest first"),
        "solutions/gap": Dataset(table(solutions("gap")), "meV", each, "charge gap; negative in a metal"),
        "solutions/residual": Dataset(table(solutions("residual")), "meV", each, "largest element of [F, P]"),
        "solutions/n_iterations": Dataset(table(solutions("n_iterations")), "", each, "iterations"),
        "solutions/converged": Dataset(table(solutions("converged")), "", each, "1 if converged, NaN where absent"),
        "state/energy_parts": Dataset(
            np.array([[e.one_body, e.hartree, e.fock] for e in parts]),
            "meV",
            ("epsilon", "part"),
            "one body, Hartree, Fock, per cell",
        ),
        "state/seed": Dataset(np.array([point.best.seed for point in points]), "", line, "seed"),
        "state/rule": Dataset(points[0].phase.rule, "", (), "how the phases are named"),
        "state/chern": Dataset(
            np.array([p.phase.chern.value if p.phase.chern else np.nan for p in points]), "", line, "total Chern number"
        ),
        "state/min_link": Dataset(
            np.array([p.phase.chern.min_link if p.phase.chern else np.nan for p in points]), "", line, "smallest link"
        ),
        "state/flux": Dataset(
            np.stack([p.phase.chern.flux if p.phase.chern else no_flux for p in points]),
            "rad",
            ("epsilon", "n1", "n2"),
            "Berry flux of the filled states",
        ),
        "state/occupations": Dataset(
            best("occupations"), "1/cell", ("epsilon", "flavour", "layer"), "carriers by valley and layer"
        ),
        "state/layer_polarisation": Dataset(best("layer_polarisation"), "", line, "(b - t) / carriers"),
        "state/coherence": Dataset(best("coherence"), "", line, "intervalley order, 0 to 1"),
        "state/quasiparticles": Dataset(
            _padded([state.energies for state in lowest], np.nan),
            "meV",
            states,
            "energies of the carriers, lowest ones",
        ),
        "state/weights": Dataset(_padded([state.weights for state in lowest], 0), "", states, "occupations"),
        "cell/points": Dataset(maps[0].points, "nm", ("i", "j", "xy"), "points of the moire cell"),
        "cell/density": Dataset(np.stack([m.layers for m in maps]), "1/nm^2", cell, "carrier density of each layer"),
    }
    if problem.basis == "plane waves":
        orbitals = _padded([state.orbitals for state in lowest], 0)
        axes: tuple[str, ...] = ("epsilon", "k", "orbital", "state")
        datasets["state/orbitals"] = Dataset(orbitals, "", axes, "quasiparticles in plane waves")
    else:
        density = np.stack([point.best.density_matrix for point in points])
        axes = ("epsilon", "k", "orbital", "orbital")
        datasets["state/density_matrix"] = Dataset(density, "", axes, "P(k), in the gauge of the run")
    if two:
        datasets["cell/out_of_plane"] = Dataset(
            np.stack([m.out_of_plane for m in maps]), "1/nm^2", cell, "density of K minus that of K'"
        )
        datasets["cell/in_plane"] = Dataset(
            np.stack([m.in_plane for m in maps]), "1/nm^2", cell, "twice the intervalley density"
        )
    if path is not None and isinstance(path.momenta, KPath):
        datasets |= path_datasets(path.momenta)
        datasets["path/energies"] = Dataset(
            path.energies, "meV", ("flavour", "k", "band"), "quasiparticle bands at the first dielectric constant"
        )
        datasets["path/names"] = Dataset(text_array(path.names), "", ("flavour",), "model of the bands")
    if modes is not None:
        datasets |= {
            "excitations/momenta": Dataset(modes.labels, "", ("q", "label"), "momentum Q"),
            "excitations/energies": Dataset(modes.energies, "meV", ("q", "mode"), "lowest modes"),
            "excitations/growth": Dataset(modes.growth, "meV", ("q", "mode"), "growth rate of an unstable mode"),
            "excitations/continuum": Dataset(modes.continuum, "meV", ("q",), "edge of the particle-hole continuum"),
        }
    return Record("hf", datasets)


def _padded(arrays: Sequence[np.ndarray], value: float) -> np.ndarray:
    """Arrays (..., state) of different numbers of states, stacked."""
    most = max(array.shape[-1] for array in arrays)
    widths = [[(0, 0)] * (array.ndim - 1) + [(0, most - array.shape[-1])] for array in arrays]
    return np.stack([np.pad(array, w, constant_values=value) for array, w in zip(arrays, widths, strict=True)])


@checked
def read_hartree_fock(record: Record) -> StoredMeanField:
    """Mean-field states from an ``"hf"`` record."""
    density = read_only(record["cell/density"])
    two = "cell/in_plane" in record.datasets
    return StoredMeanField(
        grid=read_grid(record, "mesh"),
        filling=float(record["problem/filling"]),
        epsilon_r=read_only(record["problem/epsilon"]),
        phases=record["solutions/phase"],
        energies=read_only(record["solutions/energy"]),
        gaps=read_only(record["solutions/gap"]),
        quasiparticles=read_only(record["state/quasiparticles"]),
        weights=read_only(record["state/weights"]),
        flux=read_only(record["state/flux"]),
        points=read_only(record["cell/points"]),
        layer_density=density,
        out_of_plane=read_only(record["cell/out_of_plane"]) if two else np.zeros_like(density),
        in_plane=read_only(record["cell/in_plane"]) if two else np.zeros(density.shape, complex),
        path=_path(record),
    )


def _path(record: Record) -> BandEnergies | None:
    if "path/energies" not in record.datasets:
        return None
    return BandEnergies(read_path(record), read_only(record["path/energies"]), tuple(record["path/names"]), True)
