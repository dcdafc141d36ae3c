"""Spectrum of a projected problem: all sectors of its conserved charges, one of each symmetry-related set solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._progress import counted
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.carriers import carriers_on
from moire.exact_diagonalization.eigensolvers import SectorSolution
from moire.exact_diagonalization.hamiltonian import SectorHamiltonian
from moire.exact_diagonalization.memory import check_orbitals, reserve_sectors
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.resume import SpectrumCheckpoint
from moire.exact_diagonalization.sectors import MomentumSector, sector_dimensions
from moire.exact_diagonalization.settings import SpectrumSettings, check_levels
from moire.exact_diagonalization.solve import solve_sector
from moire.exact_diagonalization.spectrum import Spectrum
from moire.exact_diagonalization.symmetry import (
    OrbitalSymmetry,
    Sector,
    accepted_symmetries,
    find_symmetry,
    representatives,
)
from moire.exact_diagonalization.truncation import Truncation
from moire.exact_diagonalization.valley_numbers import Polarisation, carriers_of_flavours
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label
from moire.orbitals import Numbers, Species
from moire.projection import ProjectedHamiltonian

TIME_REVERSAL_MEV = 0.01
_DEFAULT = SpectrumSettings()
_NO_VECTORS = read_only(np.empty((0, 0), dtype=np.complex128))


@checked
def solve_all_sectors(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    n_eigenstates: int = 4,
    *,
    momenta: Iterable[Sequence[int]] | None = None,
    polarisation: Polarisation = None,
    max_promoted: int | Sequence[int] | Truncation | None = None,
    keep_vectors: bool = False,
    start: Callable[[Label], ComplexArray | None] | None = None,
    settings: SpectrumSettings = _DEFAULT,
) -> Spectrum:
    """Lowest levels of every sector of a projected problem: all momenta, and all polarisations of two valleys.

    The number of carriers of each flavour and their total momentum are conserved; bands mix.

    Parameters
    ----------
    problem
        The projected Hamiltonian on a cluster, of any number of bands of one or two flavours.
    filling
        Carriers per cell, ``"-2/3"``, ``(2, 3)``, a Fraction or a decimal: see :func:`moire.filling.carriers_per_cell`.
    n_eigenstates
        Levels per sector.
    momenta
        Labels of the sectors to solve; all by default, as the levels of a sector tell nothing about those of others.
    polarisation
        N_K - N_K' of two flavours: a number, several, or ``"all"``; by default all, or only values of at least zero if
        time reversal gives the others to 0.01 meV (the plane-wave cutoff breaks it slightly).
    max_promoted
        Keep only states with at most this number of carriers outside band 0, see :class:`Truncation`; in a sequence the
        limits of each of the bands 1, 2, ... follow. More than 64 orbitals need a truncation.
    keep_vectors
        Keep the eigenvectors in the result.
    start
        Returns vectors (vector, dim) whose span approximates the levels of the sector of a label, or None: those of a
        similar problem in the bands of this one, see :func:`moire.observables.carried_vectors`. They save products and
        decide nothing. For one polarisation.
    settings
        Eigensolver, symmetries, checkpoint and progress bar.

    Raises
    ------
    InputError
        If the problem is in plane waves, the filling does not fit the cluster, a momentum lies outside the group or a
        polarisation is impossible.
    MemoryRefusedError
        If the largest sector, with the vectors kept of all sectors, does not fit in memory; raised before any
        enumeration.
    """
    check_levels(n_eigenstates)
    problem.require_bands()
    grid, orbitals = problem.grid, problem.orbitals
    n_bands = orbitals.n_flavours * orbitals.n_bands
    fraction = one_band_filling(filling, problem.carrier, n_bands)
    truncation = Truncation.of(max_promoted)
    n_carriers = carriers_on(grid, filling, n_bands, truncated=orbitals.n_bands > 1)
    every = carriers_of_flavours(orbitals, n_carriers, polarisation)
    check_orbitals(orbitals, every[-1], truncation)
    if truncation is not None:
        truncation.limits(orbitals)
    wanted = range(grid.n_points) if momenta is None else [grid.index_of(label) for label in momenta]
    require(len(wanted) > 0, "momenta", "name at least one sector", "empty")
    automatic = 2 * n_carriers > orbitals.size and orbitals.n_bands == 1
    species = Species(orbitals, automatic if settings.particle_hole is None else settings.particle_hole)
    if species.missing:
        require(orbitals.n_bands == 1, "particle_hole", "be False for several bands", True)

    dimensions = {carriers: sector_dimensions(orbitals, species.numbers(carriers), truncation) for carriers in every}
    asked = {carriers: [int(found[species.momentum(k)]) for k in wanted] for carriers, found in dimensions.items()}
    widest = max(asked, key=lambda carriers: max(asked[carriers]))
    flat = [dimension for found in asked.values() for dimension in found]
    reserve_sectors(orbitals, species.numbers(widest), flat, n_eigenstates, settings, keep_vectors, truncation)

    require(start is None or len(every) == 1, "start", "be left out for several polarisations", found="is given")
    work = _Work.of(problem, species, n_carriers, n_eigenstates, keep_vectors, settings, truncation, start)
    one_sided = polarisation is None or (len(every) > 1 and all(carriers[0] >= carriers[-1] for carriers in every))
    reversal = work.reversal_mev if orbitals.n_flavours == 2 and one_sided else np.inf
    if polarisation is None and reversal < TIME_REVERSAL_MEV:
        every = tuple(carriers for carriers in every if carriers[0] >= carriers[1])
    sectors = [(carriers, k) for carriers in every for k in wanted]
    shape = (len(sectors), n_eigenstates)
    energies, residuals = np.full(shape, np.nan), np.full(shape, np.nan)
    solutions: list[SectorSolution | None] = []
    for row, (carriers, k) in enumerate(counted(sectors, "sectors", settings.progress)):
        momentum = species.momentum(k)
        solution = work.solve((species.numbers(carriers), momentum)) if dimensions[carriers][momentum] else None
        solutions.append(solution)
        if solution is not None:
            energies[row, : len(solution.energies)] = solution.energies + work.hamiltonian.constant
            residuals[row, : len(solution.energies)] = solution.residuals
    return Spectrum(
        species=species,
        filling=fraction,
        carriers=read_only([carriers for carriers, _ in sectors], np.int64),
        momenta=read_only(grid.labels[[k for _, k in sectors]]),
        dimensions=read_only([dimension for carriers in every for dimension in asked[carriers]], np.int64),
        energies=read_only(energies),
        residuals=read_only(residuals),
        n_products=read_only([s.n_products if s else 0 for s in solutions], np.int64),
        converged=tuple(s.converged if s else True for s in solutions),
        stop_reason=tuple(s.stop_reason if s else "empty sector" for s in solutions),
        storage=" and ".join(sorted(work.storages)),
        seed=settings.seed,
        description=problem.describe() | ({} if truncation is None else {"truncation": str(truncation)}),
        truncation=truncation,
        vectors=tuple(s.vectors if s else _NO_VECTORS for s in solutions) if keep_vectors else (),
        rotations_deg=tuple(s.angle_deg for s in work.symmetries if not s.reverses_time),
        reverses_time=work.reverses_time,
        symmetry_bound_mev=work.bound,
        reversal_mev=reversal if reversal < TIME_REVERSAL_MEV else None,
    )


@dataclass(eq=False)
class _Work:
    """Sectors of one Hamiltonian: solutions found so far, and the symmetries that give those of related sectors."""

    hamiltonian: PairHamiltonian
    symmetries: tuple[OrbitalSymmetry, ...]
    bound: float
    n_particles: int
    n_eigenstates: int
    keep_vectors: bool
    settings: SpectrumSettings
    truncation: Truncation | None = None
    start: Callable[[Label], ComplexArray | None] | None = None
    storages: set[str] = field(default_factory=set)
    solved: dict[Sector, SectorSolution] = field(default_factory=dict)
    orbits: dict[Sector, tuple[Sector, OrbitalSymmetry | None]] = field(default_factory=dict)
    files: dict[Numbers, SpectrumCheckpoint | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        problem: ProjectedHamiltonian,
        species: Species,
        n_carriers: int,
        n_eigenstates: int,
        keep_vectors: bool,
        settings: SpectrumSettings,
        truncation: Truncation | None,
        start: Callable[[Label], ComplexArray | None] | None,
    ) -> _Work:
        """The Hamiltonian of the species and its symmetries."""
        hamiltonian = PairHamiltonian.from_problem(problem)
        if species.missing:
            hamiltonian = hamiltonian.particle_hole_transformed()
        n_particles = species.orbitals.size - n_carriers if species.missing else n_carriers
        symmetries: tuple[OrbitalSymmetry, ...] = ()
        if settings.use_symmetry and not (keep_vectors and truncation is not None):
            symmetries = accepted_symmetries(hamiltonian, n_particles, settings.tolerance_mev / 2)
        bound = max((symmetry.energy_bound(n_particles) for symmetry in symmetries), default=0.0)
        asked = (n_eigenstates, keep_vectors, settings, truncation, start)
        return cls(hamiltonian, symmetries, bound, n_particles, *asked)

    @property
    def reverses_time(self) -> bool:
        """Whether sectors of opposite polarisation are related."""
        return any(symmetry.reverses_time for symmetry in self.symmetries)

    @property
    def reversal_mev(self) -> float:
        """Bound on the difference of energies of opposite polarisations; infinite if no symmetry relates them."""
        symmetry = find_symmetry(self.hamiltonian, 0, reverse_time=True)
        return np.inf if symmetry is None else symmetry.energy_bound(self.n_particles)

    def solve(self, sector: Sector) -> SectorSolution:
        """Solution of a sector that has states, computed or mapped from that of a related sector."""
        if sector not in self.orbits:
            self.orbits |= representatives(self.symmetries, self.hamiltonian.orbitals.grid, sector[0])
        chosen, symmetry = self.orbits[sector]
        if chosen not in self.solved:
            found = self._diagonalize(chosen)
            self.solved[chosen] = found if self.keep_vectors else replace(found, vectors=_NO_VECTORS)
        solution = self.solved[chosen]
        return solution if symmetry is None else self._related(solution, symmetry, chosen, sector)

    def _basis(self, sector: Sector) -> MomentumSector:
        return MomentumSector(self.hamiltonian.orbitals, *sector, self.truncation)

    def _diagonalize(self, sector: Sector) -> SectorSolution:
        """Read a sector from its checkpoint, or solve it and save it there."""
        settings = self.settings.of_sector(self.bound)
        numbers, momentum = sector
        if numbers not in self.files:
            self.files[numbers] = self._checkpoint(numbers)
        kept = self.files[numbers]
        if kept and (found := kept.load(momentum)) is not None:
            self.storages.add(found.pop("storage"))
            return SectorSolution(**found | {"n_products": 0})
        hamiltonian = SectorHamiltonian(self.hamiltonian, self._basis(sector), self.settings.storage)
        held = "csr" if hamiltonian.is_stored else "matrix-free"
        self.storages.add(held)
        resumes = kept and settings.solver not in ("dense", "arpack")  # these save no intermediate state
        state = kept.state(momentum, hamiltonian.shape[0]) if kept and resumes else None
        start = None if self.start is None else self.start(self._label_of_carriers(momentum))
        solution = solve_sector(hamiltonian, self.n_eigenstates, settings, checkpoint=state, start=start)
        if kept and solution.converged and solution.solver != "dense":
            spared = {} if self.keep_vectors else {"vectors": _NO_VECTORS}
            kept.finish(momentum, {**vars(solution), **spared, "storage": held})
        return solution

    def _label_of_carriers(self, momentum: int) -> Label:
        """Label of the sector of the carriers from the index of the momentum of the particles."""
        orbitals = self.hamiltonian.orbitals
        first, second = orbitals.grid.labels[Species(orbitals, self.hamiltonian.transformed).momentum(momentum)]
        return int(first), int(second)

    def _checkpoint(self, numbers: Numbers) -> SpectrumCheckpoint | None:
        how = self.settings
        if how.checkpoint is None:
            return None
        decides = (how.solver, how.storage, how.block_size, how.n_krylov, how.max_restarts, how.seed, how.looser_mev)
        asked = (numbers, self.truncation, self.n_eigenstates, how.tolerance_mev - self.bound, self.keep_vectors)
        return SpectrumCheckpoint.of(how.checkpoint, self.hamiltonian, asked + decides)

    def _related(
        self, solution: SectorSolution, symmetry: OrbitalSymmetry, source: Sector, target: Sector
    ) -> SectorSolution:
        """The solution of a sector from that of the sector it is related to."""
        grid = self.hamiltonian.orbitals.grid
        label = tuple(grid.labels[source[1]].tolist())
        where = f"sector {label}" + (f" with {source[0]} particles" if len(source[0]) > 1 else "")
        vectors = solution.vectors
        if self.keep_vectors:
            vectors = symmetry.map_vectors(vectors, self._basis(source), self._basis(target))
        return replace(
            solution,
            vectors=vectors,
            residuals=solution.residuals + symmetry.energy_bound(sum(target[0])),
            n_products=0,
            stop_reason=f"{symmetry} from {where}",
        )
