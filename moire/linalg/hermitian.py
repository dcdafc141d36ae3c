"""A few eigenpairs of many Hermitian matrices: LAPACK's zheevr, one thread per matrix.

``scipy.linalg.eigh`` holds the interpreter lock while it works, so threads over matrices gain
nothing there. The same LAPACK routine, taken from ``scipy.linalg.cython_lapack`` and called through
ctypes, runs without the lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cython_lapack
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray
from moire.resources import in_threads, threads


def _zheevr_routine() -> Callable[..., None]:
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    capsule = cython_lapack.__pyx_capi__["zheevr"]
    address = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 23)(address)


_zheevr = _zheevr_routine()
THREADED_DIMENSION = 32  # below it a whole set of matrices takes milliseconds


def workspace_bytes(dimension: int, n_pairs: int) -> float:
    """Bytes that :func:`extremal_eigenpairs` takes besides its matrix: a copy of it, the vectors, and work arrays."""
    return 16.0 * dimension**2 + (64.0 * n_pairs + 1400.0) * dimension


def extremal_eigenpairs(matrix: ComplexArray, n_pairs: int, largest: bool) -> tuple[FloatArray, ComplexArray]:
    """Return the `n_pairs` largest (or smallest) eigenpairs of one Hermitian matrix.

    The extremal eigenvalue comes first. The component of largest modulus of each vector is real and
    positive, so that the gauge does not depend on the LAPACK build.

    Parameters
    ----------
    matrix
        Hermitian, shape (n, n); only its lower triangle is read.

    Returns
    -------
    values, vectors
        Shapes (n_pairs,) and (n_pairs, n): vectors are rows.

    Raises
    ------
    scipy.linalg.LinAlgError
        If LAPACK reports a failure.
    """
    n = matrix.shape[0]
    # The buffer of a Hermitian matrix in C order is its conjugate in Fortran order, upper triangle
    # for lower: LAPACK returns conjugate vectors, as rows.
    buffer = np.array(matrix, dtype=np.complex128, order="C")
    values, rows = np.empty(n), np.empty((n_pairs, n), dtype=np.complex128)
    support = np.empty(2 * n, dtype=np.intc)
    work = np.empty(66 * n, dtype=np.complex128)
    real_work, int_work = np.empty(24 * n), np.empty(10 * n, dtype=np.intc)
    found, info = ctypes.c_int(0), ctypes.c_int(0)
    first, last = (n - n_pairs + 1, n) if largest else (1, n_pairs)

    def integer(value: int) -> object:
        return ctypes.byref(ctypes.c_int(value))

    zero = ctypes.byref(ctypes.c_double(0.0))
    _zheevr(
        *(b"V", b"I", b"U", integer(n), buffer.ctypes.data, integer(n), zero, zero, integer(first), integer(last)),
        *(zero, ctypes.byref(found), values.ctypes.data, rows.ctypes.data, integer(n), support.ctypes.data),
        *(work.ctypes.data, integer(work.size), real_work.ctypes.data, integer(real_work.size)),
        *(int_work.ctypes.data, integer(int_work.size), ctypes.byref(info)),
    )
    if info.value != 0 or found.value != n_pairs:
        raise LinAlgError(f"zheevr stopped with info = {info.value} and {found.value} of {n_pairs} eigenpairs.")
    order = slice(None, None, -1) if largest else slice(None)
    vectors = rows.conj()[order]
    anchor = np.take_along_axis(vectors, np.argmax(np.abs(vectors), axis=1)[:, None], axis=1)
    return values[:n_pairs][order].copy(), vectors * (np.abs(anchor) / anchor)


def solve_many(
    matrix_at: Callable[[int], ComplexArray],
    n_matrices: int,
    n_pairs: int,
    *,
    largest: bool,
    n_threads: int | None = None,
) -> tuple[FloatArray, ComplexArray]:
    """Extremal eigenpairs of many Hermitian matrices, threads over matrices, one BLAS thread each.

    Parameters
    ----------
    matrix_at
        Returns matrix number i, shape (n, n); called from the threads.
    n_matrices, n_pairs
        Number of matrices, and of eigenpairs of each.
    largest
        The largest eigenvalues first, or the smallest first.
    n_threads
        Number of threads; all of this process by default.

    Returns
    -------
    values, vectors
        Shapes (n_matrices, n_pairs) and (n_matrices, n_pairs, n).
    """
    with threadpool_limits(1, user_api="blas"):
        pairs = in_threads(lambda i: extremal_eigenpairs(matrix_at(i), n_pairs, largest), range(n_matrices), n_threads)
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def all_eigenpairs(matrices: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """All eigenpairs of many Hermitian matrices (i, n, n), ascending: values (i, n), and vectors as columns (i, n, n).

    Threads run over pieces of equal numbers of matrices with one BLAS thread each, where the matrices are large enough
    to repay it.
    """
    n_pieces = min(threads(), len(matrices))
    if matrices.shape[-1] < THREADED_DIMENSION or n_pieces < 2:
        return np.linalg.eigh(matrices)
    pieces = np.array_split(matrices, n_pieces)
    with threadpool_limits(1, user_api="blas"):
        pairs = in_threads(np.linalg.eigh, pieces)
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])
