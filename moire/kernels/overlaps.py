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
