"""The self-energy of a density matrix in plane waves, at any momentum."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.bloch import PlaneWaves
from moire.hartree_fock.convolution import waves_of
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class PlaneWaveField:
    """Sums over a density matrix P(k') in plane waves, of the waves k + G at any k.

    Components are (flavour, layer), flavour slow; those of the Hermitian P with first <= second are kept.

    Parameters
    ----------
    basis
        The waves of each layer.
    n_flavours
        Number of flavours.
    blocks
        P between two components, (k', G G').
    """

    basis: PlaneWaves
    n_flavours: int
    blocks: dict[tuple[int, int], ComplexArray] = field(repr=False)

    @classmethod
    def of(cls, problem: ProjectedHamiltonian, density: ComplexArray) -> PlaneWaveField:
        """Field of a density matrix (k, flavour, wave, flavour, wave) of a problem in plane waves."""
        basis, n_components = waves_of(problem), 2 * problem.bands.n_flavours
        parts = density.reshape(len(density), n_components, basis.size, n_components, basis.size)
        pairs = itertools.combinations_with_replacement(range(n_components), 2)
        blocks = {(a, b): parts[:, a, :, b] for a, b in pairs}
        kept = {pair: np.ascontiguousarray(part).reshape(len(part), -1) for pair, part in blocks.items() if part.any()}
        return cls(basis, problem.bands.n_flavours, kept)

    def exchange(self, weights: FloatArray, umklapps: IntArray) -> ComplexArray:
        """sum_k'U V_ab(k', U) P_ab(k'; G + U, G' + U), positive, (flavour layer G, flavour layer G').

        Parameters
        ----------
        weights
            V_ll'(k' + U - k)/A in meV, zero beyond the cutoff, (layer, layer, U, k').
        umklapps
            U in units of b_1, b_2, (U, 2).
        """
        n_c, n_g = 2 * self.n_flavours, self.basis.size
        matrix = np.zeros((n_c, n_g, n_c, n_g), dtype=np.complex128)
        shifts = self.basis.shift(umklapps)
        for (a, b), block in self.blocks.items():
            summed = (weights[a % 2, b % 2] @ block.view(np.float64)).view(np.complex128).reshape(-1, n_g, n_g)
            part = np.zeros((n_g, n_g), dtype=np.complex128)
            for shift, each in zip(shifts, summed, strict=True):
                here = np.flatnonzero(shift >= 0)  # waves shifted out of the disk have no partner
                there = shift[here]
                part[np.ix_(here, here)] += each[np.ix_(there, there)]
            matrix[a, :, b] = part
            if a != b:
                matrix[b, :, a] = part.conj().T
        return matrix.reshape(n_c * n_g, n_c * n_g)

    def density(self, reciprocal: IntArray) -> ComplexArray:
        """rho_l(G) = sum_k'G' P_ll(k'; G' + G, G') over all flavours, (G, layer); G in units of b_1, b_2, (G, 2)."""
        shifts = self.basis.shift(reciprocal)
        rho = np.zeros((len(reciprocal), 2), dtype=np.complex128)
        for (a, b), block in self.blocks.items():
            if a == b:
                total = block.sum(axis=0).reshape(self.basis.size, -1)
                for number, shift in enumerate(shifts):
                    here = np.flatnonzero(shift >= 0)
                    rho[number, a % 2] += total[shift[here], here].sum()
        return rho

    def local(self, potential: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """Matrix of a potential U_l(G) in meV, (G, layer), between the waves, (flavour layer G, flavour layer G')."""
        n_c, n_g = 2 * self.n_flavours, self.basis.size
        matrix = np.zeros((n_c, n_g, n_c, n_g), dtype=np.complex128)
        for values, shift in zip(potential, self.basis.shift(reciprocal), strict=True):
            here = np.flatnonzero(shift >= 0)
            for component in range(n_c):
                matrix[component, here, component, shift[here]] = values[component % 2]
        return matrix.reshape(n_c * n_g, n_c * n_g)
