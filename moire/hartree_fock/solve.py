"""Self-consistent Hartree-Fock: from one guess to a state."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, read_only
from moire._types import checked
from moire.errors import ConvergenceWarning, require, warn
from moire.filling import FillingLike, carriers_per_cell
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.guesses import check_guess, content_seed, given_density, guess_fock
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.occupation import Aufbau
from moire.hartree_fock.result import HartreeFockResult, Symmetry, n_unmixed
from moire.hartree_fock.resume import Progress
from moire.hartree_fock.rotation import RotatedMeanField, check_symmetry
from moire.hartree_fock.self_consistency import run_stages
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.stages import Iterate
from moire.orbitals import Orbitals
from moire.projection import Carrier, ProjectedHamiltonian

_CONVERGED = "residual below tolerance"


@checked
def solve_hartree_fock(
    problem: ProjectedHamiltonian | MeanField,
    filling: FillingLike,
    guess: str | ComplexArray = "random",
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    settings: ScfSettings = DEFAULTS,
    seed: int | None = None,
) -> HartreeFockResult:
    """Solve F[P] = h + Hartree[P] + Fock[P], P = the lowest states of F filled, from one guess.

    The result is one stationary state; a lower one may exist, and whether it is a minimum is not tested
    (:func:`ground_state` tests this, and compares several guesses).

    Methods are applied in sequence: optimal damping to a residual of 0.5 meV, DIIS while the residual falls, and a
    trust-region Newton method whose energy never rises. Newton keeps the number of carriers at each momentum; if the
    state then breaks the aufbau order, it is filled in that order and the sequence restarts.

    Parameters
    ----------
    problem
        The projected Hamiltonian, or a mean field built on it (to share one build among guesses). Its q = 0 rule
        should be ``"exchange"``: ``"drop"`` lowers the gap by V(0)/A, and on small clusters no state is then filled
        in the aufbau order.
    filling
        Carriers per moire cell, see :func:`moire.filling.carriers_per_cell`: 2 or -2 for nu = -2 of holes. The
        cluster must hold a whole number of them.
    guess
        A key of ``GUESSES`` or ``FINITE_WAVE_VECTOR``, ``"random"``, or a density matrix of the shape of the mean
        field, (r, orbital, orbital).
    symmetry
        ``"free"``; ``"valley_diagonal"``: no order between flavours; or ``"c3"``: states that keep the threefold
        rotation, up to a relative phase of the valleys and a translation of the centre in an enlarged cell, both taken
        from the guess.
    temperature_mev
        k_B T of a Fermi-Dirac occupation; then the free energy is damped, and Newton's method is not used.
    settings
        Settings of the loop: tolerance, solvers, iterations.
    seed
        Seed of the random guess; by default a hash of the problem, the guess and the number of carriers.

    Raises
    ------
    InputError
        If the filling does not fit in the bands kept or the cluster, or an option is unknown or impossible.
    MemoryRefusedError
        If the exchange does not fit in memory.

    Warns
    -----
    ConvergenceWarning
        If the residual stays above the tolerance.
    """
    base = problem.problem if isinstance(problem, MeanField) else problem
    n_particles = count_carriers(filling, base.orbitals, base.carrier)
    settings.check_temperature(temperature_mev)
    folding = problem.folding if isinstance(problem, MeanField) else Folding(base.grid, base.bands.n_flavours)
    check_symmetry(symmetry, folding)
    if isinstance(guess, str):
        check_guess(guess, folding, symmetry)

    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    name = guess if isinstance(guess, str) else "density_matrix"
    seed = content_seed(mean_field, name, n_particles) if seed is None else int(seed)
    fill = Aufbau(n_particles, temperature_mev, n_unmixed(symmetry, mean_field.n_flavours))
    matrix = guess_fock(mean_field, guess, seed) if isinstance(guess, str) else given_density(guess, mean_field, fill)
    if symmetry == "c3":
        mean_field = RotatedMeanField.of(mean_field, matrix)
        matrix = mean_field.rotation.project(matrix)
    start = fill.lowest(matrix).density_matrix if isinstance(guess, str) else matrix
    kept = None if settings.checkpoint is None else Progress.of(mean_field, start, fill, symmetry, settings)
    with threadpool_limits(1, user_api="blas"):  # many small matrices; threads run over momenta
        state, lowest, is_aufbau = run_stages(mean_field, start, fill, settings, kept)

    reason = _stop_reason(mean_field, state, is_aufbau, settings)
    density_matrix = read_only(state.density_matrix)
    result = HartreeFockResult(
        problem=mean_field.problem,
        folding=mean_field.folding,
        n_particles=n_particles,
        guess=name,
        symmetry=symmetry,
        seed=seed,
        temperature_mev=temperature_mev,
        density_matrix=density_matrix,
        lowest=lowest,
        energy=mean_field.energy_parts(density_matrix),
        converged=reason == _CONVERGED,
        stop_reason=reason,
        residual=state.residual,
        history=state.steps,
    )
    if not result.converged:
        message = f"Hartree-Fock from '{name}' stopped at a residual of {state.residual:.1e} meV ({reason})."
        if settings.strict:
            raise ConvergenceWarning(message)
        warn(message, ConvergenceWarning)
    return result


def _stop_reason(mean_field: MeanField, state: Iterate, is_aufbau: bool, settings: ScfSettings) -> str:
    if isinstance(mean_field, RotatedMeanField) and not mean_field.keeps(state.density_matrix):
        return "a level at the Fermi energy is filled in part, against the symmetry"
    if not is_aufbau:
        return "filled against the aufbau order"
    if state.residual < settings.tolerance_mev:
        return _CONVERGED
    return "iterations used up" if len(state.steps) >= settings.max_iterations else "no further descent"


@checked
def count_carriers(filling: FillingLike, orbitals: Orbitals, carrier: Carrier = "hole") -> int:
    """Return the number of carriers at a filling of the orbitals of a cluster.

    Raises
    ------
    InputError
        Unless it is whole and fits in the orbitals.
    """
    grid, per_momentum = orbitals.grid, orbitals.size // orbitals.grid.n_points
    per_cell = carriers_per_cell(filling, carrier)
    require(
        per_cell <= per_momentum,
        "filling",
        f"lie in [-{per_momentum}, {per_momentum}], the capacity of the bands kept per cell",
        filling,
    )
    count = per_cell * grid.n_points
    require(count.denominator == 1, "filling", f"put a whole number of carriers on {grid.name}", f"{filling}")
    return int(count)
