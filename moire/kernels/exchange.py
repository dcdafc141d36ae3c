"""The exchange kernel of a density matrix at zero momentum, summed over umklapps once."""

from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def exchange(left, right, coulomb, target, out):
    """Fill out[k, m, n', k', n, m'] = sum_{q: k+q = k'} sum_ll' V_ll'(q) L_l(q, k)_mn conj(R_l'(q, k)_n'm').

    Parameters
    ----------
    left, right : complex (q, k, band, band, layer), form factors of two flavours
    coulomb : float (q, layer, layer), divided by the area
    target : int (k, q), index k' of the folded k + q
    out : complex (k, band, band, k, band, band), zero on entry
    """
    n_q, n_k, n_bands, _, n_layers = left.shape
    for k in prange(n_k):
        for q in range(n_q):
            other = target[k, q]
            for m in range(n_bands):
                for n in range(n_bands):
                    for layer in range(n_layers):
                        screened = 0j
                        for a in range(n_layers):
                            screened += coulomb[q, a, layer] * left[q, k, m, n, a]
                        for s in range(n_bands):
                            for t in range(n_bands):
                                x = right[q, k, s, t, layer]
                                out[k, m, s, other, n, t] += complex(
                                    screened.real * x.real + screened.imag * x.imag,
                                    screened.imag * x.real - screened.real * x.imag,
                                )
