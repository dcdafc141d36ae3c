"""The one- and two-body density matrices of the carriers in a manifold, as tables over the momentum group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moire._arrays import ComplexArray, IntArray, read_only
from moire.exact_diagonalization import Spectrum
from moire.observables.manifold_states import State
from moire.observables.reduced_density import density_blocks, kept_numbers
from moire.resources import reserve


def one_body_density(spectrum: Spectrum, states: Sequence[State]) -> ComplexArray:
    """<c^+_nk c_mk> of the carriers, averaged over the states, (flavour, k, m, n).

    For missing carriers d^+ = c it is delta_mn - <d^+_mk d_nk>.
    """
    orbitals = spectrum.species.orbitals
    density = np.empty((orbitals.n_flavours, spectrum.grid.n_points, *(orbitals.n_bands,) * 2), dtype=np.complex128)
    for block in density_blocks(spectrum, states, 1):
        density[block.numbers.index(1), block.momentum] = block.matrix
    if spectrum.transformed:
        density = np.eye(orbitals.n_bands) - density.swapaxes(2, 3)
    return read_only(density)


def two_body_density(spectrum: Spectrum, states: Sequence[State], density: ComplexArray) -> ComplexArray:
    """Gamma = <c^+_{f m k1} c^+_{f' n k2} c_{f' n' k2-d} c_{f m' k1+d}> of the carriers, averaged over the states.

    It has the axes of the elements W of :meth:`ProjectedHamiltonian.two_body_elements`: the interaction energy is
    1/2 sum W Gamma. For missing carriers d^+ = c of one band, pairs a' = (1, 2) of the creators and a = (4, 3) of the
    annihilators, <P^+_a' P_a> = <R^+_a R_a'> + delta_aa' (1 - n^d_a1 - n^d_a2), see the theory of the particle-hole
    transformation.

    Parameters
    ----------
    spectrum, states
        A spectrum with vectors and the states averaged over.
    density
        The result of :func:`one_body_density`.

    Returns
    -------
    gamma : (flavour f, k1, m, m', flavour f', k2, n, n', d)

    Raises
    ------
    MemoryRefusedError
        If the table does not fit.
    """
    orbitals, grid = spectrum.species.orbitals, spectrum.grid
    vertex = (orbitals.n_flavours, grid.n_points, orbitals.n_bands, orbitals.n_bands)
    fewer = "a smaller cluster" if orbitals.n_bands == 1 else "fewer bands or a smaller cluster"
    reserve(
        f"Two-body density matrix on {orbitals}",
        16.0 * float(np.prod(vertex)) ** 2 * grid.n_points,
        f"{fewer} would fit",
    )
    occupation = orbitals.flat(np.einsum("fkmm->fkm", density).real)
    flavour, momentum, band = orbitals.flavour, orbitals.momentum, orbitals.band
    gamma = np.zeros((*vertex, *vertex, grid.n_points), dtype=np.complex128)
    for block in density_blocks(spectrum, states, 2, kept_numbers(spectrum, 2)):
        first, second = _orbitals(block.states)
        pairs = block.matrix.T  # rows a', columns a
        if spectrum.transformed:
            pairs = block.matrix + np.diag(occupation[first] + occupation[second] - 1)
        for bra, other_bra, bra_sign in ((first, second, 1), (second, first, -1)):
            for ket, other_ket, ket_sign in ((first, second, 1), (second, first, -1)):
                rows, columns = np.nonzero(flavour[bra][:, None] == flavour[ket][None])
                one, four, two, three = bra[rows], ket[columns], other_bra[rows], other_ket[columns]
                upper = (flavour[one], momentum[one], band[one], band[four])
                lower = (flavour[two], momentum[two], band[two], band[three])
                transfer = grid.difference_index[momentum[four], momentum[one]]
                gamma[(*upper, *lower, transfer)] = bra_sign * ket_sign * pairs[rows, columns]
    return read_only(gamma)


def _orbitals(words: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> tuple[IntArray, IntArray]:
    """Lower and upper orbital of words with two bits, (pair,) each."""
    bits = (words[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    occupied = np.nonzero(bits)[1].reshape(-1, 2)
    return occupied[:, 0], occupied[:, 1]
