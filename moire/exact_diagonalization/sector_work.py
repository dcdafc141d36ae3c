"""Work on the sectors of one Hamiltonian: each is solved, read from a checkpoint, or mapped from a related one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire.exact_diagonalization.distributed.solve import solve_distributed
from moire.exact_diagonalization.eigensolvers import SectorSolution
from moire.exact_diagonalization.hamiltonian import STORED_DIMENSION, SectorHamiltonian
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.resume import SpectrumCheckpoint
from moire.exact_diagonalization.sectors import MomentumSector, Sector, sector_dimensions
from moire.exact_diagonalization.settings import EigensolverSettings, SpectrumSettings
from moire.exact_diagonalization.solve import solve_sector
from moire.exact_diagonalization.symmetry import (
    OrbitalSymmetry,
    accepted_symmetries,
    find_symmetry,
    representatives,
)
from moire.exact_diagonalization.truncation import Truncation
from moire.grids import Label
from moire.orbitals import Numbers, Species
from moire.projection import ProjectedHamiltonian
from moire.ranks import on_all, on_leader

NO_VECTORS = read_only(np.empty((0, 0), dtype=np.complex128))


@dataclass(eq=False)
class SectorWork:
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
    ) -> SectorWork:
        """The Hamiltonian of the species and its symmetries."""
        hamiltonian = on_leader(settings.communicator, lambda: _pair_form(problem, species))
        n_particles = species.orbitals.size - n_carriers if species.missing else n_carriers
        symmetries: tuple[OrbitalSymmetry, ...] = ()
        if settings.use_symmetry and not (keep_vectors and truncation is not None):
            tolerance = settings.tolerance_mev / 2
            symmetries = on_leader(
                settings.communicator, lambda: accepted_symmetries(hamiltonian, n_particles, tolerance)
            )
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
            self.solved[chosen] = found if self.keep_vectors else replace(found, vectors=NO_VECTORS)
        solution = self.solved[chosen]
        return solution if symmetry is None else self._related(solution, symmetry, chosen, sector)

    def _basis(self, sector: Sector) -> MomentumSector:
        return MomentumSector(self.hamiltonian.orbitals, *sector, self.truncation)

    def _diagonalize(self, sector: Sector) -> SectorSolution:
        """Read a sector from its checkpoint, or solve it and save it there."""
        settings, communicator = self.settings.of_sector(self.bound), self._communicator
        numbers, momentum = sector
        if numbers not in self.files:
            self.files[numbers] = on_all(communicator, lambda: self._checkpoint(numbers))
        kept = self.files[numbers]
        if kept and (found := on_leader(communicator, lambda: kept.load(momentum))) is not None:
            self.storages.add(found.pop("storage"))
            return SectorSolution(**found | {"n_products": 0})
        form = self.hamiltonian
        dimension = int(sector_dimensions(form.orbitals, numbers, self.truncation)[momentum])
        resumes = kept and settings.solver not in ("dense", "arpack")  # these save no intermediate state
        state = kept.state(momentum, dimension) if kept and resumes else None
        if communicator is not None and dimension > STORED_DIMENSION and sum(numbers) > 1:
            held, n_levels = f"matrix-free on {communicator.size} ranks", self.n_eigenstates
            solution = solve_distributed(
                form, sector, n_levels, settings, communicator, truncation=self.truncation, checkpoint=state
            )
        else:
            held, solution = on_leader(communicator, lambda: self._solve_here(sector, settings, state))
        self.storages.add(held)
        if kept and solution.converged and solution.solver != "dense":
            spared = {} if self.keep_vectors else {"vectors": NO_VECTORS}
            on_leader(communicator, lambda: kept.finish(momentum, {**vars(solution), **spared, "storage": held}))
        return solution

    def _solve_here(
        self, sector: Sector, settings: EigensolverSettings, state: Path | None
    ) -> tuple[str, SectorSolution]:
        """Storage and solution of a sector in the memory of one process."""
        hamiltonian = SectorHamiltonian(self.hamiltonian, self._basis(sector), self.settings.storage)
        start = None if self.start is None else self.start(self._label_of_carriers(sector[1]))
        solution = solve_sector(hamiltonian, self.n_eigenstates, settings, checkpoint=state, start=start)
        return "csr" if hamiltonian.is_stored else "matrix-free", solution

    def _label_of_carriers(self, momentum: int) -> Label:
        """Label of the sector of the carriers from the index of the momentum of the particles."""
        orbitals = self.hamiltonian.orbitals
        first, second = orbitals.grid.labels[Species(orbitals, self.hamiltonian.transformed).momentum(momentum)]
        return int(first), int(second)

    @property
    def _communicator(self) -> Any | None:
        return self.settings.communicator

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


def _pair_form(problem: ProjectedHamiltonian, species: Species) -> PairHamiltonian:
    hamiltonian = PairHamiltonian.from_problem(problem)
    return hamiltonian.particle_hole_transformed() if species.missing else hamiltonian
