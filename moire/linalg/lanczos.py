"""Thick-restart block Lanczos with full reorthogonalisation: the lowest eigenpairs, degenerate ones included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.krylov import KrylovBasis, Multiply
from moire.linalg.vectors import VectorSpace

RANDOM_PART = 1e-4  # of a starting vector: a residual of 0.002 meV, and every state within reach
REACHED, ROUNDING = "residual below tolerance", "residual at rounding error"


@checked
@dataclass(frozen=True)
class LanczosSettings(Shown):
    """Settings of a block Lanczos run.

    Parameters
    ----------
    n_eigenstates
        Levels wanted, k.
    block_size
        Vectors multiplied at once, p. A Krylov space of block p holds at most p copies of a degenerate level.
    n_krylov
        Vectors held; when they are full, the run restarts from its lowest Ritz vectors.
    tolerance
        Largest residual |H v - E v| that counts as converged.
    max_restarts
        Restarts after which the run stops.
    seed
        Words that seed the random vectors.
    looser
        Residuals that count as converged level by level, instead of `tolerance`; the last one holds for all others.
        `tolerance` then says which energies are the same.
    """

    n_eigenstates: int
    block_size: int
    n_krylov: int
    tolerance: float
    max_restarts: int = 1000
    seed: tuple[int, ...] = (0,)
    looser: tuple[float, ...] = ()

    @property
    def tolerances(self) -> FloatArray:
        """Largest residual of each level that counts as converged, (level,)."""
        given = np.maximum(self.looser or (self.tolerance,), self.tolerance)
        return given[np.minimum(np.arange(self.n_eigenstates), len(given) - 1)]

    @property
    def same_level(self) -> float:
        """Largest difference of the energies of one level; a residual r shifts one by about r**2 / (1 meV)."""
        return 10 * max(self.tolerance, float(self.tolerances.max()) ** 2)

    @property
    def settled(self) -> float:
        """Residual at which an energy is known to a fraction of the tolerance on residuals."""
        return max(1e3 * self.tolerance, float(self.tolerances.max()))


@checked
@dataclass(frozen=True, eq=False)
class LanczosResult(Shown):
    """Lowest eigenpairs and convergence record.

    Parameters
    ----------
    energies, vectors
        (level,) and (level, dim), ascending; fewer than wanted if the run stopped unconverged.
    residuals
        (level,), |H v - E v| measured with the vectors returned.
    converged
        Whether all levels wanted were found, no search for missed ones is unfinished, and every measured residual is
        below the tolerance. ``stop_reason`` follows the same rule.
    n_iterations, n_restarts
        Blocks multiplied, measurements not included, and restarts.
    history
        (check, 2), blocks multiplied and the largest estimated residual of the wanted levels.
    """

    energies: FloatArray
    vectors: ComplexArray = field(repr=False)
    residuals: FloatArray = field(repr=False)
    converged: bool
    stop_reason: str
    n_iterations: int
    n_restarts: int
    history: FloatArray = field(repr=False)


@dataclass
class _Progress:
    """State of a block Lanczos run besides the basis, as saved in a checkpoint.

    ``target`` is the estimated residual at which residuals are measured, in units of their tolerances; ``n_above`` and
    ``worst`` are the fewest levels above the tolerance and the smallest of the largest ratios measured so far.
    """

    settings: LanczosSettings
    target: float = 1.0
    worst: float = np.inf
    n_above: float = np.inf
    iterations: int = 0
    restarts: int = 0
    is_searching: bool = False
    searched: FloatArray = field(default_factory=lambda: np.zeros(0))  # the levels found before the last search
    history: list[tuple[float, float]] = field(default_factory=list)

    def must_search(self, energies: FloatArray, is_suspect: bool) -> bool:
        """Whether levels may be missed that the last search, if any, would not have found."""
        is_new = not self.searched.size or bool(np.any(self.searched - energies > self.settings.same_level))
        return is_new and (is_suspect or _may_hide(energies, self.settings))

    def may_improve(self, residuals: FloatArray, rounding: float) -> bool:
        """Whether to continue after some measured residuals (level,), in units of the tolerances, are above them."""
        n_above, worst = int(np.sum(residuals > 1)), float(residuals.max())
        better = n_above < self.n_above or worst < self.worst / 2
        self.n_above, self.worst = min(n_above, self.n_above), min(worst, self.worst)
        if not better:
            if self.target <= rounding:
                return False
            self.target /= 10  # the estimate is below the measured residual: lower its target
        return True

    def state(self) -> dict[str, np.ndarray]:
        """The arrays that a checkpoint holds."""
        counts = np.array([self.iterations, self.restarts, self.is_searching])
        measured = np.array([self.target, self.n_above, self.worst])
        return {"progress": counts, "measured": measured, "searched": self.searched, "history": np.array(self.history)}

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from the arrays of a checkpoint."""
        self.iterations, self.restarts = int(state["progress"][0]), int(state["progress"][1])
        self.is_searching = bool(state["progress"][2])
        self.target, self.n_above, self.worst = (float(value) for value in state["measured"])
        self.searched = state["searched"]
        self.history = [(float(row[0]), float(row[1])) for row in state["history"]]


