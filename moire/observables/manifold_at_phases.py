"""Low states of chosen sectors at given boundary phases, and their overlaps with states at other phases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, require
from moire.exact_diagonalization import (
    MomentumSector,
    Spectrum,
    SpectrumSettings,
    sector_dimensions,
    solve_all_sectors,
)
from moire.exact_diagonalization.valley_numbers import carriers_of_flavours
from moire.grids import Label, MomentumGrid
from moire.kernels import band_rotation, relabel
from moire.observables.boundary_phase import LabelShift, at_boundary_phase, orbital_overlaps
from moire.orbitals import Numbers, Orbitals, Species
from moire.predictions import expected_momenta
from moire.projection import ProjectedHamiltonian


def carriers_at(orbitals: Orbitals, n_carriers: int, polarisation: int | None) -> Numbers:
    """Carriers of each flavour in the manifold; all in the first flavour where no polarisation is given.

    Raises
    ------
    InputError
        If the polarisation is impossible, or none is given and the carriers do not fit into one flavour.
    """
    if orbitals.n_flavours == 2 and polarisation is None:
        rule = f"be given for {n_carriers} carriers, more than one flavour holds"
        require(n_carriers <= orbitals.per_flavour, "polarisation", rule, None)
        polarisation = n_carriers
    return carriers_of_flavours(orbitals, n_carriers, polarisation)[0]


def manifold_counts(
    orbitals: Orbitals, carriers: Numbers, momenta: Sequence[Sequence[int]] | None = None
) -> Counter[Label]:
    """Number of states of the manifold in each sector: those given, or those predicted for one flavour.

    Raises
    ------
    InputError
        If nothing is given and nothing predicted, a label lies outside the momentum group, or a sector has fewer
        states.
    """
    grid = orbitals.grid
    fraction = Fraction(sum(carriers), grid.n_points)
    if momenta is None:
        polarised = max(carriers) == sum(carriers) and fraction <= 1
        predicted = expected_momenta(grid, fraction) if polarised else None
        if polarised and fraction == 1:
            total = grid.labels.sum(axis=0) % np.array(grid.moduli)
            predicted = ((int(total[0]), int(total[1])),)
        if predicted is None:
            raise InputError(
                f"`momenta` must be given at filling {fraction}{_shares(carriers)}, where no manifold is predicted, "
                "but is None."
            )
        momenta = predicted
    require(len(momenta) > 0, "momenta", "name at least one state", "empty")
    indices = [grid.index_of(label) for label in momenta]
    counts = Counter((int(grid.labels[i, 0]), int(grid.labels[i, 1])) for i in indices)
    dimensions = sector_dimensions(orbitals, carriers)
    for label, count in counts.items():
        room = int(dimensions[grid.index_of(label)])
        require(
            count <= room,
            "momenta",
            f"ask for at most {room} states of sector {label}, all it has",
            found=f"asks for {count}",
        )
    return counts


def _shares(carriers: Numbers) -> str:
    return f" with {' and '.join(map(str, carriers))} carriers in the flavours" if len(carriers) > 1 else ""


@checked
@dataclass(frozen=True, eq=False)
class StatesAtPhase(Shown):
    """Low states at given boundary phases.

    Parameters
    ----------
    bands
        The bands at these phases.
    spectrum
        Energies and vectors of the sectors of the manifold.
    others
        Lowest energies of the other sectors, if requested.
    """

    bands: BandStructure = field(repr=False)
    spectrum: Spectrum = field(repr=False)
    others: Spectrum | None = field(default=None, repr=False)

    @property
    def converged(self) -> bool:
        """Whether every level of every sector solved converged."""
        return all(self.spectrum.converged) and (self.others is None or all(self.others.converged))

    def energies(self, label: Label) -> FloatArray:
        """Levels of a sector in meV."""
        found = self.spectrum if label in self.spectrum.labels else self.others
        if found is None:
            raise InputError(f"`label` must be a sector that was solved, but is {label}.")
        levels: FloatArray = found.energies[found.labels.index(label)]
        return levels

    def vectors(self, label: Label, count: int) -> ComplexArray:
        """The lowest `count` vectors of a sector, (level, state)."""
        vectors = self.spectrum.vectors[self.spectrum.labels.index(label)][:count]
        reached = f"reached by the {count} states of the manifold in sector {label}"
        require(len(vectors) == count, "tolerance_mev", f"be {reached}", found=f"only {len(vectors)} reach it")
        return vectors


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

    def solve(self, offset: tuple[float, float], n_levels: int, n_others: int = 0) -> StatesAtPhase:
        """Lowest levels and vectors of the manifold's sectors with the boundary phases shifted by `offset`.

        Parameters
        ----------
        offset
            Phases added to those of the problem, in units of 2 pi.
        n_levels
            Levels of each sector of the manifold.
        n_others
            Levels of each other sector, without vectors; 0 leaves these out.
        """
        moved = at_boundary_phase(self.problem, offset)
        quiet = replace(self.settings, progress=False)
        polarisation = self.carriers[0] - self.carriers[1] if self.orbitals.n_flavours == 2 else None

        def spectrum(labels: Sequence[Label], n_eigenstates: int, keep_vectors: bool) -> Spectrum:
            return solve_all_sectors(
                moved,
                self.filling,
                n_eigenstates,
                momenta=labels,
                polarisation=polarisation,
                keep_vectors=keep_vectors,
                settings=quiet,
            )

        others = spectrum(self.other_labels, n_others, False) if n_others and self.other_labels else None
        return StatesAtPhase(moved.bands, spectrum(sorted(self.counts), n_levels, True), others)

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
        overlaps: ComplexArray = left.vectors(label, count).conj() @ self._in_bands(basis, factors, ket).T
        return overlaps

    def _in_bands(self, basis: MomentumSector, factors: ComplexArray, vectors: ComplexArray) -> ComplexArray:
        """Vectors (state, dim) rewritten in bands that have overlaps `factors` (flavour, k, m, n) with theirs."""
        orbitals = self.orbitals
        if orbitals.n_bands == 1:
            weights = np.empty(basis.dimension, dtype=np.complex128)
            bit = 0 if self.transformed else 1
            relabel.occupied_products(basis.states, orbitals.flat(factors[..., 0]), bit, weights)
            return weights * vectors
        one, bands = np.uint64(1), np.arange(orbitals.n_bands)
        current = np.array(vectors, dtype=np.complex128)  # a copy, as both arrays are overwritten alternately
        moved = np.empty_like(current)
        for flavour, k in np.ndindex(factors.shape[:2]):
            bits = one << np.asarray(orbitals.index(flavour, bands, k)).astype(np.uint64)
            band_rotation.rotate_bands(
                *(basis.states, bits, _minors(factors[flavour, k])),
                *(basis.n_low, basis.low_rank, basis.high_offset, current, moved),
            )
            current, moved = moved, current
        return current

    def link(self, left: StatesAtPhase, right: StatesAtPhase, shift: LabelShift | None = None) -> complex:
        """Determinant of the overlaps of the manifold, up to one sign common to all links that close the torus."""
        blocks = [self.overlap(left, right, label, shift) for label in sorted(self.counts)]
        return complex(np.prod([np.linalg.det(block) for block in blocks]))

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


def _minors(matrix: ComplexArray) -> ComplexArray:
    """Determinants of M_AB for all subsets A and B of equal size, (subset, subset); bit m of a subset is band m."""
    n_bands = len(matrix)
    subsets = [[band for band in range(n_bands) if subset >> band & 1] for subset in range(1 << n_bands)]
    minors = np.zeros((len(subsets),) * 2, dtype=np.complex128)
    for i, j in np.ndindex(minors.shape):
        if len(subsets[i]) == len(subsets[j]):
            minors[i, j] = np.linalg.det(matrix[np.ix_(subsets[i], subsets[j])])
    return minors
