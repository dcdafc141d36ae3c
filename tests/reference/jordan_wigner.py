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
    """Sum e_k n_k + 1/2 sum_q V_ll'(q)/A : rho_l(q) rho_l'(-q) :, density by density, contractions removed.

    rho_l(q) = sum_k lambda^l_q(k) c^+_k c_{k+q}. No table of the two-body elements is used.
    """
    grid, form = problem.grid, problem.form_factors
    transfers = form.transfers
    c = annihilators(grid.n_points)
    dagger = [operator.conj().T.tocsr() for operator in c]
    h = sum(e * (dagger[k] @ c[k]) for k, e in enumerate(problem.one_body[0, :, 0]))

    def density(q, layer):
        moved = grid.sum_index[:, transfers.group_index[q]]
        return sum(form.values[0, q, k, 0, 0, layer] * (dagger[k] @ c[moved[k]]) for k in range(grid.n_points))

    for q in range(transfers.size):
        group = transfers.group_index[q]
        minus = next(i for i in range(transfers.size) if np.allclose(transfers.vectors[i], -transfers.vectors[q]))
        for a, b in itertools.product((0, 1), repeat=2):
            v = problem.coulomb[q, a, b]
            if v == 0:
                continue
            # rho(q) rho(-q) = : rho rho : + sum_k lambda_q(k) lambda_-q(k+q) c^+_k c_k
            h = h + 0.5 * v * (density(q, a) @ density(minus, b))
            for k in range(grid.n_points):
                back = grid.sum_index[k, group]
                contraction = form.values[0, q, k, 0, 0, a] * form.values[0, minus, back, 0, 0, b]
                h = h - 0.5 * v * contraction * (dagger[k] @ c[k])
    return h.tocsr()


def from_pairs(pair_hamiltonian):
    """Constant + sum e_k n_k + sum A^Q_ab P^+_a P_b with P_p = c_p1 c_p2, written out."""
    pairs = pair_hamiltonian.pairs
    c = annihilators(pairs.grid.n_points)
    h = pair_hamiltonian.constant * sparse.eye_array(2 ** len(c), dtype=complex, format="csr")
    for k, e in enumerate(pair_hamiltonian.one_body):
        h = h + e * (c[k].conj().T @ c[k])
    annihilate = [c[p1] @ c[p2] for p1, p2 in pairs.orbitals]
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