@checked
def block_lanczos(
    multiply: Multiply,
    dimension: int,
    settings: LanczosSettings,
    checkpoint: Checkpoint | None = None,
    dtype: DTypeLike = np.complex128,
    known: ComplexArray | None = None,
    start: ComplexArray | None = None,
    space: VectorSpace | None = None,
) -> LanczosResult:
    """Lowest eigenpairs of a Hermitian operator.

    Parameters
    ----------
    multiply
        H x for x of shape (dim, vectors).
    dimension
        Its dimension.
    settings
        See :class:`LanczosSettings`.
    checkpoint
        Files from which the state is read at the start, and to which it is written at every restart.
    dtype
        Of the vectors held.
    known
        Eigenvectors (level, dim) that another solver found, to start from. The space orthogonal to them is searched
        for levels that it missed.
    start
        Vectors (vector, dim) whose span approximates the levels wanted, the nearest first, such as those of a similar
        operator. They get a small random part, so that no state is out of reach; residuals decide as without a start.
    space
        Space of the vectors where ranks share them: each calls this with its part, and `multiply` maps parts to parts.

    Notes
    -----
    All Krylov vectors held are kept orthogonal, and H is diagonalized in their span. After a restart with the
    lowest Ritz vectors Y, H Y = Y theta + F B with the pending block F, so that the recursion continues without
    a new product (Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000)).

    A level found p times may have more states. If such a level lies below another wanted one, all but the
    wanted Ritz vectors are dropped, and a random block orthogonal to them searches the rest of the space until
    its lowest Ritz pair has converged too: it is a missed level, or no level was missed.

    The residuals |B y| of the recursion are estimates. When they are small enough, one product of each wanted vector
    measures |H v - E v|, which alone decides. Above the tolerance, the recursion continues from the residual
    vectors, until it is met or no longer falls.
    """
    wanted = settings.n_eigenstates
    require(1 <= wanted <= dimension, "n_eigenstates", f"lie in 1..{dimension}, the dimension", wanted)
    space = space or VectorSpace(dimension, dtype)
    basis = KrylovBasis(space, settings.n_krylov, settings.block_size, settings.seed)
    run, tolerances = _Progress(settings), settings.tolerances
    if known is not None:
        basis.start_from(known)
    saved = checkpoint.load(space) if checkpoint else None
    if saved is not None:
        start = None
        basis.load(saved)
        run.load(saved)
    next_check = 0
    with threadpool_limits(1, user_api="blas"):  # so that results do not depend on the number of threads
        while True:
            if start is None:
                basis.expand(multiply)
            elif wanted <= settings.block_size:
                basis.project(multiply, _with_random_part(start, settings), wanted)
            else:
                basis.start_from(_mixed(_with_random_part(start[:wanted], settings), settings))
                basis.expand(multiply)
            start = None
            run.iterations += 1
            if basis.n_held < max(wanted, next_check) and not basis.is_full and not basis.is_complete:
                continue
            next_check = basis.n_held + max(1, basis.n_held // 16)
            values, columns, estimates = basis.ritz()
            run.history.append((float(run.iterations), float(estimates[:wanted].max())))
            rounding = float(np.finfo(basis.vectors.real.dtype).eps) * float(np.abs(values).max())
            found = estimates[:wanted] <= np.maximum(run.target * tolerances, rounding)[: len(estimates)]
            n_found = int(np.argmin(np.append(found, False)))  # a level counts when all below it are found
            is_complete = basis.is_complete
            done = n_found == wanted
            if done and run.is_searching:  # a search ends when the lowest state outside has converged as well
                done = is_complete or estimates[wanted] <= settings.settled
            if done:
                values, next_check = values[:wanted], 0
                basis.compress(values, columns[:, :wanted])
                if not is_complete and run.must_search(values, known is not None):
                    run.searched, run.is_searching = values, True
                    basis.draw_pending()
                    continue
                run.is_searching = False
                residuals = basis.measured_residuals(multiply, values)
                converged = bool(np.all(residuals <= tolerances))
                shares = residuals / tolerances
                if converged or wanted == dimension or not run.may_improve(shares, rounding / tolerances.min()):
                    reason = REACHED if converged else ROUNDING
                    break
                basis.pend_residuals(multiply, shares)
            elif basis.is_full:
                if run.restarts == settings.max_restarts:
                    left = f"with {n_found} of {wanted} levels" if n_found < wanted else "in a search for missed levels"
                    reason, converged = f"Lanczos stopped after {run.restarts} restarts {left}", False
                    values = values[:n_found]
                    basis.compress(values, columns[:, :n_found])
                    residuals = basis.measured_residuals(multiply, values)
                    break
                kept = _n_kept(settings, len(values))
                basis.compress(values[:kept], columns[:, :kept])
                run.restarts, next_check = run.restarts + 1, 0
                if checkpoint is not None:
                    checkpoint.save({**basis.state(), **run.state()}, space)
    return LanczosResult(
        energies=read_only(values),
        vectors=basis.vectors[: len(values)].copy(),
        residuals=read_only(residuals),
        converged=converged,
        stop_reason=reason,
        n_iterations=run.iterations,
        n_restarts=run.restarts,
        history=read_only(np.array(run.history)),
    )


def _n_kept(settings: LanczosSettings, n_held: int) -> int:
    """Ritz vectors kept at a restart: the wanted ones and a third of the rest, with room for two blocks."""
    wanted = settings.n_eigenstates
    room = settings.n_krylov - 3 * settings.block_size
    return max(wanted, min(wanted + (n_held - wanted) // 3, room))


def _mixed(vectors: ComplexArray, settings: LanczosSettings) -> ComplexArray:
    """A block of random sums of more vectors than it has: the next blocks span them, and a larger block grows slowly.

    Starting from fewer of the vectors, with the others held, is worse: their residuals are lost.
    """
    rng = np.random.default_rng([*settings.seed, len(vectors), 1])
    shape = settings.block_size, len(vectors)
    return np.asarray((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) @ vectors)


def _with_random_part(start: ComplexArray, settings: LanczosSettings) -> ComplexArray:
    """Vectors (vector, dim) of length one, each with a random part of length `RANDOM_PART`."""
    rng = np.random.default_rng([*settings.seed, len(start)])
    random = rng.standard_normal(start.shape) + 1j * rng.standard_normal(start.shape)
    random *= RANDOM_PART / np.linalg.norm(random, axis=1, keepdims=True)
    both: ComplexArray = start / np.linalg.norm(start, axis=1, keepdims=True) + random
    return both


def _may_hide(energies: FloatArray, settings: LanczosSettings) -> bool:
    """Whether a degenerate level below the last one was found as often as the block can hold."""
    apart = np.flatnonzero(np.diff(energies) > settings.same_level)  # last index of each level but the highest
    sizes = np.diff(np.concatenate([[-1], apart]))
    return bool(np.any(sizes >= settings.block_size))
