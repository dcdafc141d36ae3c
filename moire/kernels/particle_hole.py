"""The exchange kernel of a density matrix between momenta k + Q and k, summed over umklapps."""

import numpy as np
from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def exchange(left, right, coulomb, first, target, moved, out):
    """Fill out[k, m, s, k', n, t] = sum_{q: k+q = k'} sum_ll' V_ll'(q) L_l(q, k+Q)_mn conj(R_l'(q, k)_st).

    Parameters
    ----------
    left, right : complex (q, k, m, n, layer) and (q, k, s, t, layer), form factors of the flavours at k + Q and at k
    coulomb : float (q, layer, layer), divided by the area
    first : int (class + 1,), first q of each class of the momentum group
    target : int (k, class), index k' of the folded k + q
    moved : int (k,), index of the folded k + Q
    out : complex (k, m, s, k, n, t)
    """
    n_k, n_classes = target.shape
    n_layers = left.shape[4]
    n_m, n_n, n_s, n_t = left.shape[2], left.shape[3], right.shape[2], right.shape[3]
    n_left, n_right = n_m * n_n, n_s * n_t
    for k in prange(n_k):
        there = moved[k]
        total_re, total_im = np.empty((n_left, n_right)), np.empty((n_left, n_right))
        x_re, x_im = np.empty(n_right), np.empty(n_right)
        for d in range(n_classes):
            for i in range(n_left):
                for j in range(n_right):
                    total_re[i, j] = 0.0
                    total_im[i, j] = 0.0
            for q in range(first[d], first[d + 1]):
                for layer in range(n_layers):
                    for s in range(n_s):
                        for t in range(n_t):
                            x = right[q, k, s, t, layer]
                            x_re[s * n_t + t], x_im[s * n_t + t] = x.real, x.imag
                    for m in range(n_m):
                        for n in range(n_n):
                            re, im = 0.0, 0.0
                            for a in range(n_layers):
                                element = left[q, there, m, n, a]
                                re += coulomb[q, a, layer] * element.real
                                im += coulomb[q, a, layer] * element.imag
                            i = m * n_n + n
                            for j in range(n_right):
                                total_re[i, j] += re * x_re[j] + im * x_im[j]
                                total_im[i, j] += im * x_re[j] - re * x_im[j]
            other = target[k, d]
            for m in range(n_m):
                for s in range(n_s):
                    for n in range(n_n):
                        for t in range(n_t):
                            i, j = m * n_n + n, s * n_t + t
                            out[k, m, s, other, n, t] = complex(total_re[i, j], total_im[i, j])
