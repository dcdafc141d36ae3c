"""Many-body Chern number of a ground-state manifold from links on a grid of boundary phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import InputError, MeshWarning, is_whole, require, warn
from moire.exact_diagonalization import SpectrumSettings, carriers_on
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label
from moire.observables.boundary_phase import LabelShift, check_solvable_again
from moire.observables.manifold_at_phases import ManifoldAtPhases
from moire.observables.manifold_counts import carriers_at, manifold_counts
from moire.observables.states_at_phase import StatesAtPhase
from moire.projection import Carrier, ProjectedHamiltonian
from moire.topology.berry import COARSE_LINK, LARGE_FLUX, VANISHING_LINK, largest_chern
from moire.verdicts import Verdict

INTEGER_TOLERANCE = 1e-6  # of a sum of plaquette fluxes over 2 pi: rounding only
LARGE_STEP = 0.9 * np.pi  # of the pumped phase; at pi the branch of the logarithm is undefined

_DEFAULT = SpectrumSettings()


@checked
@dataclass(frozen=True, eq=False)
class ManyBodyChern(Shown):
    """Chern number of a manifold over the torus of boundary phases, by two routes.

    Parameters
    ----------
    value
        Total of the manifold, (1/2 pi) times the flux through all plaquettes, before rounding; for a full band of
        carriers it is the Chern number of the band, with its sign.
    pumped
        Second route: charge pumped along L_2 by one flux quantum along L_1, from the phase of the determinant of the
        many-body position operator on the line phi_2 = 0.
    flux
        Plaquette fluxes in radians, (phi_1, phi_2).
    min_link, max_flux
        Smallest ``|det|`` of a link and largest plaquette flux.
    min_position, max_step
        Smallest ``|det|`` of the position operator and largest step of its phase in radians.
    min_gap
        Smallest distance over the grid, in meV, from the states of the manifold to the next level of the same
        sector, whose residual is at most 0.01 meV; infinite where a sector has no more states.
    max_splitting
        Largest spread of the manifold over the grid, meV.
    momenta
        Labels of the manifold, with multiplicity.
    filling, cluster, mesh, carrier, seed, converged
        The problem and the grid of phases; `converged` says whether every level at every phase converged.
    polarisation
        N_K - N_K' of the states; None for one flavour.
    """

    value: float
    pumped: float
    flux: FloatArray = field(repr=False)
    min_link: float
    max_flux: float
    min_position: float
    max_step: float
    min_gap: float
    max_splitting: float
    momenta: tuple[Label, ...]
    filling: Fraction
    cluster: str
    mesh: tuple[int, int]
    carrier: Carrier
    seed: int
    converged: bool
    polarisation: int | None = None

    @property
    def n_states(self) -> int:
        """Number of states of the manifold."""
        return len(self.momenta)

    @property
    def per_state(self) -> float:
        """Chern number per state of the manifold."""
        return self.value / self.n_states

    @property
    def electron_value(self) -> float:
        """Total in the convention of electrons, measured from the vacuum: minus `value` for holes."""
        return -self.value if self.carrier == "hole" else self.value

    @property
    def largest_shown(self) -> int:
        """Largest |C| that the mesh can resolve: below N/4 of N plaquettes, and 0.45 of the steps along L_1."""
        return min(largest_chern(self.mesh[0] * self.mesh[1]), largest_chern(self.mesh[0], LARGE_STEP))

    @property
    def is_reliable(self) -> bool:
        """Whether links exceed 0.5, fluxes and steps are small, both routes agree, and the mesh can resolve |C| = 1."""
        fine = self.min_link > COARSE_LINK and self.max_flux < LARGE_FLUX and self.max_step < LARGE_STEP
        if not (fine and np.isfinite([self.value, self.pumped]).all()):
            return False
        agree = round(self.value) == round(self.pumped)
        return agree and self.largest_shown >= max(1, abs(round(self.value)))

    @property
    def quantized(self) -> Fraction | None:
        """Chern number per state as a fraction; None unless reliable, converged, and an integer in total."""
        if not (self.is_reliable and self.converged):
            return None
        total = round(self.value)
        return Fraction(total, self.n_states) if abs(self.value - total) < INTEGER_TOLERANCE else None

    @property
    def decision(self) -> Verdict:
        """Whether the Chern number per state is plus or minus the filling, and why."""
        heads = ("Chern number of the filling", "Chern number other than the filling")
        numbers = f"{Number(self.value):+.6f} in total, {Number(self.per_state):+.6f} per state"
        if not self.converged:
            return Verdict(None, f"not every level converged; {numbers}", *heads)
        if self.quantized is None:
            return Verdict(None, f"the grid of boundary phases is too coarse; {numbers}", *heads)
        return Verdict(abs(self.quantized) == self.filling, numbers, *heads)

    @property
    def verdict(self) -> str:
        """The decision, in one sentence."""
        return self.decision.sentence

    def __str__(self) -> str:
        trust = "" if self.is_reliable else "  (grid of phases too coarse)"
        if not self.largest_shown:
            trust = "  (grid of phases too coarse for any Chern number except 0)"
        spin = "" if self.polarisation is None else f", S_z = {Fraction(self.polarisation, 2)}"
        next_level = f"gap to the next level of the same sectors at least {Number(self.min_gap):.4f} meV"
        gap = next_level if np.isfinite(self.min_gap) else "no other level in the same sectors"
        return "\n".join(
            [
                f"many-body Chern number {Number(self.value):+.6f} of {self.n_states} states: "
                f"{Number(self.per_state):+.6f} per state{trust}",
                f"  {self.cluster}, filling {self.filling} of {self.carrier}s, momenta {list(self.momenta)}{spin}",
                f"  links on {self.mesh[0]}x{self.mesh[1]} phases: smallest {Number(self.min_link):.3f}, largest flux "
                f"{Number(self.max_flux):.3f} rad",
                f"  charge pumped along L_2 by one flux quantum along L_1: {Number(self.pumped):+.6f} (largest step "
                f"{Number(self.max_step):.3f} rad, smallest |det| {self.min_position:.1e})",
                f"  {gap}, splitting at most {Number(self.max_splitting):.4f} meV",
                f"  sign: a full band gives that of the band; as electrons measured from the vacuum "
                f"{Number(self.electron_value):+.6f}",
                f"  every level converged: {'yes' if self.converged else 'no'}; seed {self.seed}",
            ]
        )


@checked
def many_body_chern(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    mesh: tuple[int, int] | None = None,
    *,
    momenta: Sequence[Sequence[int]] | None = None,
    polarisation: int | None = None,
    solved: ManifoldAtPhases | None = None,
    settings: SpectrumSettings = _DEFAULT,
) -> ManyBodyChern:
    """Many-body Chern number of a q-fold manifold.

    The bands are solved again at all boundary phases, and with them the lowest states of the sectors of the manifold.
    Overlaps between phases are those of the periodic parts of the wave functions: diagonal in the labels of the
    momenta, and matrices in the bands. The torus of phases closes by a shift of all labels.

    Parameters
    ----------
    problem
        Any number of bands of one or two flavours on a cluster; its boundary phases are the corner of the grid.
    filling
        Carriers per cell.
    mesh
        Numbers of phases along L_1 and L_2; by default 6 and 6, or 3 |C| along L_1 if C = p at filling p/q
        exceeds 2, which keeps steps of the pumped phase near 2 pi/3.
    momenta
        Labels of the states, one per state; by default those predicted at the filling.
    polarisation
        N_K - N_K' of two flavours, both of which the phases act on; by default all carriers are in the first.
    solved
        The manifold of this problem at phases that other calls have solved, to which those of this call are added.
    settings
        Settings of the spectra; the progress bar counts the phases.

    Raises
    ------
    InputError
        If the mesh is out of range, the bands cannot be solved again, no manifold is known or it
        does not close, a sector has too few states, or a link vanishes.
    MemoryRefusedError
        If the states at all phases do not fit.

    Warns
    -----
    MeshWarning
        If a link is below 0.5, a flux above pi/2, the two routes differ, or the mesh cannot resolve |C| = 1.

    References
    ----------
    Niu, Thouless and Wu, Phys. Rev. B 31, 3372 (1985); Fukui, Hatsugai and Suzuki, J. Phys. Soc. Jpn. 74, 1674
    (2005); Resta, Phys. Rev. Lett. 80, 1800 (1998) for the position operator.
    """
    orbitals = problem.orbitals
    n_bands = orbitals.n_flavours * orbitals.n_bands
    fraction = one_band_filling(filling, problem.carrier, n_bands)
    mesh = (max(6, 3 * fraction.numerator), 6) if mesh is None else mesh
    whole = len(mesh) == 2 and all(is_whole(side) and side >= 2 for side in mesh)
    require(whole, "mesh", "have two integer sides of at least 2", mesh)
    n1, n2 = (int(side) for side in mesh)
    carriers = carriers_at(orbitals, carriers_on(problem.grid, filling, n_bands), polarisation)
    counts = manifold_counts(orbitals, carriers, momenta)
    manifold = ManifoldAtPhases(problem, fraction, counts, settings, polarisation) if solved is None else solved
    manifold.check_same(problem, counts)
    manifold.check_closed()
    check_solvable_again(problem)
    n_levels = max(counts.values()) + 1
    manifold.reserve_vectors(n1 * n2, n_levels)
    offsets = [(i / n1, j / n2) for i in range(n1) for j in range(n2)]
    flat = manifold.solve_all(offsets, n_levels, progress=settings.progress)
    states = [flat[i * n2 : (i + 1) * n2] for i in range(n1)]
    along = [_links(manifold, states, direction) for direction in (1, 2)]
    min_link = float(min(np.abs(links).min() for links in along))
    if min_link < VANISHING_LINK:
        raise InputError(
            f"`mesh` must be fine enough for nonzero links, but the smallest of {n1}x{n2} is {min_link:.1e}."
        )
    first, second = along
    flux = -np.angle(first * np.roll(second, -1, axis=0) * np.roll(first, -1, axis=1).conj() * second.conj())
    position = _positions(manifold, [row[0] for row in states])
    steps = np.angle(np.roll(position, -1) / position)
    sign = -1 if problem.carrier == "hole" else +1  # a hole occupies conj(u), of opposite curvature
    gaps, splittings = zip(*(_gap_and_splitting(manifold, point) for point in flat), strict=True)
    result = ManyBodyChern(
        value=float(sign * flux.sum() / (2 * np.pi)),
        pumped=float(-sign * steps.sum() / (2 * np.pi)),
        flux=read_only(sign * flux),
        min_link=min_link,
        max_flux=float(np.abs(flux).max()),
        min_position=float(np.abs(position).min()),
        max_step=float(np.abs(steps).max()),
        min_gap=float(min(gaps)),
        max_splitting=float(max(splittings)),
        momenta=tuple(sorted(counts.elements())),
        filling=fraction,
        cluster=problem.grid.name,
        mesh=(n1, n2),
        carrier=problem.carrier,
        seed=settings.seed,
        converged=all(point.converged for point in flat),
        polarisation=carriers[0] - carriers[1] if len(carriers) == 2 else None,
    )
    if not result.is_reliable:
        warn(
            f"The grid of {n1}x{n2} phases is too coarse: smallest link {Number(min_link):.3f}, largest flux "
            f"{Number(result.max_flux):.3f} rad, largest step of the position "
            f"{Number(result.max_step):.3f} rad, Chern number "
            f"{Number(result.value):+.3f} by flux and {Number(result.pumped):+.3f} by pumping.",
            MeshWarning,
        )
    return result


def _links(manifold: ManifoldAtPhases, states: list[list[StatesAtPhase]], direction: int) -> ComplexArray:
    """Links from every phase to the next one along L_`direction`, closed by shifting the labels, (phi_1, phi_2)."""
    shape = len(states), len(states[0])
    edge = LabelShift(manifold.grid, direction)
    links = np.empty(shape, dtype=np.complex128)
    for i in range(shape[0]):
        for j in range(shape[1]):
            ahead = (i + 1, j) if direction == 1 else (i, j + 1)
            folded = ahead[0] % shape[0], ahead[1] % shape[1]
            shift = None if folded == ahead else edge
            links[i, j] = manifold.link(states[i][j], states[folded[0]][folded[1]], shift)
    return links


def _positions(manifold: ManifoldAtPhases, line: list[StatesAtPhase]) -> ComplexArray:
    """Determinant of exp(2 pi i X_2 / L_2) on the manifold: its overlap with itself one flux quantum later."""
    edge = LabelShift(manifold.grid, 2)
    return np.array([manifold.link(point, point, edge) for point in line])


def _gap_and_splitting(manifold: ManifoldAtPhases, point: StatesAtPhase) -> tuple[float, float]:
    inside, gap = [], np.inf
    for label, count in manifold.counts.items():
        levels = point.energies(label)[: count + 1]
        levels = levels[np.isfinite(levels)]
        inside += levels[:count].tolist()
        if len(levels) > count:
            gap = min(gap, float(levels[count] - levels[count - 1]))
    return gap, max(inside) - min(inside)
