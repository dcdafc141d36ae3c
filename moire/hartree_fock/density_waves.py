"""Operators in layers and plane waves, between the orbitals of the mean field."""

from __future__ import annotations

import itertools

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding
from moire.projection import ProjectedHamiltonian


def layer_projectors(problem: ProjectedHamiltonian, folding: Folding | None = None) -> ComplexArray:
    """Projector onto each layer between the orbitals at equal momentum, (layer, r, orbital, orbital).

    Between the valleys it is the operator that flips the valley at the boost Q of the second one (zero
    by default), sum_G c^+_{K,k+G} c_{K',k+Q+G}: an in-plane moment of the layer.
    """
    orbitals = FoldedOrbitals.of(problem, folding)
    return np.stack([density_wave(problem, orbitals.folding, np.zeros(2), weights) for weights in np.eye(2)])


def density_wave(problem: ProjectedHamiltonian, folding: Folding, q: FloatArray, weights: FloatArray) -> ComplexArray:
    """Matrix of exp(i q.r) with weights of the layers, between all flavours, (r, orbital, orbital).

    q, in units of b_1, b_2, must be a wave vector of the enlarged cell plus a reciprocal vector. For holes it is the
    conjugate: the operator of a Hermitian potential is then its transpose.
    """
    bands, index = problem.bands, folding.index
    orbitals = FoldedOrbitals.of(problem, folding)
    n_f, n_a, _ = orbitals.blocks
    in_waves = problem.basis == "plane waves"  # each orbital is one component
    matrix = orbitals.split(np.zeros(orbitals.shape, dtype=np.complex128))
    for a, b in itertools.product(range(n_a), repeat=2):
        umklapp = folding.vectors[a] - folding.vectors[b] - q
        if np.abs(umklapp - np.round(umklapp)).max() > 1e-9:
            continue
        for f, g in itertools.product(range(n_f), repeat=2):
            # both states are given at momenta of the grid: only the second one is shifted, by the difference
            relative = np.round(umklapp).astype(np.int64) + folding.umklapps[g, :, b] - folding.umklapps[f, :, a]
            left, right = bands.states[f, index[f, :, a]], bands.states[g, index[g, :, b]]
            for shift in np.unique(relative, axis=0):
                here = (relative == shift).all(axis=1)
                moved = bands.models[g].sew(right[here], shift) * np.asarray(weights)[:, None]
                columns = moved.reshape(*moved.shape[:2], -1).swapaxes(1, 2)
                rows = left[here].reshape(columns.shape[0], -1, columns.shape[1])
                matrix[here, f, a, :, g, b] = columns if in_waves else rows.conj() @ columns
    flat = orbitals.join(matrix)
    return np.asarray(flat.conj() if problem.carrier == "hole" else flat)
