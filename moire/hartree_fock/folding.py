"""Folding of the zone: enlarged cells, and valleys displaced by a boost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, require
from moire.grids import MomentumGrid, integer_matrix, smith_normal_form
from moire.lattice import TriangularLattice

SQRT3 = ((2, 1), (1, 2))  # A_1 = 2 a_1 + a_2, A_2 = a_1 + 2 a_2: its momenta are 0, Q, -Q
CORNER_DIFFERENCE = np.array([1, -2]) / 3  # Q = kappa_+ - kappa_- in units of b_1, b_2

Supercell = str | ArrayLike
Boost = str | Sequence[int]


@checked
@dataclass(frozen=True)
class SuperLattice(TriangularLattice):
    """Lattice A_i = S_i1 a_1 + S_i2 a_2 of an enlarged cell; it need not be triangular itself.

    Parameters
    ----------
    period_nm
        Period of the lattice it enlarges, in nm.
    cell
        The integer matrix S.
    """

    cell: tuple[tuple[int, int], tuple[int, int]]

    @cached_property
    def reciprocal(self) -> FloatArray:
        """Rows B_1, B_2 in 1/nm, shape (2, 2)."""
        base = TriangularLattice(self.period_nm).reciprocal
        return read_only(np.linalg.inv(np.array(self.cell, dtype=float)).T @ base)


@checked
@dataclass(frozen=True, eq=False)
class Folding(Shown):
    """The orbitals (flavour, fold, band) that may mix at one momentum r of the reduced zone.

    Fold a of flavour f is the momentum k_r + R_a + s_f: R_a runs over the momenta that the enlarged
    cell makes equivalent to zero, and s_f is the boost of the flavour.

    Parameters
    ----------
    grid
        The cluster.
    supercell
        Integer matrix S of the enlarged cell, A_i = S_i1 a_1 + S_i2 a_2, or ``"sqrt3"``; the unit cell by default.
    boost
        Momentum label by which the second flavour is displaced, or ``"+Q"`` and ``"-Q"`` with
        Q = kappa_+ - kappa_-; zero by default.
    n_flavours
        Number of flavours.
    wavevectors
        Index of each R_a in the group of the grid, zero first.
    sums
        Index of R_a + R_b among the R, (a, b).
    shifts
        Index of the boost of each flavour, (flavour,).
    index
        Momentum of the grid of each fold, (flavour, r, a).
    reduced_grid
        The momenta k_r as a regular grid of the lattice of the enlarged cell.

    Raises
    ------
    InputError
        If the enlarged cell does not divide the cluster, or the boost is not one of its momenta.
    """

    grid: MomentumGrid
    n_flavours: int
    supercell: Supercell | None = None
    boost: Boost | None = None
    wavevectors: IntArray = field(init=False, repr=False)
    sums: IntArray = field(init=False, repr=False)
    shifts: IntArray = field(init=False, repr=False)
    index: IntArray = field(init=False, repr=False)
    reduced_grid: MomentumGrid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = self.grid
        cell = self.cell
        products = grid.fractional @ cell.T
        wavevectors = np.nonzero(np.abs(products - np.round(products)).max(axis=1) < 1e-9)[0]
        n_folds = round(float(np.linalg.det(cell)))
        divides = len(wavevectors) == n_folds
        require(divides, "supercell", f"divide the cluster {grid.name}", cell.tolist())
        shifts = np.array([0] + [self._boost_index()] * (self.n_flavours - 1))
        sums = np.searchsorted(wavevectors, grid.sum_index[np.ix_(wavevectors, wavevectors)])
        reduced = self._reduced_grid(cell) if n_folds > 1 else grid
        object.__setattr__(self, "reduced_grid", reduced)
        first = index_of(grid, self._reduced_momenta)
        index = grid.sum_index[grid.sum_index[first][:, wavevectors][None], shifts[:, None, None]]
        object.__setattr__(self, "wavevectors", read_only(wavevectors, np.int64))
        object.__setattr__(self, "sums", read_only(sums, np.int64))
        object.__setattr__(self, "shifts", read_only(shifts, np.int64))
        object.__setattr__(self, "index", read_only(index, np.int64))

    @property
    def cell(self) -> IntArray:
        """The matrix S, (A_i, a_j)."""
        if self.supercell is None:
            return np.eye(2, dtype=np.int64)
        if isinstance(self.supercell, str):
            require(self.supercell == "sqrt3", "supercell", "be 'sqrt3' or an integer 2x2 matrix", repr(self.supercell))
            return np.array(SQRT3)
        cell = integer_matrix(self.supercell, "supercell", "'sqrt3' or an integer 2x2 matrix")
        determinant = int(cell[0, 0] * cell[1, 1] - cell[0, 1] * cell[1, 0])
        require(determinant > 0, "supercell", "have a positive determinant", cell)
        return cell

    def _boost_index(self) -> int:
        boost = self.boost
        if boost is None:
            return 0
        require(self.n_flavours == 2, "boost", "belong to two flavours", found=f"there is {self.n_flavours}")
        if not isinstance(boost, str):
            return self.grid.index_of(boost)
        require(boost in ("+Q", "-Q"), "boost", "be '+Q', '-Q' or a momentum label", repr(boost))
        try:
            return int(index_of(self.grid, (CORNER_DIFFERENCE if boost == "+Q" else -CORNER_DIFFERENCE)[None])[0])
        except InputError:
            raise InputError(
                f"`boost` must be a momentum of the cluster, but {boost} = {boost[0]}(kappa_+ - kappa_-) "
                f"is not one of {self.grid.name}."
            ) from None

    def _reduced_grid(self, cell: IntArray) -> MomentumGrid:
        grid = self.grid
        basis = _rectangular_basis(grid, cell)
        sides = [_order(grid, row) for row in basis]
        rows = np.diag(sides) @ basis @ np.linalg.inv(grid.matrix.astype(float))  # N_i A_i = sum_j rows_ij L_j
        phase = np.round(rows) @ np.array(grid.boundary_phase)
        (a, b), (c, d) = basis.tolist()
        lattice = SuperLattice(grid.lattice.period_nm, ((a, b), (c, d)))
        return MomentumGrid.regular(lattice, sides[0], sides[1], (float(phase[0]), float(phase[1])))

    @property
    def _reduced_momenta(self) -> FloatArray:
        """k_r at zero boundary phase, in units of b_1, b_2."""
        reduced = self.reduced_grid
        return np.asarray(reduced.fractional @ reduced.lattice.reciprocal @ np.linalg.inv(self.grid.lattice.reciprocal))

    @property
    def n_folds(self) -> int:
        """Momenta of the cluster per momentum of the reduced zone."""
        return len(self.wavevectors)

    @property
    def is_trivial(self) -> bool:
        """Whether there is neither an enlarged cell nor a boost."""
        return self.n_folds == 1 and not self.shifts.any()

    @cached_property
    def umklapps(self) -> IntArray:
        """Integer G with k_r + R_a + s_f = (momentum at `index`) + G, (flavour, r, a, 2)."""
        fractional = self.grid.fractional
        true = self._reduced_momenta[None, :, None] + self.vectors[None, None] + fractional[self.shifts][:, None, None]
        return read_only(np.round(true - fractional[self.index]), np.int64)

    @property
    def vectors(self) -> FloatArray:
        """R_a in units of b_1, b_2, (a, 2)."""
        return np.asarray(self.grid.fractional[self.wavevectors])

    def states(self, bands: BandStructure) -> ComplexArray:
        """Bloch states at the true momenta k_r + R_a + s_f, (flavour, r, a, band, layer, G)."""
        n_f, _, n_b, n_l, n_g = bands.states.shape
        _, n_r, n_a = self.index.shape
        states = np.empty((n_f, n_r, n_a, n_b, n_l, n_g), dtype=np.complex128)
        umklapps = self.umklapps
        for f, model in enumerate(bands.models):
            for umklapp in np.unique(umklapps[f].reshape(-1, 2), axis=0):
                here = (umklapps[f] == umklapp).all(axis=-1)
                states[f][here] = model.sew(bands.states[f, self.index[f][here]], umklapp)
        return states

    def describe(self) -> dict[str, object]:
        """Description of the enlarged cell and of the boost."""
        cell = "unit cell" if self.supercell is None else f"{self.n_folds} cells {self.cell.tolist()}"
        boost = self.grid.labels[self.shifts[-1]].tolist()
        return {"cell": cell, "boost": boost if any(boost) else "none"}


def index_of(grid: MomentumGrid, fractional: FloatArray) -> IntArray:
    """Index of momenta given in units of b_1, b_2 modulo one; InputError if one is not of the grid."""
    distance = fractional[:, None] - grid.fractional[None]
    distance -= np.round(distance)
    nearest = np.abs(distance).max(axis=2)
    found = nearest.argmin(axis=1)
    worst = float(nearest[np.arange(len(found)), found].max())
    outside = fractional[nearest[np.arange(len(found)), found].argmax()]
    require(worst < 1e-9, "momentum", f"be one of {grid.name} (in units of b_1, b_2)", outside)
    return np.asarray(found)


def _order(grid: MomentumGrid, vector: IntArray) -> int:
    """Smallest n for which n times a lattice vector, in units of a_1, a_2, is a translation of the cluster."""
    numerators = vector @ np.array([[grid.matrix[1, 1], -grid.matrix[0, 1]], [-grid.matrix[1, 0], grid.matrix[0, 0]]])
    return int(grid.n_points // np.gcd.reduce([*numerators, grid.n_points]))


def _rectangular_basis(grid: MomentumGrid, cell: IntArray) -> IntArray:
    """Short basis A_1, A_2 of the lattice of an enlarged cell in which the cluster is N_1 x N_2 cells.

    The Smith normal form U (L/A) V = D gives one, V^-1 A; its vectors may be long, and a long reciprocal vector shifts
    states by many plane waves. Of this basis and all pairs of small vectors the shortest pair is taken.
    """
    ratio = np.round(grid.matrix @ np.linalg.inv(cell)).astype(np.int64)
    smith = np.round(np.linalg.inv(smith_normal_form(ratio)[2])).astype(np.int64)
    smith[0] *= round(float(np.linalg.det(smith)))
    coordinates = np.array(list(itertools.product(range(-3, 4), repeat=2)))
    vectors = np.concatenate([coordinates, smith])
    lengths = np.linalg.norm(vectors @ cell @ grid.lattice.primitive, axis=1)
    orders = [_order(grid, vector @ cell) for vector in vectors]
    n_cells = grid.n_points // round(float(np.linalg.det(cell)))
    best, shortest = cell, np.inf
    for i, j in itertools.product(range(len(vectors)), repeat=2):
        (a, b), (c, d) = vectors[i], vectors[j]
        total = lengths[i] ** 2 + lengths[j] ** 2
        if a * d - b * c == 1 and orders[i] * orders[j] == n_cells and total < shortest * (1 - 1e-9):
            best, shortest = vectors[[i, j]] @ cell, total
    return np.asarray(best)
