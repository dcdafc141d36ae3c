"""Normal modes of a second variation: M z = omega sigma_z z with M Hermitian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, eig, eigh, get_lapack_funcs, solve_triangular
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from moire._arrays import ComplexArray, FloatArray

DENSE_DIMENSION = 600
MAX_RESTARTS = 100  # most runs need a few
ZERO_MODE_MEV = 1e-4  # a curvature above minus this is a zero mode within rounding and the residual of the state


@dataclass(frozen=True, eq=False)
class Modes:
    """Lowest modes of one matrix.

    Parameters
    ----------
    forward, backward
        Energies in meV, lowest real part first, of the modes of positive norm (on X, momentum Q) and of negative norm
        (on Y, momentum -Q). An imaginary part is the rate of growth of an unstable mode.
    vectors
        z = (X, Y) of the forward modes, (mode, pair); z^+ sigma_z z = 1 unless it is a zero mode or an unstable one.
    curvature
        Lowest eigenvalue of M in meV.
    residual
        Largest |M z - omega sigma_z z| / |z| of all modes, forward and backward, in meV.
    """

    forward: ComplexArray
    backward: ComplexArray
    vectors: ComplexArray = field(repr=False)
    curvature: float
    residual: float


def normal_modes(matrix: ComplexArray, n_forward: int, n_modes: int, seed: int = 0) -> Modes:
    """Lowest modes of M z = omega sigma_z z, where sigma_z is +1 on the first `n_forward` components.

    With M = L L^+ this is the Hermitian problem L^+ sigma_z L w = omega w, z = sigma_z L w: solved densely where it
    is small, and otherwise by Lanczos on its inverse L^{-1} sigma_z L^{-+}, where the inertia of M - x sigma_z counts
    the modes below the highest one found: if any was missed, or Lanczos does not converge among degenerate ones, the
    problem is solved densely. A matrix that is not positive definite has no such L: with a zero mode L is the
    square root of M, and below that the state is unstable and the non-Hermitian problem is solved.
    """
    dimension = len(matrix)
    sign = np.where(np.arange(dimension) < n_forward, 1.0, -1.0)
    n_up, n_down = min(n_modes, n_forward), min(n_modes, dimension - n_forward)
    try:
        factor = cholesky(matrix, lower=True)
    except LinAlgError:
        eigenvalues, columns = eigh(matrix)
        if eigenvalues[0] < -ZERO_MODE_MEV:
            return _unstable(matrix, sign, n_up, n_down, float(eigenvalues[0]))
        factor = (columns * np.sqrt(np.maximum(eigenvalues, 0.0))) @ columns.conj().T
        return _dense(matrix, sign, factor, n_up, n_down, float(eigenvalues[0]))
    if dimension <= max(DENSE_DIMENSION, 8 * n_modes):
        curvature = float(eigh(matrix, eigvals_only=True, subset_by_index=[0, 0])[0])
        return _dense(matrix, sign, factor, n_up, n_down, curvature)

    def inverse(w: ComplexArray) -> ComplexArray:
        half = solve_triangular(factor, w, lower=True, trans="C", check_finite=False)
        return np.asarray(solve_triangular(factor, sign * half, lower=True, check_finite=False))

    generator = np.random.default_rng([seed, dimension])
    curvature = _lowest_eigenvalue(matrix, factor, generator)
    try:
        values, vectors = _largest(inverse, dimension, n_up, generator)
        below, vectors_below = _largest(lambda w: -inverse(w), dimension, n_down, generator)
    except ArpackNoConvergence:
        return _dense(matrix, sign, factor, n_up, n_down, curvature)
    if _misses(matrix, sign, 1 / values) or _misses(matrix, -sign, 1 / below):
        return _dense(matrix, sign, factor, n_up, n_down, curvature)
    return _finish(matrix, sign, factor, 1 / values, 1 / below, np.hstack([vectors, vectors_below]), curvature)


def _lowest_eigenvalue(matrix: ComplexArray, factor: ComplexArray, generator: np.random.Generator) -> float:
    """Lowest eigenvalue of a positive definite matrix with its Cholesky factor."""
    try:
        return 1 / float(_largest(lambda w: cho_solve((factor, True), w), len(matrix), 1, generator)[0][0])
    except ArpackNoConvergence:
        return float(eigh(matrix, eigvals_only=True, subset_by_index=[0, 0])[0])


def _misses(matrix: ComplexArray, sign: FloatArray, energies: FloatArray) -> bool:
    """Whether more modes of positive norm lie below the highest of `energies`, which ascend, than were found.

    For positive definite M as many eigenvalues of M - x sigma_z are negative as modes lie between 0 and x. Further
    modes degenerate with the highest one do not count.
    """
    if not len(energies):
        return False
    below = float(energies[-1]) * (1 - 1e-7)
    shifted = matrix.copy()
    np.einsum("ii->i", shifted)[:] -= below * sign
    return negative_eigenvalues(shifted) > int(np.sum(energies < below))


def negative_eigenvalues(matrix: ComplexArray) -> int:
    """Number of negative eigenvalues of a Hermitian matrix, by Sylvester's law from L D L^+; it is overwritten."""
    (factorize,) = get_lapack_funcs(("hetrf",), (matrix,))
    (workspace,) = get_lapack_funcs(("hetrf_lwork",), (matrix,))
    size = int(workspace(len(matrix), lower=1)[0].real)
    factors, pivots, _ = factorize(matrix.T, lower=1, lwork=size, overwrite_a=1)  # the conjugate, in Fortran order
    single = pivots > 0  # a pair of pivots has one eigenvalue of each sign
    return int(np.sum(np.diagonal(factors).real[single] < 0)) + int(np.sum(~single)) // 2


