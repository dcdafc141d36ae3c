"""All diagnostics of a fractional Chern insulator at one point, each with a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from moire._progress import stage
from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization import Spectrum, SpectrumSettings, solve_all_sectors
from moire.filling import FillingLike, one_band_filling
from moire.grids import MomentumGrid
from moire.observables.boundary_phase import check_solvable_again
from moire.observables.charge_gap import ChargeGap, charge_gap
from moire.observables.charge_order import ChargeOrder, charge_order
from moire.observables.entanglement import EntanglementSpectrum, entanglement_spectrum
from moire.observables.manifold_at_phases import ManifoldAtPhases
from moire.observables.manifold_counts import carriers_at, manifold_counts
from moire.observables.many_body_chern import ManyBodyChern, many_body_chern
from moire.observables.occupation import MomentumOccupation, momentum_occupation
from moire.observables.quantum_weight import QuantumWeight, quantum_weight
from moire.observables.spectral_flow import spectral_flow
from moire.observables.spectral_flow_result import SpectralFlow
from moire.observables.structure_factor import StructureFactor, structure_factor
from moire.predictions import expected_momenta
from moire.projection import ProjectedHamiltonian
from moire.verdicts import Verdict

_DEFAULT = SpectrumSettings()


@checked
@dataclass(frozen=True)
class Check(Shown):
    """A question about the state, and the verdict that answers it.

    Parameters
    ----------
    question
        The question.
    verdict
        The decision of the diagnostic.
    denied
        Whether the question is the negation of what the verdict decides.
    """

    question: str
    verdict: Verdict
    denied: bool = False

    @property
    def answer(self) -> bool | None:
        """True, False, or None where it is not decided."""
        answer = self.verdict.answer
        return answer if answer is None else answer != self.denied

    @property
    def evidence(self) -> str:
        """The sentence of the verdict."""
        return self.verdict.sentence

    def __str__(self) -> str:
        word = {True: "yes", False: "NO", None: "undecided"}[self.answer]
        return f"{word:>9}  {self.question}: {self.evidence}"


@checked
@dataclass(frozen=True, eq=False)
class FciReport(Shown):
    """Diagnostics of a candidate fractional Chern insulator.

    Parameters
    ----------
    spectrum
        All sectors, with vectors.
    occupation, structure, weight, order
        n(k), S(q), quantum weight and charge order of the predicted manifold.
    entanglement
        Particle entanglement spectrum; None if the cut is zero.
    flows
        Spectral flow along the directions requested.
    chern
        Many-body Chern number; None if not requested.
    charge
        Charge gap; None if not requested.
    """

    spectrum: Spectrum
    occupation: MomentumOccupation = field(repr=False)
    structure: StructureFactor = field(repr=False)
    weight: QuantumWeight = field(repr=False)
    order: ChargeOrder = field(repr=False)
    entanglement: EntanglementSpectrum | None = field(repr=False)
    flows: tuple[SpectralFlow, ...] = field(repr=False)
    chern: ManyBodyChern | None = field(repr=False)
    charge: ChargeGap | None = field(repr=False)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, with their answers."""
        checks = []
        if self.spectrum.manifold is not None:
            checks.append(Check("lowest states at the predicted momenta", self.spectrum.manifold.decision))
        checks += [Check(f"manifold survives a flux along L_{flow.direction}", flow.decision) for flow in self.flows]
        if self.chern is not None:
            share = f"{self.chern.n_states * self.spectrum.filling}"
            checks.append(Check(f"many-body Chern number +-{share} of the manifold", self.chern.decision))
        if self.entanglement is not None:
            checks.append(Check("quasihole counting of the entanglement", self.entanglement.decision))
        checks.append(Check("no charge-density wave", self.order.decision, denied=True))
        if self.charge is not None:
            checks.append(Check(f"positive charge gap ({self.charge.zero_momentum} at q = 0)", self.charge.decision))
        return tuple(checks)

    def __str__(self) -> str:
        parts: list[object] = [self.spectrum, self.occupation, self.structure, self.weight]
        parts += [part for part in (self.entanglement, *self.flows, self.chern, self.charge) if part is not None]
        return "\n\n".join([*map(str, parts), "\n".join(["Checks:", *map(str, self.checks)])])


