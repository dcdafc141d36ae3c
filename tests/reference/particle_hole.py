"""Excitations of determinants from two-body integrals: every orbital of the cluster in one list, no momentum used."""

import itertools

import numpy as np


def integrals(problem):
    """Return h (a,) and <ab|v|de> of H = sum h_a c^+_a c_a + 1/2 sum <ab|v|de> c^+_a c^+_b c_e c_d.

    Orbitals are ordered (k, flavour, band), as the rows of P(k) stacked over k.
    """
    form, transfers, grid = problem.form_factors.values, problem.form_factors.transfers, problem.grid
    n_f, _, n_k, n_b, _, _ = form.shape
    size = n_k * n_f * n_b
    v = np.zeros((n_k, n_f, n_b) * 4, dtype=complex)
    vectors = transfers.vectors
    for q in range(transfers.size):
        minus = int(np.argmin(np.linalg.norm(vectors + vectors[q], axis=1)))
        group = transfers.group_index[q]
        for k, k2, f, f2 in itertools.product(range(n_k), range(n_k), range(n_f), range(n_f)):
            there, back = grid.sum_index[k, group], grid.difference_index[k2, group]
            term = np.einsum(
                "mna,ab,MNb->mMnN", form[f, q, k], problem.coulomb[q], form[f2, minus, k2]
            )  # c^+_{k m} c^+_{k2 M} c_{k2-q N} c_{k+q n}
            v[k, f, :, k2, f2, :, there, f, :, back, f2, :] += term
    one_body = problem.one_body.transpose(1, 0, 2).reshape(size)
    return one_body, v.reshape(size, size, size, size)


def frequencies(problem, density_matrix):
    """All positive frequencies of the random-phase approximation with exchange, and of Tamm-Dancoff (B = 0)."""
    one_body, v = integrals(problem)
    size, n_k = len(one_body), problem.grid.n_points
    density = np.zeros((n_k, size // n_k, n_k, size // n_k), dtype=complex)
    for k in range(n_k):
        density[k, :, k, :] = density_matrix[k]
    density = density.reshape(size, size)
    fock = np.diag(one_body) + np.einsum("aidj,ji->ad", v, density) - np.einsum("aijd,ji->ad", v, density)
    fock -= problem.zero_exchange * density
    filled_first, u = np.linalg.eigh(fock - 1e4 * density)
    n = round(np.trace(density).real)
    energies = filled_first + 1e4 * (np.arange(size) < n)
    v = np.einsum("abde,ap,bq,dr,es->pqrs", v, u.conj(), u.conj(), u, u, optimize=True)
    h, p = slice(0, n), slice(n, size)
    difference = energies[p][:, None] - energies[h][None, :] - problem.zero_exchange
    # A = (e_p - e_h) + <p h'|h p'> - <p h'|p' h>,  B = <p p'|h h'> - <p p'|h' h>
    a = np.einsum("phHP->pHPh", v[p, h, h, p]) - np.einsum("phPH->pHPh", v[p, h, p, h])
    b = np.einsum("pPhH->phPH", v[p, p, h, h]) - np.einsum("pPHh->phPH", v[p, p, h, h])
    pairs = difference.size
    a, b = a.reshape(pairs, pairs) + np.diag(difference.ravel()), b.reshape(pairs, pairs)
    values = np.linalg.eigvals(np.block([[a, b], [-b.conj(), -a.conj()]]))
    return np.sort(values.real)[pairs:], np.linalg.eigvalsh(a)


def one_flip_levels(problem):
    """Exact levels with one carrier of flavour 1 over a full band of flavour 0 less one carrier, and the full one's.

    One band per flavour. Matrix elements are formed by moving bits of Fock states.
    """
    one_body, v = integrals(problem)
    size = len(one_body)
    first = [orbital for orbital in range(size) if orbital % 2 == 0]
    full = sum(1 << orbital for orbital in first)
    words = [full ^ (1 << hole) | (1 << other) for hole in first for other in range(1, size, 2)]
    terms = [(a, b, d, e, v[a, b, d, e]) for a, b, d, e in np.argwhere(np.abs(v) > 1e-14)]

    def annihilate(word, orbital, sign):
        if not word >> orbital & 1:
            return 0, 0
        return word ^ (1 << orbital), sign * (-1) ** (word & ((1 << orbital) - 1)).bit_count()

    def create(word, orbital, sign):
        if word >> orbital & 1:
            return 0, 0
        return word | (1 << orbital), sign * (-1) ** (word & ((1 << orbital) - 1)).bit_count()

    def apply(word):
        out = {word: sum(one_body[i] for i in range(size) if word >> i & 1)}
        for a, b, d, e, value in terms:
            moved, sign = word, 1
            for step, orbital in ((annihilate, d), (annihilate, e), (create, b), (create, a)):
                moved, sign = step(moved, int(orbital), sign)
                if not sign:
                    break
            if sign:
                out[moved] = out.get(moved, 0) + 0.5 * sign * value
        return out

    matrix = np.zeros((len(words), len(words)), dtype=complex)
    index = {word: i for i, word in enumerate(words)}
    for column, word in enumerate(words):
        for moved, value in apply(word).items():
            matrix[index[moved], column] += value
    return np.linalg.eigvalsh(matrix), apply(full)[full].real
