"""The exchange kernel of a density matrix between momenta k + Q and k, summed over umklapps."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def exchange(left, right, coulomb, first, target, moved, out):
    """Fill out[k, m, s, k', n, t] = sum_{q: k+q = k'} sum_ll' V_ll'(q) L_l(q, k+Q)_mn conj(R_l'(q, k)_st).

    Parameters
    ----------
    left, right : complex (q, k, band, band, layer), form factors of the flavours at k + Q and at k
    coulomb : float (q, layer, layer), divided by the area
    first : int (class + 1,), first q of each class of the momentum group
    target : int (k, class), index k' of the folded k + q
    moved : int (k,), index of the folded k + Q
    out : complex (k, band, band, k, band, band)
    """
    n_k, n_classes = target.shape
    n_bands, n_layers = left.shape[2], left.shape[4]
    n_pairs = n_bands * n_bands
    for k in prange(n_k):
        there = moved[k]
        total_re, total_im = np.empty((n_pairs, n_pairs)), np.empty((n_pairs, n_pairs))
        x_re, x_im = np.empty(n_pairs), np.empty(n_pairs)
        for d in range(n_classes):
            for i in range(n_pairs):
                for j in range(n_pairs):
                    total_re[i, j] = 0.0
                    total_im[i, j] = 0.0
            for q in range(first[d], first[d + 1]):
                for layer in range(n_layers):
                    for s in range(n_bands):
                        for t in range(n_bands):
                            x = right[q, k, s, t, layer]
                            x_re[s * n_bands + t], x_im[s * n_bands + t] = x.real, x.imag
                    for m in range(n_bands):
                        for n in range(n_bands):
                            re, im = 0.0, 0.0
                            for a in range(n_layers):
                                element = left[q, there, m, n, a]
                                re += coulomb[q, a, layer] * element.real
                                im += coulomb[q, a, layer] * element.imag
                            i = m * n_bands + n
                            for j in range(n_pairs):
                                total_re[i, j] += re * x_re[j] + im * x_im[j]
                                total_im[i, j] += im * x_re[j] - re * x_im[j]
            other = target[k, d]
            for m in range(n_bands):
                for s in range(n_bands):
                    for n in range(n_bands):
                        for t in range(n_bands):
                            i, j = m * n_bands + n, s * n_bands + t
                            out[k, m, s, other, n, t] = complex(total_re[i, j], total_im[i, j])
