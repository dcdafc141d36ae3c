"""Layer-resolved overlaps of the states at one momentum with those of a grid, shifted by umklapps."""

from numba import prange

from moire.kernels._jit import jit


@jit(parallel=True)
def overlap_row(row, states, target, shift_row, shifts, out):
    """Fill out[q, m, n, l] = sum_g conj(r[m, l, g]) c[k', n, l, g + G], k + q = k' + G.

    Parameters
    ----------
    row : complex (band, layer, G), states at one momentum
    states : complex (k, band, layer, G), states on the grid
    target : int (q,), index k'
    shift_row : int (q,), row of `shifts` that holds the umklapp G
    shifts : int (row, G), index of g + G in the basis, -1 outside
    out : complex (q, band, band, layer)
    """
    n_rows, n_layers, n_g = row.shape
    n_bands = states.shape[1]
    for q in prange(len(target)):
        shift = shifts[shift_row[q]]
        other = target[q]
        for m in range(n_rows):
            for n in range(n_bands):
                for layer in range(n_layers):
                    real, imag = 0.0, 0.0
                    for g in range(n_g):
                        moved = shift[g]
                        if moved >= 0:
                            a = row[m, layer, g]
                            b = states[other, n, layer, moved]
                            real += a.real * b.real + a.imag * b.imag
                            imag += a.real * b.imag - a.imag * b.real
                    out[q, m, n, layer] = complex(real, imag)
