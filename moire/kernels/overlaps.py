"""Layer-resolved overlaps of Bloch states at shifted momenta."""

from numba import prange

from moire.kernels._jit import jit


@jit()
def scatter(tile, index, minus, rows, columns, out):
    """Store a tile of overlaps and their Hermitian partners, lambda_{-q}(k + q) = lambda_q(k)^+.

    Parameters
    ----------
    tile : complex (s, layer, k, m, k', n)
    index : int (k, k', s), index of q, -1 outside the disk
    minus : int (q,), index of -q
    rows, columns : int (k,) and (k',), momenta of the tile
    out : complex (q, k, m, n, layer)
    """
    n_shifts, n_layers, n_rows, n_bands, n_columns, _ = tile.shape
    for i in range(n_rows):
        for j in range(n_columns):
            for s in range(n_shifts):
                q = index[i, j, s]
                if q >= 0:
                    opposite = minus[q]
                    for m in range(n_bands):
                        for n in range(n_bands):
                            for layer in range(n_layers):
                                value = tile[s, layer, i, m, j, n]
                                out[q, rows[i], m, n, layer] = value
                                out[opposite, columns[j], n, m, layer] = value.conjugate()


@jit(parallel=True)
def two_body(form, coulomb, minus, difference, out):
    """Add sum_q-in-class-d sum_ll' V_ll'(q) F_l(q, k1)_mm' F_l'(-q, k2)_nn' to out[f, k1, m, m', f', k2, n, n', d].

    Parameters
    ----------
    form : complex (flavour, q, k, band, band, layer)
    coulomb : float (q, layer, layer), divided by the area
    minus : int (q,), index of -q
    difference : int (q,), class of q in the momentum group
    out : complex (flavour, k, band, band, flavour, k, band, band, d), zero on entry
    """
    n_f, n_q, n_k, n_b, _, n_layers = form.shape
    for vertex in prange(n_f * n_k * n_b * n_b):
        f1, rest = vertex // (n_k * n_b * n_b), vertex % (n_k * n_b * n_b)
        k1, m1, m2 = rest // (n_b * n_b), rest // n_b % n_b, rest % n_b
        for q in range(n_q):
            for f2 in range(n_f):
                for k2 in range(n_k):
                    for n1 in range(n_b):
                        for n2 in range(n_b):
                            total = 0j
                            for a in range(n_layers):
                                for b in range(n_layers):
                                    first = form[f1, q, k1, m1, m2, a]
                                    total += coulomb[q, a, b] * first * form[f2, minus[q], k2, n1, n2, b]
                            out[f1, k1, m1, m2, f2, k2, n1, n2, difference[q]] += total
