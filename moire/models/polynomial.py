"""Plane models: Hamiltonians that are polynomials of the momentum, measured from the corner of a valley."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked


@checked
class PolynomialModel(Shown, ABC):
    """A model H(k) = sum_ab k_x^a k_y^b M_ab of one valley, on the whole momentum plane.

    A subclass states the matrices; the Hamiltonian, its exact derivative and the substitution
    k_x -> -i d/dx at a domain wall all follow from them.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the model, in one line."""

    @property
    @abstractmethod
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, orbital) of one state."""

    @cached_property
    @abstractmethod
    def terms(self) -> Mapping[tuple[int, int], ComplexArray]:
        """Matrices M_ab in meV nm^(a+b), Hermitian, keyed by the powers (a, b) of k_x and k_y."""

    @cached_property
    @abstractmethod
    def mass_term(self) -> ComplexArray:
        """The part of M_00 in meV that opens the gap: a domain wall reverses its sign; (dim, dim)."""

    @property
    def top_band_first(self) -> bool:
        """False: band 0 is the lowest band."""
        return False

    @property
    def degree(self) -> int:
        """Degree of H(k) as a polynomial."""
        return max(a + b for a, b in self.terms)

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum in 1/nm, shape (dim, dim)."""
        kx, ky = (float(component) for component in k)
        matrix = np.zeros(self.mass_term.shape, dtype=complex)
        for (a, b), term in self.terms.items():
            matrix += kx**a * ky**b * term
        return matrix

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk in meV nm, shape (2, dim, dim)."""
        kx, ky = (float(component) for component in k)
        slopes = np.zeros((2, *self.mass_term.shape), dtype=complex)
        for (a, b), term in self.terms.items():
            if a:
                slopes[0] += a * kx ** (a - 1) * ky**b * term
            if b:
                slopes[1] += b * kx**a * ky ** (b - 1) * term
        return slopes
