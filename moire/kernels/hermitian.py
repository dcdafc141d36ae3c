"""Hermitian matrices from blocks of which some are given and the others are their conjugates."""

from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def complete(matrices, size):
    """Make matrices Hermitian in place: diagonal blocks by their mean, the others by the one of each pair that is set.

    Parameters
    ----------
    matrices : complex (k, n, n); off-diagonal blocks are given above the diagonal and zero below
    size : rows of a block
    """
    for k in prange(len(matrices)):
        matrix = matrices[k]
        for m in range(matrix.shape[0]):
            for n in range(m + 1):
                own, mirror = matrix[m, n], matrix[n, m].conjugate()
                value = (own + mirror) / 2 if m // size == n // size else own + mirror
                matrix[m, n] = value
                matrix[n, m] = value.conjugate()
