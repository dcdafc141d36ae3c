"""Fermions as sparse Jordan-Wigner matrices on 2^n states, and many-body Hamiltonians written out term by term."""

import itertools
from functools import reduce

import numpy as np
from scipy import sparse


def annihilators(n_orbitals):
    """c_k for k = 0..n-1; bit k of the row index is the occupation of orbital k."""
    lower = sparse.csr_array(np.array([[0.0, 1.0], [0.0, 0.0]], dtype=complex))
    parity = sparse.csr_array(np.diag([1.0 + 0j, -1.0]))
    one = sparse.eye_array(2, dtype=complex, format="csr")
    operators = []
    for k in range(n_orbitals):
        # Orbital 0 is the least significant bit, the last factor of the Kronecker product.
        factors = [one] * (n_orbitals - 1 - k) + [lower] + [parity] * k
        operators.append(reduce(lambda a, b: sparse.kron(a, b, format="csr"), factors))
    return operators


def from_elements(one_body, elements, difference, total):
    """Sum e_k n_k + 1/2 sum W[k1, k2, d] c^+_k1 c^+_k2 c_{k2-d} c_{k1+d}, with the tables of the momentum group."""
    c = annihilators(len(one_body))
    dagger = [operator.conj().T.tocsr() for operator in c]
    h = sum(e * (dagger[k] @ c[k]) for k, e in enumerate(one_body))
    for k1, k2, d in itertools.product(range(len(c)), repeat=3):
        if elements[k1, k2, d] != 0 and k1 != k2 and difference[k2, d] != total[k1, d]:
            pair = c[difference[k2, d]] @ c[total[k1, d]]
            h = h + 0.5 * elements[k1, k2, d] * (dagger[k1] @ dagger[k2] @ pair)
    return h.tocsr()


def from_form_factors(problem):
    """Sum e n + 1/2 sum_q V_ll'(q)/A : rho_l(q) rho_l'(-q) :, density by density, contractions removed.

    rho_l(q) = sum lambda^l_q(k)_mn c^+_mk c_n,k+q over flavours and bands. No table of the two-body elements is used.
    """
    grid, form, orbitals = problem.grid, problem.form_factors, problem.orbitals
    transfers = form.transfers
    c = annihilators(orbitals.size)
    dagger = [operator.conj().T.tocsr() for operator in c]
    h = sum(
        problem.one_body[orbitals.flavour[i], orbitals.momentum[i], orbitals.band[i]] * (dagger[i] @ c[i])
        for i in range(orbitals.size)
    )

    def vertex(q, layer):
        """<i| rho_l(q) |j>, (orbital, orbital)."""
        moved = grid.sum_index[:, transfers.group_index[q]]
        matrix = np.zeros((orbitals.size,) * 2, dtype=complex)
        for flavour, k, m, n in np.ndindex(orbitals.n_flavours, grid.n_points, orbitals.n_bands, orbitals.n_bands):
            row, column = orbitals.index(flavour, m, k), orbitals.index(flavour, n, moved[k])
            matrix[row, column] = form.values[flavour, q, k, m, n, layer]
        return matrix

    def operator(matrix):
        return sum(matrix[i, j] * (dagger[i] @ c[j]) for i, j in np.argwhere(matrix))

    for q in range(transfers.size):
        minus = next(i for i in range(transfers.size) if np.allclose(transfers.vectors[i], -transfers.vectors[q]))
        for a, b in itertools.product((0, 1), repeat=2):
            v = problem.coulomb[q, a, b]
            if v == 0:
                continue
            # rho(q) rho(-q) = : rho rho : + sum c^+_i (vertex vertex)_ij c_j
            first, second = vertex(q, a), vertex(minus, b)
            h = h + 0.5 * v * (operator(first) @ operator(second) - operator(first @ second))
    return h.tocsr()


def from_pairs(pair_hamiltonian):
    """Constant + sum e_k n_k + sum A^Q_ab P^+_a P_b with P_p = c_p1 c_p2, written out."""
    pairs = pair_hamiltonian.pairs
    orbitals = pairs.orbitals
    c = annihilators(orbitals.size)
    h = pair_hamiltonian.constant * sparse.eye_array(2 ** len(c), dtype=complex, format="csr")
    for (flavour, k, m, n), element in np.ndenumerate(pair_hamiltonian.one_body):
        h = h + element * (c[orbitals.index(flavour, m, k)].conj().T @ c[orbitals.index(flavour, n, k)])
    annihilate = [c[p1] @ c[p2] for p1, p2 in pairs.members]
    for a in range(len(annihilate)):
        for b in range(pairs.range[a, 0], pairs.range[a, 1]):
            value = pair_hamiltonian.blocks[pairs.block_start[a] + b - pairs.range[a, 0]]
            h = h + value * (annihilate[a].conj().T @ annihilate[b])
    return h.tocsr()


def sector_states(grid, n_particles):
    """Occupation words of every total momentum, by listing all subsets: {momentum index: sorted words}."""
    words = {k: [] for k in range(grid.n_points)}
    for subset in itertools.combinations(range(grid.n_points), n_particles):
        label = tuple(grid.labels[list(subset)].sum(axis=0) % np.array(grid.moduli))
        words[grid.index_of(label)].append(sum(1 << k for k in subset))
    return {k: np.array(sorted(states), dtype=np.int64) for k, states in words.items()}
