"""Exchange of a density matrix from tiles of overlaps, as packed matrices or summed directly."""

from moire.kernels._jit import jit


@jit()
def pack(left, right, index, rolled_row, position, coulomb, weighted, other):
    """Arrange the transfers of every pair (k, k') so that the exchange is one small matrix product per pair.

    weighted[k, k', (q, l'), (m, n)] = sum_l V_ll'(q) L_l(q, k)_mn and
    other[k, k', (q, l'), (n', m')] = conj(R_l'(q, p)_n'm'), p the momentum of the second flavour.

    Parameters
    ----------
    left : complex (s, layer, k, m, k', n), overlaps of the first flavour
    right : complex (s', layer, k, n', k', m'), overlaps of the second flavour at its own momenta
    index : int (k, k', s), index of q, -1 outside the disk
    rolled_row : int (q, k), umklapp of the second flavour at q
    position : int (umklapp,), index of each among the s' of `right`
    coulomb : float (q, layer, layer), divided by the area
    weighted, other : complex (k, k', transfer x layer, band x band), zero on entry and beyond the last q
    """
    n_shifts, n_layers, n_rows, n_bands, n_columns, _ = left.shape
    for i in range(n_rows):
        for j in range(n_columns):
            t = 0
            for s in range(n_shifts):
                q = index[i, j, s]
                if q >= 0:
                    s2 = position[rolled_row[q, i]]
                    for m in range(n_bands):
                        for n in range(n_bands):
                            for b in range(n_layers):
                                total = 0j
                                for a in range(n_layers):
                                    total += coulomb[q, a, b] * left[s, a, i, m, j, n]
                                weighted[i, j, t + b, m * n_bands + n] = total
                                other[i, j, t + b, m * n_bands + n] = right[s2, b, i, m, j, n].conjugate()
                    t += n_layers


@jit()
def accumulate(left, right, index, rolled_row, position, coulomb, density, out):
    """Add sum_{k', q} sum_ll' V_ll'(q) L_l(q, k) P(k') R_l'(q, p)^+ to out(k); arguments as in `pack`.

    Parameters
    ----------
    density : complex (k', n, m'), P between the first flavour at k' and the second at its own momentum
    out : complex (k, m, n')
    """
    n_shifts, n_layers, n_rows, n_bands, n_columns, _ = left.shape
    for i in range(n_rows):
        for j in range(n_columns):
            for s in range(n_shifts):
                q = index[i, j, s]
                if q >= 0:
                    s2 = position[rolled_row[q, i]]
                    for n in range(n_bands):
                        for n2 in range(n_bands):
                            for b in range(n_layers):
                                right_sum = 0j
                                for m2 in range(n_bands):
                                    right_sum += density[j, n, m2] * right[s2, b, i, n2, j, m2].conjugate()
                                for a in range(n_layers):
                                    factor = coulomb[q, a, b] * right_sum
                                    for m in range(n_bands):
                                        out[i, m, n2] += left[s, a, i, m, j, n] * factor
