"""The energy to second order in rotations of filled into empty orbitals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import lobpcg

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.hartree_fock.mean_field import MeanField
from moire.linalg.hermitian import all_eigenpairs

_SOFT_MEV = 5.0  # smallest denominator of the preconditioner
_RESIDUAL_MEV = 5e-3  # of the softest direction: its curvature is then accurate to 1e-5
_BLOCK, _MOST_STEPS = 2, 200  # directions searched together: soft ones come in pairs by symmetry
_DENSE = 10  # directions up to which all are found at once


@dataclass(frozen=True, eq=False)
class Tangent:
    """Energy to second order in rotations X(k) of filled into empty orbitals at fixed occupation of each k.

    P = C exp(K) n exp(-K) C^+ with K = X - X^+ changes the energy by Re<g|X> + <X|H X>/2, where
    g = 2 F_vo and H X = 2 (F_vv X - X F_oo + [Self-energy of (X + X^+)]_vo). Products are Re sum X^* Y.

    Parameters
    ----------
    mean_field
        The functional.
    density_matrix, fock
        A projector at each k and its Fock matrix.
    n_sectors
        Number of equal diagonal blocks that do not rotate into each other (flavours that stay unmixed).
    orbitals, filled, energies
        Orbitals as columns, (k, orbital, state), their occupation, and <F> of each in meV, (k, state).
    """

    mean_field: MeanField
    density_matrix: ComplexArray = field(repr=False)
    fock: ComplexArray = field(repr=False)
    n_sectors: int = 1
    orbitals: ComplexArray = field(init=False, repr=False)
    filled: NDArray[np.bool_] = field(init=False, repr=False)
    energies: FloatArray = field(init=False, repr=False)
    mask: NDArray[np.bool_] = field(init=False, repr=False)
    differences: FloatArray = field(init=False, repr=False)
    _columns: IntArray = field(init=False, repr=False)  # states filled at some momentum: X vanishes in all others

    def __post_init__(self) -> None:
        # one diagonalization separates filled from empty and diagonalizes F within each: P commutes with P F P + Q F Q
        identity = np.eye(self.fock.shape[1])
        empty = identity - self.density_matrix
        inner = self.density_matrix @ self.fock @ self.density_matrix + empty @ self.fock @ empty
        shift = 4 * float(np.abs(inner).sum(axis=2).max()) + 1.0
        n_k, dimension, _ = self.fock.shape
        size = dimension // self.n_sectors
        values = np.empty((n_k, dimension))
        orbitals = np.zeros_like(self.fock)
        for start in range(0, dimension, size):
            part = slice(start, start + size)
            sorted_ = (inner - shift * self.density_matrix)[:, part, part]
            values[:, part], orbitals[:, part, part] = all_eigenpairs((sorted_ + sorted_.conj().swapaxes(1, 2)) / 2)
        filled = values < -shift / 2
        energies = values + shift * filled
        mask = ~filled[:, :, None] & filled[:, None, :]
        sector = np.arange(dimension) // size
        mask &= sector[:, None] == sector[None, :]
        object.__setattr__(self, "orbitals", orbitals)
        object.__setattr__(self, "filled", filled)
        object.__setattr__(self, "energies", energies)
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "_columns", np.flatnonzero(filled.any(axis=0)))
        object.__setattr__(self, "differences", (energies[:, :, None] - energies[:, None, :])[mask])

    def _to_orbitals(self, matrix: ComplexArray) -> ComplexArray:
        inner = self.orbitals.conj().swapaxes(1, 2) @ (matrix @ self.orbitals[:, :, self._columns])
        return np.asarray(inner[self.mask[:, :, self._columns]])

    def _matrix(self, x: ComplexArray) -> ComplexArray:
        """X between all orbitals and those filled somewhere, (k, state, column)."""
        mask = self.mask[:, :, self._columns]
        matrix = np.zeros(mask.shape, dtype=np.complex128)
        matrix[mask] = x
        return matrix

    @property
    def edges(self) -> tuple[float, float]:
        """Energies in meV of the highest filled and of the lowest empty orbital; infinite where there is none."""
        top = self.energies[self.filled].max(initial=-np.inf)
        return float(top), float(self.energies[~self.filled].min(initial=np.inf))

    @property
    def gradient(self) -> ComplexArray:
        """The gradient 2 F_vo in meV, flat."""
        return 2 * self._to_orbitals(self.fock)

    def hessian(self, x: ComplexArray) -> ComplexArray:
        """H X in meV: one build of the mean field."""
        change = (self.orbitals @ self._matrix(x)) @ self.orbitals[:, :, self._columns].conj().swapaxes(1, 2)
        response = self._to_orbitals(self.mean_field.interaction(change + change.conj().swapaxes(1, 2)))
        return np.asarray(2 * (self.differences * x + response))

    def change(self, x: ComplexArray) -> ComplexArray:
        """P' - P of the rotated orbitals, (k, orbital, orbital).

        It is formed from exp(K) - 1 and not as a difference of projectors, and thus keeps its full relative
        precision when X is small: energy differences down to 1e-24 of the energy are still meaningful.
        """
        full = np.zeros_like(self.fock)
        full[:, :, self._columns] = self._matrix(x)
        values, vectors = all_eigenpairs(1j * (full - full.conj().swapaxes(1, 2)))
        turn = (vectors * np.expm1(-1j * values)[:, None, :]) @ vectors.conj().swapaxes(1, 2)
        moved = turn * self.filled[:, None, :]
        inner = moved + moved.conj().swapaxes(1, 2) + moved @ moved.conj().swapaxes(1, 2)
        return np.asarray(self.orbitals @ inner @ self.orbitals.conj().swapaxes(1, 2))

    def softest(self, seed: int) -> tuple[float, ComplexArray]:
        """Lowest eigenvalue of H in meV, and its eigenvector X of unit norm.

        It is negative at a saddle, zero along a broken continuous symmetry, and infinite without anything to rotate.
        """
        size = int(self.mask.sum())
        if not size:
            return np.inf, np.zeros(0, dtype=np.complex128)
        stiffness = 2 * np.maximum(np.tile(self.differences, 2), _SOFT_MEV)[:, None]

        def apply(columns: FloatArray) -> FloatArray:
            products = [self.hessian(pair[:size] + 1j * pair[size:]) for pair in columns.T]
            return np.stack([np.concatenate([product.real, product.imag]) for product in products], axis=1)

        if size <= _DENSE:
            values, vectors = np.linalg.eigh(apply(np.eye(2 * size)))
        else:
            start = np.random.default_rng(seed).standard_normal((2 * size, _BLOCK)) / stiffness
            how = {"M": lambda columns: columns / stiffness, "tol": _RESIDUAL_MEV, "maxiter": _MOST_STEPS}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of a residual near the tolerance; values are bounds
                values, vectors = lobpcg(apply, start, largest=False, **how)
        return float(values[0]), vectors[:size, 0] + 1j * vectors[size:, 0]
