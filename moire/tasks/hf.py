"""Hartree-Fock ground states along dielectric constants (task ``hf``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict

from moire._progress import counted
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure, solve_bands
from moire.errors import CutoffWarning, require, warn
from moire.grids import KPath
from moire.hartree_fock import (
    BANDS_MOVE_MEV,
    SYMMETRIES,
    Crossing,
    Excitations,
    Folding,
    HartreeFockResult,
    MeanField,
    ScfSettings,
    Symmetry,
    check_guess,
    check_symmetry,
    count_carriers,
    excitations,
    find_crossing,
    find_states,
    follow,
    ground_state,
    in_bands,
    interpolate_bands,
    lift,
)
from moire.hartree_fock.lifting import search_bands
from moire.hartree_fock.plane_wave_maps import loop_bytes
from moire.io import Dataset, Record, hartree_fock_record, read_hartree_fock
from moire.observables import MeanFieldPoint
from moire.orbitals import Orbitals
from moire.plane_waves import plane_wave_orbitals
from moire.projection import REFERENCES, NamedReference, ZeroMomentum, project
from moire.tasks.interaction import ProjectionOptions
from moire.tasks.memory import projection_memory
from moire.tasks.options import Option
from moire.tasks.parts import Columns, Parts, cluster_name
from moire.tasks.point import ModelPoint
from moire.tasks.values import BandsOrAll, HoleFilling, Mesh, Supercell, Texts, Values, check_mesh, hole_filling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TIME_REVERSAL_MEV = 0.01


@checked
@dataclass(frozen=True, kw_only=True)
class HfTask(Shown, ProjectionOptions):
    """Hartree-Fock ground states of both valleys along dielectric constants, with the competing states."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: ClassVar[str] = "hf"
    of_one_valley: ClassVar[bool] = False
    takes: ClassVar[frozenset[str]] = frozenset({"progress", "checkpoint"})
    read: ClassVar[Callable[[Record], Any]] = staticmethod(read_hartree_fock)
    filling: Annotated[
        HoleFilling, Option("holes per cell, both valleys together, such as `-2`; `2` means the same")
    ] = "-2"
    mesh: Annotated[Mesh, Option("momenta", at_most=1_000)] = (12, 12)
    n_bands: Annotated[
        BandsOrAll, Option("bands kept per valley, or [all plane waves](theory/hartree_fock.md#full-space)")
    ] = 3
    epsilon_r: Annotated[Values, Option("relative dielectric constants")] = (20.0,)
    layer_distance_nm: Annotated[float, Option("distance of the layers; 0 is layer-blind", "nm")] = 0.7
    q_cutoff: Annotated[float, Option("largest momentum transfer", "|G_1|", at_most=100)] = 2.0
    zero_momentum: Annotated[ZeroMomentum, Option("[treatment of V(q = 0)](theory/projection.md#q-0)")] = "exchange"
    reference: Annotated[
        NamedReference, Option("[density at which the interaction vanishes](theory/projection.md)")
    ] = "vacuum"
    supercell: Annotated[Supercell, Option("enlarged cell; the moire cell if empty", at_most=1_000)] = ""
    boost: Annotated[Literal["", "+Q", "-Q"], Option("displaces K' by Q = kappa_+ - kappa_-")] = ""
    symmetry: Annotated[
        Symmetry, Option("[symmetry imposed](theory/hartree_fock.md#imposed-symmetries) on every state")
    ] = "free"
    guesses: Annotated[Texts, Option("[guesses](theory/hartree_fock.md#solving); all applicable ones if empty")] = ()
    n_random: Annotated[int, Option("random starts of the guess `random`", at_most=10_000)] = 4
    n_searches: Annotated[
        int, Option("[searches](theory/hartree_fock.md#distinct-solutions) away from the states found", at_most=10_000)
    ] = 0
    temperature_mev: Annotated[float, Option("k_B T", "meV")] = 0.0
    tolerance_mev: Annotated[float, Option("residual of a converged state", "meV")] = 1e-6
    points_per_segment: Annotated[
        int,
        Option(
            "points per segment of the path of the bands at the first dielectric constant; 0 for none",
            flag="segment",
            alone=15,
            at_most=10_000,
        ),
    ] = 0
    n_modes: Annotated[
        int,
        Option(
            "[excitations](theory/excitations.md) at each momentum of the lowest state at the first dielectric "
            "constant",
            at_most=10_000,
        ),
    ] = 0
    excitation_bands: Annotated[
        int,
        Option("bands per valley nearest the gap that the excitations of all plane waves are made of", at_most=10_000),
    ] = 6

    crossing: Annotated[
        Texts,
        Option(
            "two guesses: the [boundary](theory/hartree_fock.md#phase-boundaries) where the energies of both states "
            "cross, the first being the lower one at the field of the point"
        ),
    ] = ()
    crossing_field_mev: Annotated[
        float, Option("field at which the second state is the lower one", "meV", flag="crossing-field")
    ] = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "filling", hole_filling(self.filling))

    @property
    def settings(self) -> ScfSettings:
        """Settings of the self-consistency loop."""
        return ScfSettings(tolerance_mev=self.tolerance_mev)

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        for epsilon_r in self.epsilon_r:
            self.check_projection(epsilon_r)
        require(self.symmetry in SYMMETRIES, "symmetry", f"be one of {', '.join(SYMMETRIES)}", repr(self.symmetry))
        self.settings.check_temperature(self.temperature_mev)
        require(self.reference in REFERENCES, "reference", f"be one of {', '.join(REFERENCES)}", repr(self.reference))
        require(self.points_per_segment >= 0, "points_per_segment", "be at least 0", self.points_per_segment)
        require(self.n_modes >= 0, "n_modes", "be at least 0", self.n_modes)
        require(self.n_random >= 1, "n_random", "be at least 1", self.n_random)
        require(self.n_searches >= 0, "n_searches", "be at least 0", self.n_searches)
        cold = not (self.n_searches and self.temperature_mev)
        require(cold, "n_searches", "be 0 at a nonzero temperature, where no minima are known", self.n_searches)
        n_bands = point.dimension if self.n_bands == "all" else self.n_bands
        point.check_bands(n_bands)
        check_mesh(self.mesh, most=10_000)
        grid = point.grid(self.mesh)
        n_carriers = count_carriers(self.filling, Orbitals(grid, 2, n_bands))
        if self.n_bands == "all" and self.n_modes:
            most = -(-n_carriers // grid.n_points)  # filled ones, if all carriers are in one valley
            rule = f"lie in {most}..{n_bands}, from the bands filled to those of a valley"
            require(most <= self.excitation_bands <= n_bands, "excitation_bands", rule, self.excitation_bands)
        folding = Folding(grid, 2, self.supercell or None, self.boost or None)
        for guess in self.guesses:
            check_guess(guess, folding, self.symmetry)
        check_symmetry(self.symmetry, folding)
        require(len(self.crossing) in (0, 2), "crossing", "hold two guesses or none", list(self.crossing))
        for guess in self.crossing:
            check_guess(guess, folding, self.symmetry)
        if self.crossing:
            apart = self.crossing_field_mev != point.displacement_mev
            rule = f"differ from the field of the point, {point.displacement_mev:g} meV"
            require(apart, "crossing_field_mev", rule, self.crossing_field_mev)
            cold = not self.temperature_mev
            require(cold, "crossing", "be empty at a nonzero temperature", list(self.crossing))

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""
        constants = f"{self.epsilon_r[0]:g}"
        if len(self.epsilon_r) > 1:
            constants += f"..{self.epsilon_r[-1]:g} ({len(self.epsilon_r)} values)"
        return f", {cluster_name(self.mesh)} at {self.filling}, eps = {constants}"

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""
        return {
            "cluster": Dataset(cluster_name(self.mesh), "", (), "momentum mesh"),
            "filling": Dataset(self.filling, "1/cell", (), "filling"),
            "epsilon": Dataset(np.array(self.epsilon_r, dtype=float), "", ("epsilon",), "dielectric constant"),
        }

    def cost(self) -> float:
        """Rough cost in seconds: one projection, then some seconds per dielectric constant."""
        n_k = self.mesh[0] * self.mesh[1]
        if self.n_bands == "all":
            return 0.5 * n_k * len(self.epsilon_r)
        orbitals = n_k * self.n_bands**2
        return 1e-6 * orbitals**2 * (1 + 0.5 * len(self.epsilon_r))

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: projection, exchange matrices of every pair of flavours, and those of excitations."""
        n_momenta = self.mesh[0] * self.mesh[1]
        cells = 1 if not self.supercell else 3 if isinstance(self.supercell, str) else _determinant(self.supercell)
        if self.n_bands == "all":
            return loop_bytes(n_momenta, point.dimension // 2, 2, cells)
        side = n_momenta * self.n_bands**2
        pairs = 3 * (2 * side) ** 2 if self.n_modes else 0  # at most: half filled, all channels
        return projection_memory(point, n_momenta, self.n_bands, 2, self.q_cutoff) + 16.0 * (
            3 * cells * side**2 + pairs
        )

    def compute(self, point: ModelPoint, progress: bool = False, checkpoint: Path | None = None) -> Parts:
        """Compute the task at one point; solutions finished in the checkpoint are read, and the last one resumes."""
        settings = replace(self.settings, checkpoint=checkpoint)
        start = self._mean_field(point)
        every = self.n_bands == "all"
        searched = in_bands(start, search_bands(self.filling, point.dimension)) if every else start
        fields = [searched.rescaled(epsilon_r) for epsilon_r in self.epsilon_r]
        asked = (self.filling, self.guesses or None, self.symmetry, self.temperature_mev, self.n_random)
        alone = []
        for field in counted(fields, "dielectric constants", progress):
            found = ground_state(field, *asked, settings)
            alone.append(find_states(field, found, self.n_searches, settings) if self.n_searches else found)
        searches = follow(fields, alone, settings=settings, progress=progress)
        if every:
            line = counted(self.epsilon_r, "all plane waves", progress)
            triples = zip(searches, fields, map(start.rescaled, line), strict=True)
            searches = tuple(lift(*triple, settings) for triple in triples)
        points = [MeanFieldPoint.of(*pair) for pair in zip(self.epsilon_r, searches, strict=True)]
        if self.n_bands != "all":
            _warn_undecided(points, self.n_bands)
        best = points[0].best
        modes = self._modes(best, progress)
        text = "\n\n".join(map(str, [*points, modes] if modes else points))
        if self.n_modes and modes is None:
            text += "\n\nNo excitations: they need a converged insulator of the moire cell at zero temperature."
        path = self._path(best)
        if self.points_per_segment and path is None:
            text += "\n\nNo bands along the path: they need the moire cell without a boost."
        columns = _columns(points)
        if self.crossing:
            crossings = [self._crossing(point, epsilon_r) for epsilon_r in self.epsilon_r]
            text = "\n\n".join([text, *map(str, crossings)])
            for name, doc in (("value", "field at which the two states cross"), ("uncertainty", "error of the search")):
                values = np.array([getattr(found, name) for found in crossings])
                columns[f"crossing_{name}"] = Dataset(values, "meV", ("epsilon",), f"{doc}; NaN without a boundary")
        return hartree_fock_record(points, path, modes), columns, text

    def _crossing(self, point: ModelPoint, epsilon_r: float) -> Crossing:
        """Boundary of two states between the field of the point and the other one."""
        bounds = (point.displacement_mev, self.crossing_field_mev)
        asked = (bounds, (self.crossing[0], self.crossing[1]), self.filling)

        def at(displacement_mev: float) -> MeanField:
            return self._mean_field(replace(point, displacement_mev=displacement_mev)).rescaled(epsilon_r)

        return find_crossing(at, *asked, symmetry=self.symmetry, settings=self.settings)

    def _modes(self, state: HartreeFockResult, progress: bool) -> Excitations | None:
        """Excitations of an insulator with the moire cell, if requested."""
        insulator = bool(state.filled_bands) and state.gap > 0 and state.converged and not self.temperature_mev
        if not self.n_modes or not insulator or not state.folding.is_trivial:
            return None
        few = self.excitation_bands if self.n_bands == "all" else None
        return excitations(state, n_modes=self.n_modes, progress=progress, n_bands=few)

    def _path(self, state: HartreeFockResult) -> BandStructure | None:
        """Bands along the path, if requested and if the state has the moire cell."""
        if not self.points_per_segment or not state.folding.is_trivial:
            return None
        line = KPath.through(state.problem.grid.lattice, points_per_segment=self.points_per_segment)
        insulator = bool(state.filled_bands) and state.gap > 0 and not self.temperature_mev
        return interpolate_bands(state, line, image_correction=insulator)

    def _mean_field(self, point: ModelPoint) -> MeanField:
        models = [replace(point, valley=valley).build() for valley in (+1, -1)]
        grid = point.grid(self.mesh)
        bands = solve_bands(models, grid, 1 if self.n_bands == "all" else self.n_bands)
        interaction = self.interaction(self.epsilon_r[0])
        _check_time_reversal(bands)
        if self.n_bands == "all":
            bands = plane_wave_orbitals(models, grid)
        problem = project(bands, interaction, "hole", self.q_cutoff, self.zero_momentum, self.reference)
        return MeanField(problem, self.supercell or None, self.boost or None)

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw bands, flux, densities and moments of the lowest state at the first dielectric constant."""
        from moire.tasks.hf_figure import state_figure

        return state_figure(record, title)


def _determinant(cell: tuple[tuple[int, int], tuple[int, int]]) -> int:
    return abs(cell[0][0] * cell[1][1] - cell[0][1] * cell[1][0])


def _check_time_reversal(bands: BandStructure) -> None:
    """Warn if E_K(k) and E_K'(-k) differ by more than 0.01 meV, which only the plane-wave cutoff can cause."""
    opposite = bands.grid.difference_index[0]
    mismatch = float(np.abs(bands.energies[0] - bands.energies[1][opposite]).max())
    if mismatch > TIME_REVERSAL_MEV:
        warn(
            f"The energies of K at k and of K' at -k differ by up to {Number(mismatch):.3f} meV: "
            "use more plane_wave_shells.",
            CutoffWarning,
        )


def _warn_undecided(points: Sequence[MeanFieldPoint], n_bands: int) -> None:
    """Warn if the next phase is so close that the bands left out can decide."""
    close = [f"{point.epsilon_r:g}" for point in points if not point.is_decided]
    if close:
        warn(
            f"The phase is separated from the next one by less than {BANDS_MOVE_MEV:g} meV per cell at epsilon "
            f"{', '.join(close)}: bands beyond the {n_bands} kept can move the margin as much.",
            CutoffWarning,
        )


def _columns(points: Sequence[MeanFieldPoint]) -> Columns:
    """Columns of the summary along the dielectric constants."""
    line = ("epsilon",)

    def column(values: Iterable[float | str | bool], unit: str, doc: str) -> Dataset:
        return Dataset(np.array(list(values)), unit, line, doc)

    best = [point.best for point in points]
    charges = [point.phase.chern for point in points]
    return {
        "phase": column((point.phase.name for point in points), "", "phase of the lowest state"),
        "energy_per_cell": column((state.energy_per_cell for state in best), "meV", "energy per cell"),
        "gap": column((state.gap for state in best), "meV", "charge gap; negative in a metal"),
        "chern": column((c.value + 0.0 if c else np.nan for c in charges), "", "total Chern number"),
        "layer_polarisation": column((s.moments.layer_polarisation for s in best), "", "(b - t) / carriers"),
        "valley_polarisation": column((s.moments.valley_polarisation for s in best), "", "(K - K') / carriers"),
        "staggered_moment": column((s.moments.staggered_out_of_plane for s in best), "", "out of plane, b minus t"),
        "coherence": column((s.moments.coherence for s in best), "", "intervalley order, 0 to 1"),
        "runner_up": column((point.runner_up[0] for point in points), "", "next phase of another name"),
        "margin": column((point.runner_up[1] for point in points), "meV", "its energy per cell above the lowest state"),
        "reached": column((p.found.n_reached for p in points), "", "starts that ended in the lowest state"),
        "converged": column((state.converged for state in best), "", "the lowest state is self-consistent"),
    }
