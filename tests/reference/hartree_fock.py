"""Loop-level mean field, from the definition: every sum written out, nothing precomputed."""

import itertools

import numpy as np


def mean_field(problem, density_matrix):
    """Hartree and Fock self-energies (k, orbital, orbital) by loops over k, q, layers and bands.

    The bare overlaps are taken from the plane-wave coefficients, not from the package's form factors, and the
    q = 0 rule from its name and V(q), not from the projected interaction.
    """
    bands, grid = problem.bands, problem.grid
    n_f, n_k, n_b = bands.energies.shape
    lattice = grid.lattice
    area = problem.area_nm2
    sign = -1 if problem.carrier == "hole" else 1
    reach = int(2 * problem.q_cutoff) + 2
    density = density_matrix.reshape(n_k, n_f, n_b, n_f, n_b)
    hartree = np.zeros_like(density)
    fock = np.zeros_like(density)
    offset = np.linalg.solve(grid.matrix.astype(float), np.array(grid.boundary_phase))
    fractional = grid.points @ np.linalg.inv(lattice.reciprocal) - offset

    def overlaps(f, k, k2, umklapp):  # <u_m(k)|u_n(k2 + umklapp)>_l
        moved = bands.models[f].sew(bands.states[f, k2], np.array(umklapp))
        value = np.einsum("mlg,nlg->lmn", bands.states[f, k].conj(), moved)
        return value.conj() if sign < 0 else value

    densities = {}
    for umklapp in itertools.product(range(-reach, reach + 1), repeat=2):
        q = np.array(umklapp) @ lattice.reciprocal
        if np.linalg.norm(q) <= problem.q_cutoff * lattice.reciprocal_length * (1 + 1e-9):
            rho = np.zeros(2, complex)
            for f in range(n_f):
                for k in range(n_k):
                    rho += np.einsum("lmn,nm->l", overlaps(f, k, k, umklapp), density[k, f, :, f, :])
            densities[umklapp] = rho
    for umklapp in densities:
        opposite = densities[-umklapp[0], -umklapp[1]]
        potential = _coulomb(problem, np.array(umklapp) @ lattice.reciprocal, "hartree") / area
        for f in range(n_f):
            for k in range(n_k):
                hartree[k, f, :, f, :] += np.einsum("a,amn->mn", potential @ opposite, overlaps(f, k, k, umklapp))
    for k, k2 in itertools.product(range(n_k), repeat=2):
        for umklapp in itertools.product(range(-reach, reach + 1), repeat=2):
            q = (fractional[k2] + np.array(umklapp) - fractional[k]) @ lattice.reciprocal
            if np.linalg.norm(q) > problem.q_cutoff * lattice.reciprocal_length * (1 + 1e-9):
                continue
            potential = _coulomb(problem, q, "fock") / area
            form = [overlaps(f, k, k2, umklapp) for f in range(n_f)]
            for f, g, a, b in itertools.product(range(n_f), range(n_f), range(2), range(2)):
                fock[k, f, :, g, :] -= potential[a, b] * form[f][a] @ density[k2, f, :, g, :] @ form[g][b].conj().T
    shape = (n_k, n_f * n_b, n_f * n_b)
    return hartree.reshape(shape), fock.reshape(shape)


def _coulomb(problem, q, part):
    potential = problem.interaction(np.linalg.norm(q) if np.linalg.norm(q) > 1e-12 else 0.0)
    if np.linalg.norm(q) > 1e-12 or problem.zero_momentum == "keep":
        return potential
    if problem.zero_momentum == "drop":
        return np.zeros((2, 2))
    return potential - potential[0, 0] if part == "hartree" else potential