@checked
def fci_report(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    n_eigenstates: int = 4,
    *,
    n_kept: int | None = None,
    flux_directions: Sequence[int] = (1, 2),
    n_flux_steps: int = 12,
    phase_mesh: tuple[int, int] | None = (6, 6),
    with_charge_gap: bool = True,
    settings: SpectrumSettings = _DEFAULT,
) -> FciReport:
    """Compute the diagnostics of a fractional Chern insulator at a filling with a predicted manifold.

    Parameters
    ----------
    problem
        Any number of bands of one or two flavours on a cluster. With two flavours every polarisation is solved, and the
        manifold is that of all carriers in one flavour.
    filling
        Carriers per cell, p/q with q odd, at most one.
    n_eigenstates
        Levels per sector.
    n_kept
        Particles kept in the entanglement cut, of the minority species; by default half of them, at most 3; 0: no cut.
    flux_directions
        Directions (1 for L_1, 2 for L_2) along which a flux quantum is inserted.
    n_flux_steps
        Steps of one flux quantum.
    phase_mesh
        Numbers of boundary phases of the many-body Chern number along L_1 and L_2; None leaves it out.
    with_charge_gap
        Whether to solve N - 1 and N + 1 carriers too.
    settings
        Settings of all spectra, including those at other phases and numbers of carriers; a killed run resumes from
        its checkpoint.

    Raises
    ------
    InputError
        If no manifold is predicted at this filling on this cluster, or an option is out of range.
    MemoryRefusedError
        If a part does not fit in memory.
    """
    fraction = one_band_filling(filling, problem.carrier)
    check_predicted(problem.grid, fraction, n_eigenstates)
    for direction in flux_directions:
        require(direction in (1, 2), "flux_directions", "name directions 1 or 2", found=f"names {direction}")
    once = len(set(flux_directions)) == len(flux_directions)
    require(once, "flux_directions", "name each direction once", list(flux_directions))
    require(n_kept is None or n_kept >= 0, "n_kept", "be at least 0", n_kept)
    if flux_directions or phase_mesh:
        check_solvable_again(problem)
    n_parts = 1 + len(flux_directions) + bool(phase_mesh) + with_charge_gap
    with stage("diagnostics", n_parts, settings.progress) as count:
        spectrum = solve_all_sectors(problem, fraction, n_eigenstates, keep_vectors=True, settings=settings)
        count()
        n_kept = min(3, spectrum.n_particles // 2) if n_kept is None else n_kept
        structure = structure_factor(spectrum, problem)
        solved = _manifold(problem, spectrum, settings)
        flows = []
        for direction in flux_directions:
            flow = spectral_flow(problem, fraction, direction, n_steps=n_flux_steps, solved=solved, settings=settings)
            flows.append(flow)
            count()
        chern = many_body_chern(problem, fraction, phase_mesh, solved=solved, settings=settings) if phase_mesh else None
        if phase_mesh:
            count()
        return FciReport(
            spectrum=spectrum,
            occupation=momentum_occupation(spectrum),
            structure=structure,
            weight=quantum_weight(structure, problem),
            order=charge_order(spectrum, structure, chern=chern),
            entanglement=entanglement_spectrum(spectrum, n_kept) if n_kept else None,
            flows=tuple(flows),
            chern=chern,
            charge=charge_gap(problem, fraction, settings, spectrum=spectrum) if with_charge_gap else None,
        )


def _manifold(problem: ProjectedHamiltonian, spectrum: Spectrum, settings: SpectrumSettings) -> ManifoldAtPhases:
    """The predicted manifold, solved at the phases of the problem."""
    carriers = carriers_at(problem.orbitals, spectrum.n_carriers, None)
    counts = manifold_counts(problem.orbitals, carriers)
    manifold = ManifoldAtPhases(problem, spectrum.filling, counts, settings)
    if len(carriers) == 1 and spectrum.energies.shape[1] > max(counts.values()):
        manifold.begin(spectrum)
    return manifold


@checked
def check_predicted(grid: MomentumGrid, filling: Fraction, n_eigenstates: int) -> None:
    """Raise InputError unless a manifold is predicted on this cluster and fits in `n_eigenstates` levels per sector."""
    momenta = expected_momenta(grid, filling)
    if momenta is None:
        raise InputError(
            f"`filling` must have an odd denominator, above 1, that divides the number of cells, "
            f"but is {filling} on {grid.name} with {grid.n_points} cells."
        )
    deepest = max(Counter(momenta).values())
    rule = f"be at least {deepest}, the predicted states in one sector of {grid.name}"
    require(n_eigenstates >= deepest, "n_eigenstates", rule, n_eigenstates)
