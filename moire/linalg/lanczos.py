"""Thick-restart block Lanczos with full reorthogonalisation: the lowest eigenpairs, degenerate ones included."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray, read_only
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.krylov import KrylovBasis, Multiply


@dataclass(frozen=True)
class LanczosSettings:
    """How a block Lanczos run proceeds.

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
        Restarts before the run gives up.
    seed
        Words that seed the random vectors.
    """

    n_eigenstates: int
    block_size: int
    n_krylov: int
    tolerance: float
    max_restarts: int = 1000
    seed: tuple[int, ...] = (0,)


@dataclass(frozen=True, eq=False)
class LanczosResult:
    """Converged eigenpairs: energies (level,), vectors (level, dim), and how the run went.

    ``history`` (check, 2) holds the blocks multiplied and the largest residual of the wanted levels.
    """

    energies: FloatArray
    vectors: ComplexArray = field(repr=False)
    converged: bool
    stop_reason: str
    n_iterations: int
    n_restarts: int
    history: FloatArray = field(repr=False)


def block_lanczos(
    multiply: Multiply,
    dimension: int,
    settings: LanczosSettings,
    checkpoint: Checkpoint | None = None,
    dtype: DTypeLike = np.complex128,
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
        Where the state is read from at the start and written at every restart.
    dtype
        Of the vectors held.

    Notes
    -----
    All Krylov vectors held are kept orthogonal, and H is diagonalized in their span. After a restart with the
    lowest Ritz vectors Y, H Y = Y theta + F B with the pending block F, so that the recursion goes on without a
    new product (Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000)).

    A level found p times may be there more often. If such a level lies below another wanted one, all but the
    wanted Ritz vectors are dropped, and a random block orthogonal to them searches the rest of the space until
    its lowest Ritz pair has settled too: either it is one that was missed, or none was.
    """
    wanted = settings.n_eigenstates
    basis = KrylovBasis(dimension, settings.n_krylov, settings.block_size, settings.seed, dtype)
    iterations = restarts = next_check = 0
    searched = np.zeros(0)  # the levels found before a search for missed ones
    history: list[tuple[float, float]] = []
    saved = checkpoint.load() if checkpoint else None
    if saved is not None:
        basis.load(saved)
        iterations, restarts = (int(count) for count in saved["progress"])
        searched = saved["searched"]
        history = [(float(row[0]), float(row[1])) for row in saved["history"]]
    with threadpool_limits(1, user_api="blas"):  # so that the bits do not depend on the threads
        while True:
            basis.expand(multiply)
            iterations += 1
            if basis.n_held < max(wanted, next_check) and not basis.is_full and not basis.is_complete:
                continue
            next_check = basis.n_held + max(1, basis.n_held // 16)
            values, columns, residuals = basis.ritz()
            history.append((float(iterations), float(residuals[:wanted].max())))
            rounding = float(np.finfo(basis.vectors.dtype).eps) * float(np.abs(values).max())
            found = residuals[:wanted] <= max(settings.tolerance, rounding)
            done = len(values) >= wanted and bool(np.all(found))
            if done and searched.size:  # a search is over when the lowest state outside has settled as well
                done = basis.is_complete or residuals[wanted] <= _settled(settings)
            new = not searched.size or bool(np.any(searched - values[:wanted] > 10 * settings.tolerance))
            if done and (basis.is_complete or not (new and _may_hide(values[:wanted], settings))):
                exact = rounding <= settings.tolerance
                reason = "residual below tolerance" if exact else "residual at rounding error"
                break
            if done:
                searched = values[:wanted]
                basis.compress(values[:wanted], columns[:, :wanted])
                basis.draw_pending()
                next_check = 0
            elif basis.is_full:
                if restarts == settings.max_restarts:
                    reason = f"Lanczos stopped after {restarts} restarts with {found.sum()} of {wanted} levels"
                    break
                kept = _n_kept(settings, len(values))
                basis.compress(values[:kept], columns[:, :kept])
                restarts, next_check = restarts + 1, 0
                if checkpoint is not None:
                    progress = {"progress": np.array([iterations, restarts]), "searched": searched}
                    checkpoint.save({**basis.state(), **progress, "history": np.array(history)})
        levels = np.flatnonzero(found)
        basis.compress(values[levels], columns[:, levels])
    return LanczosResult(
        energies=read_only(values[levels]),
        vectors=basis.vectors[: len(levels)].copy(),
        converged=done,
        stop_reason=reason,
        n_iterations=iterations,
        n_restarts=restarts,
        history=read_only(np.array(history)),
    )


def _n_kept(settings: LanczosSettings, n_held: int) -> int:
    """Ritz vectors kept at a restart: the wanted ones and a third of the rest, with room for two blocks."""
    wanted = settings.n_eigenstates
    room = settings.n_krylov - 3 * settings.block_size
    return max(wanted, min(wanted + (n_held - wanted) // 3, room))


def _settled(settings: LanczosSettings) -> float:
    """Residual at which an energy is known to a fraction of the tolerance on residuals."""
    return 1e3 * settings.tolerance


def _may_hide(energies: FloatArray, settings: LanczosSettings) -> bool:
    """Whether a degenerate level below the last one was found as often as the block can hold."""
    apart = np.flatnonzero(np.diff(energies) > 10 * settings.tolerance)  # last index of each level but the highest
    sizes = np.diff(np.concatenate([[-1], apart]))
    return bool(np.any(sizes >= settings.block_size))
