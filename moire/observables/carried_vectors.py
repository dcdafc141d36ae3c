"""Vectors of a sector carried to the bands of another problem on the same cluster."""

from __future__ import annotations

import numpy as np

from moire._arrays import ComplexArray
from moire._types import checked
from moire.bands import BandStructure
from moire.exact_diagonalization import MomentumSector
from moire.kernels import band_rotation, relabel
from moire.observables.boundary_phase import orbital_overlaps
from moire.projection import Carrier


@checked
def carried_vectors(
    vectors: ComplexArray,
    basis: MomentumSector,
    missing: bool,
    source: BandStructure,
    target: BandStructure,
    carrier: Carrier,
) -> ComplexArray:
    """Vectors (vector, dim) of a sector in the bands `source`, rewritten in the bands `target`.

    Each orbital goes over by its overlaps with the bands at the same label, so that the phases of the Bloch states drop
    out; what lies outside the bands kept is lost. They start the solution of a problem at other boundary phases, or at
    another angle, field or dielectric constant.

    Parameters
    ----------
    vectors
        Of the species that was diagonalized.
    basis
        The sector.
    missing
        Whether this species is the missing carriers.
    source, target
        Bands on one cluster, in the same plane waves.
    carrier
        ``"hole"`` or ``"electron"``.
    """
    factors = orbital_overlaps(target, source)
    return in_bands(vectors, basis, missing, factors.conj() if carrier == "hole" else factors)


def in_bands(vectors: ComplexArray, basis: MomentumSector, missing: bool, factors: ComplexArray) -> ComplexArray:
    """Vectors (vector, dim) rewritten in bands that have overlaps `factors` (flavour, k, m, n) with theirs."""
    orbitals = basis.orbitals
    if orbitals.n_bands == 1:
        weights = np.empty(basis.dimension, dtype=np.complex128)
        bit = 0 if missing else 1
        relabel.occupied_products(basis.states, orbitals.flat(factors[..., 0]), bit, weights)
        return weights * vectors
    one, bands = np.uint64(1), np.arange(orbitals.n_bands)
    current = np.array(vectors, dtype=np.complex128)  # a copy, as both arrays are overwritten alternately
    moved = np.empty_like(current)
    for flavour, k in np.ndindex(factors.shape[:2]):
        bits = one << np.asarray(orbitals.index(flavour, bands, k)).astype(np.uint64)
        band_rotation.rotate_bands(
            *(basis.states, bits, _minors(factors[flavour, k])),
            *(basis.n_low, basis.low_rank, basis.high_offset, current, moved),
        )
        current, moved = moved, current
    return current


def _minors(matrix: ComplexArray) -> ComplexArray:
    """Determinants of M_AB for all subsets A and B of equal size, (subset, subset); bit m of a subset is band m."""
    n_bands = len(matrix)
    subsets = [[band for band in range(n_bands) if subset >> band & 1] for subset in range(1 << n_bands)]
    minors = np.zeros((len(subsets),) * 2, dtype=np.complex128)
    for i, j in np.ndindex(minors.shape):
        if len(subsets[i]) == len(subsets[j]):
            minors[i, j] = np.linalg.det(matrix[np.ix_(subsets[i], subsets[j])])
    return minors