def _dense(
    matrix: ComplexArray, sign: FloatArray, factor: ComplexArray, n_up: int, n_down: int, curvature: float
) -> Modes:
    values, vectors = eigh(factor.conj().T @ (sign[:, None] * factor))
    n_backward = int((sign < 0).sum())  # as many negative values, by Sylvester's law of inertia
    up = slice(n_backward, n_backward + n_up)
    backward = -values[:n_backward][::-1][:n_down]
    down = slice(n_backward - len(backward), n_backward)
    columns = np.hstack([vectors[:, up], vectors[:, down][:, ::-1]])
    return _finish(matrix, sign, factor, values[up], backward, columns, curvature)


def _finish(
    matrix: ComplexArray,
    sign: FloatArray,
    factor: ComplexArray,
    forward: FloatArray,
    backward: FloatArray,
    vectors: ComplexArray,
    curvature: float,
) -> Modes:
    """Modes of the energies found, with the residuals measured; `vectors` w are those of both kinds, as columns."""
    z = (sign[:, None] * (factor @ vectors)).T
    norms = np.maximum(np.linalg.norm(z, axis=1), np.finfo(float).tiny)  # an exact zero mode has z = 0
    energies = np.concatenate([forward, -backward])
    misses = np.linalg.norm(z @ matrix.T - energies[:, None] * sign * z, axis=1) / norms
    z, norms = z[: len(forward)], norms[: len(forward)]
    z /= np.sqrt(np.maximum(np.abs(z) ** 2 @ sign, 1e-12 * norms**2 + np.finfo(float).tiny))[:, None]
    complex_forward, complex_backward = forward.astype(np.complex128), backward.astype(np.complex128)
    return Modes(complex_forward, complex_backward, z, curvature, float(misses.max(initial=0.0)))


def _unstable(matrix: ComplexArray, sign: FloatArray, n_up: int, n_down: int, curvature: float) -> Modes:
    values, vectors = eig(sign[:, None] * matrix)
    vectors = vectors.T / np.linalg.norm(vectors, axis=0)[:, None]
    norms = np.abs(vectors) ** 2 @ sign
    paired = np.abs(values.imag) > 1e-6 * np.abs(matrix).max()  # omega and omega^*: one for each branch
    values.imag[~paired] = 0.0
    up = np.nonzero(np.where(paired, values.imag > 0, norms > 0))[0]
    down = np.nonzero(np.where(paired, values.imag < 0, norms <= 0))[0]
    up = up[np.argsort(values[up].real, kind="stable")][:n_up]
    down = down[np.argsort(-values[down].real, kind="stable")][:n_down]
    both = np.concatenate([up, down])
    misses = np.linalg.norm(vectors[both] @ matrix.T - values[both, None] * sign * vectors[both], axis=1)
    return Modes(values[up], -values[down], vectors[up], curvature, float(misses.max(initial=0.0)))


def _largest(
    product: Callable[[ComplexArray], ComplexArray], dimension: int, n_values: int, generator: np.random.Generator
) -> tuple[FloatArray, ComplexArray]:
    """Largest eigenvalues, descending, and their vectors as columns, of a Hermitian product."""
    if n_values == 0:
        return np.empty(0), np.empty((dimension, 0), dtype=np.complex128)
    start = generator.standard_normal(dimension) + 1j * generator.standard_normal(dimension)
    operator = LinearOperator((dimension, dimension), matvec=product, dtype=np.complex128)
    options = {"v0": start, "ncv": max(4 * n_values, 24), "maxiter": MAX_RESTARTS}
    values, vectors = eigsh(operator, n_values, which="LA", **options)
    order = np.argsort(-values)
    return np.asarray(values[order]), np.asarray(vectors[:, order])
