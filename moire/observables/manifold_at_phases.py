"""Low states of chosen sectors at given boundary phases, and their overlaps with states at other phases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from moire._arrays import ComplexArray
from moire._progress import stage
from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization import (
    MomentumSector,
    PairHamiltonian,
    Spectrum,
    SpectrumSettings,
    sector_dimensions,
)
from moire.grids import Label, MomentumGrid
from moire.kernels import relabel
from moire.observables.boundary_phase import LabelShift, at_boundary_phase, orbital_overlaps
from moire.observables.carried_vectors import carried_vectors, in_bands
from moire.observables.manifold_counts import carriers_at
from moire.observables.phase_spectra import PhaseSpectra
from moire.observables.related_phases import relations, turned
from moire.observables.states_at_phase import StatesAtPhase
from moire.orbitals import Numbers, Orbitals, Species
from moire.projection import ProjectedHamiltonian
from moire.resources import fits_in_memory, reserve

Phase = tuple[float, float]
REACH = 0.41  # of a flux quantum: states start from those solved within it
N_STARTS = 3  # nearest phases that states start from


@checked
@dataclass(frozen=True, eq=False)
class ManifoldAtPhases(Shown):
    """Solver of the states of a manifold at any boundary phases, and their overlaps.

    Parameters
    ----------
    problem
        The problem at the first boundary phases.
    filling
        Carriers per cell.
    counts
        States of the manifold per sector.
    settings
        Settings of the spectra at each phase.
    polarisation
        N_K - N_K' of two flavours, which a flux that acts on both conserves; by default all carriers are in the first.
    """

    problem: ProjectedHamiltonian
    filling: Fraction
    counts: Counter[Label]
    settings: SpectrumSettings
    polarisation: int | None = None
    _bases: dict[Label, MomentumSector] = field(default_factory=dict, init=False, repr=False)
    _solved: dict[Phase, StatesAtPhase] = field(default_factory=dict, init=False, repr=False)

    @property
    def orbitals(self) -> Orbitals:
        """The orbitals of the carriers."""
        return self.problem.orbitals

    @property
    def carriers(self) -> Numbers:
        """Carriers of each flavour."""
        return carriers_at(self.orbitals, self.n_carriers, self.polarisation)

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.problem.grid

    @property
    def n_carriers(self) -> int:
        """Number of carriers."""
        return int(self.filling * self.grid.n_points)

    @property
    def transformed(self) -> bool:
        """Whether vectors are those of the missing carriers."""
        asked = self.settings.particle_hole
        automatic = 2 * self.n_carriers > self.orbitals.size and self.orbitals.n_bands == 1
        return automatic if asked is None else asked

    @property
    def other_labels(self) -> tuple[Label, ...]:
        """Labels of the sectors without a state of the manifold, in the order of the grid."""
        every = ((int(first), int(second)) for first, second in self.grid.labels)
        return tuple(label for label in every if label not in self.counts)

    @property
    def species(self) -> Species:
        """The particles of the vectors."""
        return Species(self.orbitals, self.transformed)

    def begin(self, spectrum: Spectrum) -> None:
        """Take the states at the phases of the problem from a spectrum of all its sectors, with vectors.

        Raises
        ------
        InputError
            If the spectrum holds no vectors or sectors of several polarisations.
        """
        alone = len(spectrum.vectors) == len(set(spectrum.labels)) == self.grid.n_points
        require(alone, "spectrum", "hold vectors of every momentum, once", found=f"holds {len(spectrum.vectors)}")
        self._solved[0.0, 0.0] = StatesAtPhase(self.problem.bands, spectrum, None, self._pair_form(self.problem))

    def solve_all(
        self, offsets: Sequence[tuple[float, float]], n_levels: int, n_others: int = 0, progress: bool = False
    ) -> list[StatesAtPhase]:
        """States at many phases, see :meth:`solve`; each time those farthest from all phases solved.

        The states at the first phases, at half a flux quantum, and wherever no phase within 0.4 of a flux quantum is
        solved are found from random vectors; those between start from their neighbours.
        """
        left = list(dict.fromkeys(_rounded(offset) for offset in offsets))
        with stage("phases", len(left), progress) as count:
            while left:
                chosen = max(left, key=self._distance)
                left.remove(chosen)
                self.solve(chosen, n_levels, n_others)
                count()
        return [self._solved[_rounded(offset)] for offset in offsets]

    def solve(self, offset: tuple[float, float], n_levels: int, n_others: int = 0) -> StatesAtPhase:
        """Lowest levels and vectors of the manifold's sectors with the boundary phases shifted by `offset`.

        They are those solved before at these phases, or those at related phases, turned: by the inversion -phi has the
        states of phi, and so have the phases that a rotation of the cluster takes phi to.

        Parameters
        ----------
        offset
            Phases added to those of the problem, in units of 2 pi.
        n_levels
            Levels of each sector of the manifold.
        n_others
            Levels of each other sector; 0 leaves these out. They are known to 0.01 meV, the lowest to the tolerance.
        """
        phase = _rounded(offset)
        known = self._solved.get(phase)
        if known is None or not self._holds(known, n_levels, n_others):
            moved = at_boundary_phase(self.problem, phase)
            form = self._pair_form(moved)
            found = self._related(moved, form, n_levels, n_others) if self.settings.use_symmetry else None
            self._solved[phase] = found or self._diagonalized(phase, moved, form, n_levels, n_others)
        return self._solved[phase]

    def _holds(self, states: StatesAtPhase, n_levels: int, n_others: int) -> bool:
        """Whether states at some phases have the levels of all sectors asked for."""
        others = states.others or states.spectrum
        every = not n_others or set(self.other_labels) <= set(others.labels)
        return every and states.spectrum.energies.shape[1] >= n_levels and others.energies.shape[1] >= n_others

    def _pair_form(self, problem: ProjectedHamiltonian) -> PairHamiltonian:
        form = PairHamiltonian.from_problem(problem)
        return form.particle_hole_transformed() if self.transformed else form

    def _related(
        self, moved: ProjectedHamiltonian, form: PairHamiltonian, n_levels: int, n_others: int
    ) -> StatesAtPhase | None:
        """States turned from those at related phases; None where no symmetry of the Hamiltonian relates any."""
        species = Species(moved.orbitals, self.transformed)
        n_particles = sum(species.numbers(self.carriers))
        for known in self._solved.values():
            if known.hamiltonian is None or not self._holds(known, n_levels, n_others):
                continue
            for symmetry in relations(known.hamiltonian, form, 10 * self.settings.tolerance_mev, n_particles):
                asked = symmetry, species
                own = turned(known.spectrum, *asked, sorted(self.counts), n_levels, True)
                if own is None or not n_others or not self.other_labels:
                    others = None
                else:
                    others = turned(known.others or known.spectrum, *asked, self.other_labels, n_others, False)
                if own is not None and (others is not None or not n_others or not self.other_labels):
                    bound = symmetry.energy_bound(n_particles)
                    return StatesAtPhase(moved.bands, own, others, form, max(bound, known.related_mev))
        return None

    def _diagonalized(
        self, phase: Phase, moved: ProjectedHamiltonian, form: PairHamiltonian, n_levels: int, n_others: int
    ) -> StatesAtPhase:
        """States from the eigensolver, started from those at the nearest phases."""
        near = sorted(
            (other for other in self._solved if _apart(phase, other) <= REACH), key=lambda o: _apart(phase, o)
        )

        def start(label: Label) -> ComplexArray | None:
            count = n_levels if label in self.counts else n_others
            basis, carried = self.basis(label), []
            for other in near[:N_STARTS]:
                states = self._solved[other]
                vectors = states.start(label, count)
                if vectors is not None:
                    bands = states.bands, moved.bands
                    carried.append(carried_vectors(vectors, basis, self.transformed, *bands, self.problem.carrier))
            return np.concatenate(carried) if carried else None

        polarisation = self.carriers[0] - self.carriers[1] if self.orbitals.n_flavours == 2 else None
        sectors = PhaseSpectra(
            filling=self.filling,
            polarisation=polarisation,
            counts=self.counts,
            others=self.other_labels,
            settings=self.settings,
        )
        own, others = sectors.solve(moved, n_levels, n_others, start)
        if others is not None and not fits_in_memory(2.0 * sum(vectors.nbytes for vectors in others.vectors)):
            others = replace(others, vectors=())  # neighbours start from random vectors in these sectors
        return StatesAtPhase(moved.bands, own, others, form)

    def reserve_vectors(self, n_phases: int, n_levels: int) -> None:
        """Reserve the memory of the vectors of the manifold's sectors at many phases.

        Raises
        ------
        MemoryRefusedError
            If they do not fit.
        """
        dimensions = sector_dimensions(self.orbitals, self.carriers)
        largest = sum(int(dimensions[self.grid.index_of(label)]) for label in self.counts)
        reserve(
            f"{n_levels} vectors of {len(self.counts)} sectors at {n_phases} boundary phases",
            16.0 * n_levels * largest * n_phases,
            "fewer phases or a smaller cluster would fit",
        )

    def _distance(self, phase: Phase) -> float:
        """Distance to the nearest phases solved, on the torus."""
        return min((_apart(phase, other, turns=True) for other in self._solved), default=np.inf)

    def basis(self, label: Label) -> MomentumSector:
        """Basis of the vectors of a sector: of the missing carriers if these are fewer."""
        if label not in self._bases:
            species = Species(self.orbitals, self.transformed)
            momentum = species.momentum(self.grid.index_of(label))
            self._bases[label] = MomentumSector(species.orbitals, species.numbers(self.carriers), momentum)
        return self._bases[label]

    def overlap(
        self, left: StatesAtPhase, right: StatesAtPhase, label: Label, shift: LabelShift | None = None
    ) -> ComplexArray:
        """Overlaps of the manifold's states in one sector at two boundary phases, (state, state).

        <Psi|Psi'> = sum_IJ conj(psi_I) psi'_J det <w_i|w'_j>, i in I, j in J. The overlaps <w_m|w'_n> of the bands are
        matrices at each flavour and momentum, so that the determinant is a product of their minors: one momentum after
        another, the state is rotated into the bands of `left`. In one band it is prod_{k in I} <w_k|w'_k>, I = J over
        the orbitals of the carriers. w = u for electrons and conj(u) for holes.

        Parameters
        ----------
        left, right
            States at the two phases.
        label
            The sector, by its label at the phase of `left`.
        shift
            Given if `right` represents its phase plus one flux quantum; its states are then taken from the
            sector ``shift.of_total(label)`` and every particle is moved back, with the sign of the reordering.
        """
        basis, count = self.basis(label), self.counts[label]
        factors = orbital_overlaps(left.bands, right.bands, shift)
        if self.problem.carrier == "hole":
            factors = factors.conj()
        if shift is None:
            ket = right.vectors(label, count)
        else:
            orbitals = self.orbitals
            words, signs = np.empty_like(basis.states), np.empty(basis.dimension)
            target = orbitals.index(orbitals.flavour, orbitals.band, shift.target[orbitals.momentum])
            relabel.relabel(basis.states, np.asarray(target), words, signs)
            source = shift.of_total(label, self.n_carriers)
            ket = signs * right.vectors(source, self.counts[source])[:, self.basis(source).rank(words)]
        overlaps: ComplexArray = left.vectors(label, count).conj() @ in_bands(ket, basis, self.transformed, factors).T
        return overlaps

    def link(self, left: StatesAtPhase, right: StatesAtPhase, shift: LabelShift | None = None) -> complex:
        """Determinant of the overlaps of the manifold, up to one sign common to all links that close the torus."""
        blocks = [self.overlap(left, right, label, shift) for label in sorted(self.counts)]
        return complex(np.prod([np.linalg.det(block) for block in blocks]))

    def check_same(self, problem: ProjectedHamiltonian, counts: Counter[Label]) -> None:
        """Raise InputError unless this is the manifold of a problem with given states in each sector."""
        same = problem is self.problem and counts == self.counts
        require(
            same, "solved", f"belong to this problem and the manifold {sorted(counts.elements())}", found="does not"
        )

    def check_closed(self) -> None:
        """Raise InputError unless one flux quantum along L_1 and L_2 maps the manifold's labels onto themselves."""
        for direction in (1, 2):
            shift = LabelShift(self.grid, direction)
            moved = Counter({shift.of_total(label, self.n_carriers): n for label, n in self.counts.items()})
            if moved != self.counts:
                raise InputError(
                    f"`momenta` must be mapped onto themselves by one flux quantum along L_{direction}, but "
                    f"{sorted(self.counts)} become {sorted(moved)}."
                )


def _rounded(offset: tuple[float, float]) -> Phase:
    """Phases as they name states: without rounding errors."""
    return round(float(offset[0]), 12), round(float(offset[1]), 12)


def _apart(first: Phase, second: Phase, turns: bool = False) -> float:
    """Largest difference of two pairs of phases, up to flux quanta if `turns`; of equal ones by the sum of both."""
    steps = np.abs(np.subtract(first, second))
    if turns:
        steps = np.abs(steps - np.round(steps))
    return round(float(steps.max() + 1e-3 * steps.sum()), 9)
