"""The two-body density matrix of the carriers in a manifold, as a table over the momentum group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.exact_diagonalization import MomentumSector, Spectrum
from moire.observables.manifold_states import State
from moire.observables.reduced_density import density_blocks
from moire.resources import reserve


def one_body_density(spectrum: Spectrum, states: Sequence[State]) -> FloatArray:
    """n(k) of the carriers, averaged over the states, (k,)."""
    occupation = np.array([block[0, 0].real for block in density_blocks(spectrum, states, 1)])
    return read_only(1 - occupation if spectrum.transformed else occupation)


def two_body_density(spectrum: Spectrum, states: Sequence[State], occupation: FloatArray) -> ComplexArray:
    """Gamma[k1, k2, d] = <c^+_k1 c^+_k2 c_{k2-d} c_{k1+d}> of the carriers, averaged over the states.

    With missing carriers d^+ = c, pairs a' = (k1, k2) and a = (k1+d, k2-d),
    <P^+_a' P_a> = <R^+_a R_a'> + delta_aa' (1 - n^d_a1 - n^d_a2), see the theory of the particle-hole transformation.

    Parameters
    ----------
    spectrum, states
        A spectrum with vectors and the states averaged over.
    occupation
        n(k) of the carriers.

    Raises
    ------
    MemoryRefusedError
        If the table does not fit.
    """
    grid = spectrum.grid
    size = grid.n_points
    reserve(f"Two-body density matrix on {grid.name}", 16.0 * size**3, "a smaller cluster would fit")
    gamma = np.zeros((size, size, size), dtype=np.complex128)
    for momentum, block in enumerate(density_blocks(spectrum, states, 2)):
        first, second = _orbitals(MomentumSector(spectrum.species.orbitals, (2,), momentum).states)
        pairs = block.T  # rows a', columns a
        if spectrum.transformed:
            pairs = block + np.diag(occupation[first] + occupation[second] - 1)
        for bra, other_bra, bra_sign in ((first, second, 1), (second, first, -1)):
            for ket, ket_sign in ((first, 1), (second, -1)):
                transfer = grid.difference_index[ket[None], bra[:, None]]
                gamma[bra[:, None], other_bra[:, None], transfer] = bra_sign * ket_sign * pairs
    return read_only(gamma)


def _orbitals(words: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> tuple[IntArray, IntArray]:
    """Lower and upper orbital of words with two bits, (pair,) each."""
    bits = (words[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    occupied = np.nonzero(bits)[1].reshape(-1, 2)
    return occupied[:, 0], occupied[:, 1]
