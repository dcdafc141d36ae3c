"""Options common to tasks on many-body spectra, and their projected Hamiltonian."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np

from moire.bands import solve_bands
from moire.errors import require
from moire.exact_diagonalization import (
    Spectrum,
    SpectrumSettings,
    Truncation,
    carriers_of_flavours,
    carriers_on,
    sector_dimensions,
)
from moire.exact_diagonalization.halves import HalfSizes
from moire.exact_diagonalization.memory import sector_memory
from moire.exact_diagonalization.settings import MOST_LEVELS
from moire.grids import MomentumGrid
from moire.io import Dataset
from moire.lattice import MoireLattice
from moire.orbitals import Numbers, Orbitals, Species
from moire.projection import ProjectedHamiltonian, project
from moire.tasks.interaction import InteractionTable, ProjectionOptions
from moire.tasks.memory import projection_memory
from moire.tasks.options import Option
from moire.tasks.parts import Columns, cluster_name
from moire.tasks.point import ModelPoint
from moire.tasks.values import Cluster, HoleFilling, Phases, check_cluster, hole_filling


@dataclass(frozen=True, kw_only=True)
class SpectrumOptions:
    """Cluster, filling, boundary phases, bands and number of levels."""

    cluster: Annotated[Cluster, Option("the cluster", at_most=1_000)]
    filling: Annotated[HoleFilling, Option("holes per cell, such as `-2/3`; `2/3` means the same")]
    boundary_phase: Annotated[
        Phases, Option("[boundary phases](theory/flux_and_gaps.md) along L_1 and L_2", "2 pi", at_most=1_000)
    ] = (0.0, 0.0)
    n_bands: Annotated[int, Option("bands kept of each valley")] = 1
    valleys: Annotated[Literal["one", "both"], Option("the valley of the point, or K and K'")] = "one"
    n_eigenstates: Annotated[int, Option("levels per sector", flag="states", at_most=MOST_LEVELS)] = 4
    seed: Annotated[int, Option("seed of the starting vectors", at_most=2**63 - 1)] = 0


@dataclass(frozen=True, kw_only=True)
class SpectrumTask(SpectrumOptions, ProjectionOptions):
    """A task on the spectrum of a cluster."""

    of_one_valley: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"progress", "checkpoint"})
    epsilon_r: Annotated[float, Option("relative dielectric constant")] = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "filling", hole_filling(self.filling))

    @classmethod
    def of_table(cls, table: SpectrumOptions, interaction: InteractionTable) -> list[Self]:
        """Tasks of a table of a plan: one for each dielectric constant."""
        shared = vars(table) | vars(interaction)
        return [cls(**shared | {"epsilon_r": epsilon_r}) for epsilon_r in interaction.epsilon_r]

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point."""
        require(self.n_eigenstates >= 1, "n_eigenstates", "be at least 1", self.n_eigenstates)
        require(self.seed >= 0, "seed", "be at least 0", self.seed)
        check_cluster(self.cluster, most=1_000)
        self.check_projection(self.epsilon_r)
        point.check_bands(self.n_bands)
        self.sectors(point.grid(self.cluster))

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""
        cluster = MomentumGrid.cluster(MoireLattice(1.0, 1.0), self.cluster).name
        flux = "" if self.boundary_phase == (0.0, 0.0) else f", boundary phase {self.boundary_phase}"
        return f", {cluster}{flux} at {self.filling}, eps = {self.epsilon_r:g}"

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""
        first, second = map(float, self.boundary_phase)
        return {
            "cluster": Dataset(cluster_name(self.cluster), "", (), "cluster"),
            "boundary_phase_1": Dataset(first, "turn", (), "boundary phase along L_1, in units of 2 pi"),
            "boundary_phase_2": Dataset(second, "turn", (), "boundary phase along L_2, in units of 2 pi"),
            "filling": Dataset(self.filling, "1/cell", (), "filling"),
            "epsilon": Dataset(float(self.epsilon_r), "", (), "dielectric constant"),
            "bands": Dataset(self.n_bands, "", (), "bands kept of each valley"),
            "valleys": Dataset(self.valleys, "", (), "valleys kept"),
        }

    def cost(self) -> float:
        """Rough cost in seconds, from the number of stored elements and some 200 products."""
        grid = MomentumGrid.cluster(MoireLattice(1.0, 1.0), self.cluster)
        orbitals, sectors = self.sectors(grid)
        n_particles = sum(sectors[0])
        n_particles = min(n_particles, orbitals.size - n_particles) if self.n_bands == 1 else n_particles
        per_state = n_particles**2 * orbitals.size**2 / grid.n_points / 8 + 1
        return 0.1 + 200 * 2e-9 * per_state * self._n_states(orbitals, sectors)

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes: projection, elements of pairs, and the basis, products and vectors of one sector."""
        orbitals, sectors = self.sectors(point.grid(self.cluster))
        n_momenta, truncation = orbitals.grid.n_points, self._truncation
        species = Species(orbitals, 2 * sum(sectors[0]) > orbitals.size and self.n_bands == 1)
        sizes = None if truncation is None else HalfSizes.of(orbitals, truncation)
        largest = max(
            sector_memory(
                orbitals.size,
                numbers,
                int(sector_dimensions(orbitals, numbers, truncation).max()),
                self.n_eigenstates,
                sizes=sizes,
                n_momenta=n_momenta,
            ).total
            for numbers in map(species.numbers, sectors)
        )
        elements = 16.0 * (orbitals.size**2 / 2) ** 2 / n_momenta
        return (
            projection_memory(point, n_momenta, self.n_bands, orbitals.n_flavours, self.q_cutoff) + elements + largest
        )

    @property
    def _truncation(self) -> Truncation | None:
        return None

    def _n_states(self, orbitals: Orbitals, sectors: tuple[Numbers, ...]) -> float:
        """Number of states of all sectors."""
        return sum(float(sector_dimensions(orbitals, numbers, self._truncation).sum()) for numbers in sectors)

    def sectors(self, grid: MomentumGrid) -> tuple[Orbitals, tuple[Numbers, ...]]:
        """Orbitals, and carriers of each valley at every polarisation; raises InputError if there is none."""
        orbitals = Orbitals(grid, 2 if self.valleys == "both" else 1, self.n_bands)
        n_carriers = carriers_on(grid, self.filling, orbitals.n_flavours * self.n_bands)
        return orbitals, carriers_of_flavours(orbitals, n_carriers, None)

    def problem(self, point: ModelPoint) -> ProjectedHamiltonian:
        """The projected Hamiltonian of the holes of the bands kept at one point."""
        valleys = (point.valley,) if self.valleys == "one" else (+1, -1)
        models = [replace(point, valley=valley).build() for valley in valleys]
        bands = solve_bands(models, point.grid(self.cluster, self.boundary_phase), self.n_bands)
        return project(bands, self.interaction(self.epsilon_r), "hole", self.q_cutoff, self.zero_momentum)

    def settings(self, progress: bool, checkpoint: Path | None) -> SpectrumSettings:
        """Settings of the spectra."""
        return SpectrumSettings(seed=self.seed, progress=progress, checkpoint=checkpoint)

    def columns(self, spectrum: Spectrum) -> Columns:
        """Columns of the summary of a spectrum."""
        columns = {
            "energy_per_carrier": Dataset(spectrum.energy_per_carrier, "meV", (), "lowest energy per carrier"),
            "converged": Dataset(all(spectrum.converged), "", (), "every level of every sector converged"),
        }
        if self.valleys == "both":
            row = int(np.nanargmin(spectrum.energies[:, 0]))
            found = abs(int(spectrum.polarisation[row])) / spectrum.n_carriers
            columns["polarisation"] = Dataset(found, "", (), "|N_K - N_K'| / N of the lowest state")
        if spectrum.manifold is not None:
            manifold = spectrum.manifold
            columns["splitting"] = Dataset(manifold.splitting, "meV", (), "splitting of the predicted manifold")
            columns["gap"] = Dataset(manifold.gap, "meV", (), "gap above the predicted manifold")
            columns["fci_signature"] = Dataset(manifold.is_signature, "", (), "whether the FCI signature was found")
        return columns
