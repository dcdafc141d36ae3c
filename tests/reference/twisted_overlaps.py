"""Overlap of two many-body states at different boundary phases, from antisymmetrised products of plane waves."""

import itertools

import numpy as np


def determinant_overlap(bands, other, left, right, hole):
    """<Psi|Psi'> = sum_IJ conj(psi_I) psi'_J det <phi_k|phi'_k'>, k in I, k' in J, without using any selection rule.

    The orbitals, with the phase of the twist divided out, are plane waves of the cluster: label k and G stand for
    the wave vector k + G of the untwisted cluster, so that two of them overlap where flavour, layer, k and G are equal.
    Orbitals have the order (band, flavour, k), k fastest.

    Parameters
    ----------
    bands, other : bands at the two phases
    left, right : dict, occupation word -> amplitude of the carriers
    hole : whether the carriers fill conj(u)
    """
    tables = []
    for structure in (bands, other):
        states = structure.states
        n_f, n_k, n_b = states.shape[:3]
        waves = np.zeros((n_b, n_f, n_k, n_f, n_k, states[0, 0, 0].size), dtype=complex)
        for f, k, n in np.ndindex(n_f, n_k, n_b):
            waves[n, f, k, f, k] = (states[f, k, n].conj() if hole else states[f, k, n]).ravel()
        tables.append(waves.reshape(n_b * n_f * n_k, -1))
    single = tables[0].conj() @ tables[1].T
    total = 0j
    for (word, a), (image, b) in itertools.product(left.items(), right.items()):
        rows = [k for k in range(len(single)) if word >> k & 1]
        columns = [k for k in range(len(single)) if image >> k & 1]
        total += np.conj(a) * b * np.linalg.det(single[np.ix_(rows, columns)])
    return total
