"""Layer-resolved overlaps of Bloch states at shifted momenta."""

from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def form_factors(states, target, shift_row, shifts, out):
    """Fill out[q, k, m, n, l] = sum_g conj(c[k, m, l, g]) c[k', n, l, g + G], (k', G) = k + q.

    Parameters
    ----------
    states : complex (k, band, layer, G)
    target : int (q, k), index k' of the folded k + q
    shift_row : int (q, k), row of `shifts` that holds the umklapp G
    shifts : int (row, G), index of g + G in the basis, -1 outside
    out : complex (q, k, band, band, layer)
    """
    n_q, n_k = target.shape
    _, n_bands, n_layers, n_g = states.shape
    for job in prange(n_q * n_k):
        q, k = job // n_k, job % n_k
        shift = shifts[shift_row[q, k]]
        other = target[q, k]
        for m in range(n_bands):
            for n in range(n_bands):
                for layer in range(n_layers):
                    real, imag = 0.0, 0.0
                    for g in range(n_g):
                        moved = shift[g]
                        if moved >= 0:
                            a = states[k, m, layer, g]
                            b = states[other, n, layer, moved]
                            real += a.real * b.real + a.imag * b.imag
                            imag += a.real * b.imag - a.imag * b.real
                    out[q, k, m, n, layer] = complex(real, imag)


@jit(parallel=True)
def two_body(form, coulomb, minus, difference, out):
    """Fill out[k1, k2, d] += sum_q-in-class-d sum_ll' V_ll'(q) F_l(q, k1) F_l'(-q, k2).

    Parameters
    ----------
    form : complex (q, k, layer), one band
    coulomb : float (q, layer, layer), divided by the area
    minus : int (q,), index of -q
    difference : int (q,), class of q in the momentum group
    out : complex (k, k, d), zero on entry
    """
    n_q, n_k, n_layers = form.shape
    for k1 in prange(n_k):
        for q in range(n_q):
            for k2 in range(n_k):
                total = 0j
                for a in range(n_layers):
                    for b in range(n_layers):
                        total += coulomb[q, a, b] * form[q, k1, a] * form[minus[q], k2, b]
                out[k1, k2, difference[q]] += total
