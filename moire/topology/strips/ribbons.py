"""Ribbons of lattice models: edge modes against the momentum along the ribbon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, is_whole, nearest, require
from moire.models import HoppingModel, Termination
from moire.topology.strips.edges import polynomial_eigenvalues


@checked
@dataclass(frozen=True, eq=False)
class Ribbon(Shown):
    """A lattice model cut to `n_cells` cells across, periodic along the vector p of the edge.

    The momentum q runs along p, the lower edge is on the right of p and the upper edge on the left. With
    the sign A = i <u|d u>, filled bands with Chern number C have -C modes at the
    lower and +C at the upper edge (number along +p minus number along -p): a force along p pumps C
    electrons to the left, and the spectral flow at the edges returns them.

    Parameters
    ----------
    model
        A lattice model.
    edge
        Name of one of its terminations, such as "zigzag" or "armchair".
    n_cells
        Width in unit cells, at least 4.

    Raises
    ------
    InputError
        If the model has no such edge, or the ribbon is too narrow for two edges.
    """

    model: HoppingModel
    edge: str
    n_cells: int

    def __post_init__(self) -> None:
        known = self.model.terminations
        if self.edge not in known:
            raise InputError(f"`edge` must be a termination, but is '{self.edge}'{nearest(self.edge, known)}")
        require(is_whole(self.n_cells) and self.n_cells >= 4, "n_cells", "be an integer of at least 4", self.n_cells)

    @property
    def name(self) -> str:
        """Name of the ribbon, in one line."""
        return f"{self.model.name}, {self.edge} ribbon, {self.n_cells} cells"

    @property
    def side_names(self) -> tuple[str, str]:
        """Lower and upper edge."""
        return "lower edge", "upper edge"

    @property
    def _termination(self) -> Termination:
        return self.model.terminations[self.edge]

    @cached_property
    def _frame(self) -> IntArray:
        """Rows p and q of the lattice, with det(p, q) = 1, in units of a_1, a_2."""
        p = self._termination.period
        reach = range(-max(abs(p[0]), abs(p[1])), max(abs(p[0]), abs(p[1])) + 1)
        options = [(i, j) for i in reach for j in reach if p[0] * j - p[1] * i == 1]
        along = self.model.lattice.primitive.T @ np.array(p)
        stack = min(options, key=lambda q: (abs(along @ (self.model.lattice.primitive.T @ np.array(q))), q))
        return np.array([p, stack])

    @cached_property
    def period_nm(self) -> float:
        """|p|, the period along the ribbon in nm."""
        return float(np.linalg.norm(self._frame[0] @ self.model.lattice.primitive))

    @cached_property
    def heights(self) -> FloatArray:
        """Distance of each orbital from the line through the origin along p, in nm, (dim,); cells slow."""
        p, stack = self._frame @ self.model.lattice.primitive
        normal = np.array([-p[1], p[0]]) / self.period_nm
        home = np.array(self._termination.home_cells) @ self.model.lattice.primitive + self.model.positions
        return read_only((np.arange(self.n_cells)[:, None] * (stack @ normal) + home @ normal).ravel())

    @cached_property
    def windows(self) -> ComplexArray:
        """Projectors on the lower and upper third of the width, (2, dim, dim)."""
        depth = (self.heights - self.heights.min()) / np.ptp(self.heights)
        return read_only(np.stack([np.diag(depth < 1 / 3), np.diag(depth > 2 / 3)]), complex)

    @property
    def resolution(self) -> float:
        """A thousandth of 1/|p|, in 1/nm; bulk states in the gap decay much faster."""
        return 1e-3 / self.period_nm

    @cached_property
    def _blocks(self) -> ComplexArray:
        """H_m of H(q) = sum_m H_m e^{i q m |p|}, m = -r .. r, shape (2 r + 1, dim, dim)."""
        home = np.array(self._termination.home_cells)
        inverse = np.round(np.linalg.inv(self._frame)).astype(np.int64)  # exact: the determinant is 1
        steps = [
            (np.array(bond.cell) + home[bond.to] - home[bond.source]) @ inverse for bond in self.model.hoppings
        ]  # cells along p and across of each bond
        reach = max(abs(int(step[0])) for step in steps)
        n_orbitals = len(home)
        blocks = np.zeros((2 * reach + 1, self.n_cells, n_orbitals, self.n_cells, n_orbitals), dtype=complex)
        for bond, (along, across) in zip(self.model.hoppings, steps, strict=True):
            for n in range(max(0, -across), min(self.n_cells, self.n_cells - across)):
                blocks[reach + along, n, bond.to, n + across, bond.source] += bond.amplitude_mev
        dimension = self.n_cells * n_orbitals
        half = blocks.reshape(-1, dimension, dimension)
        full = half + half[::-1].conj().swapaxes(1, 2)
        full[reach] += np.diag(np.tile(self.model.onsite, self.n_cells))
        return read_only(full)

    def _phases(self, q: float) -> ComplexArray:
        reach = len(self._blocks) // 2
        phases: ComplexArray = np.exp(1j * q * self.period_nm * np.arange(-reach, reach + 1))
        return phases

    def hamiltonian(self, q: float) -> ComplexArray:
        """H(q) in meV, periodic in q with 2 pi/|p|: phases per cell, not per position; (dim, dim)."""
        matrix: ComplexArray = np.tensordot(self._phases(q), self._blocks, axes=1)
        return matrix

    def velocity(self, q: float) -> ComplexArray:
        """dH/dq in meV nm, (dim, dim)."""
        reach = len(self._blocks) // 2
        lengths = 1j * self.period_nm * np.arange(-reach, reach + 1)
        matrix: ComplexArray = np.tensordot(lengths * self._phases(q), self._blocks, axes=1)
        return matrix

    def momenta_at(self, energy_mev: float) -> ComplexArray:
        """Complex q in 1/nm at which some state has this energy: roots z = e^{i q |p|} with Re q in one zone."""
        shifted = self._blocks.copy()
        shifted[len(shifted) // 2] -= energy_mev * np.eye(shifted.shape[1])
        roots = polynomial_eigenvalues(shifted)
        logarithms = np.log(roots[np.abs(roots) > 0])
        at_cut = logarithms.imag < -np.pi + 1e-3  # keep a pair at the zone edge on one side
        return read_only((logarithms / 1j + 2 * np.pi * at_cut) / self.period_nm)
