"""Form factors: layer-resolved overlaps <u_m(k)| u_n(k+q)> for every q up to a cutoff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.bands import BandStructure
from moire.continuum import ContinuumModel
from moire.errors import InputError, require
from moire.grids import MomentumGrid
from moire.kernels import overlaps
from moire.resources import reserve, threads

_TILE_ORBITALS = 54  # rows of one product: large for BLAS, small for the cache


@dataclass(frozen=True, eq=False)
class Transfers:
    """All q = k' - k + G of a grid with |q| <= q_cutoff |G_1|: a disk, closed under q -> -q.

    Parameters
    ----------
    grid
        The momentum grid; its boundary twist cancels in q.
    q_cutoff
        Radius of the disk in units of |G_1|.
    """

    grid: MomentumGrid
    q_cutoff: float
    group_index: IntArray = field(init=False, repr=False)
    reciprocal: IntArray = field(init=False, repr=False)
    vectors: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require(0 < self.q_cutoff < np.inf, "q_cutoff", "be positive and finite (in units of |G_1|)", self.q_cutoff)
        lattice = self.grid.lattice
        reach = int(np.ceil(2 * self.q_cutoff / np.sqrt(3))) + 1
        side = np.arange(-reach, reach + 1)
        offsets = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        fractional = self.grid.fractional[:, None] + offsets[None]
        vectors = fractional @ lattice.reciprocal
        inside = np.linalg.norm(vectors, axis=-1) <= self.q_cutoff * lattice.reciprocal_length * (1 + 1e-9)
        group_index, offset_index = np.nonzero(inside)
        object.__setattr__(self, "group_index", read_only(group_index, np.int64))
        object.__setattr__(self, "reciprocal", read_only(offsets[offset_index], np.int64))
        object.__setattr__(self, "vectors", read_only(vectors[inside]))

    @property
    def size(self) -> int:
        """Number of momentum transfers."""
        return len(self.group_index)

    @property
    def zero(self) -> int:
        """Index of q = 0."""
        return int(np.nonzero((self.group_index == 0) & ~self.reciprocal.any(axis=1))[0][0])

    @property
    def minus(self) -> IntArray:
        """Index of -q for every q, shape (q,)."""
        grid = self.grid
        opposite = grid.difference_index[0][self.group_index]
        fold = np.round(-grid.fractional[self.group_index] - grid.fractional[opposite]).astype(np.int64)
        keys = {
            (int(d), int(g[0]), int(g[1])): i
            for i, (d, g) in enumerate(zip(self.group_index, self.reciprocal, strict=True))
        }
        targets = zip(opposite, fold - self.reciprocal, strict=True)
        return np.array([keys[int(d), int(g[0]), int(g[1])] for d, g in targets])


@dataclass(frozen=True, eq=False)
class FormFactors:
    """Overlaps lambda_q(k) = <u_m(k)| u_n(k+q)>, resolved by layer; for holes their complex conjugates.

    States at k + q outside the grid are the shifted coefficients of those inside, never a fresh
    diagonalization, so one gauge serves all of them. Every q = k' - k + G of a pair (k, k') belongs to one
    umklapp G_s, k + q = k' + G_s; all pairs of one umklapp are one matrix product of the states with the shifted
    states, so that the overlaps are computed tile by tile (:class:`ShiftedStates`), and stored only if
    :attr:`values` is asked for.

    Parameters
    ----------
    transfers
        The momentum transfers q.
    bands
        The bands; all of them are kept.
    conjugate
        Whether to conjugate: the form factors of holes.
    umklapps
        Integer vectors G_s that occur, (s, 2).
    umklapp_row
        s of k + q, (q, k).
    transfer_index
        q of (k, k', s), -1 where it lies outside the disk, (k, k', s).
    """

    transfers: Transfers
    bands: BandStructure = field(repr=False)
    conjugate: bool = False
    umklapps: IntArray = field(init=False, repr=False)
    umklapp_row: IntArray = field(init=False, repr=False)
    transfer_index: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid, transfers = self.transfers.grid, self.transfers
        n_umklapps = np.pi * (self.transfers.q_cutoff + 2) ** 2 * 2 / np.sqrt(3)  # |G_s| <= |q| + the zone's diagonal
        reserve(
            f"Tables of {transfers.size} momentum transfers on {grid.name}",
            grid.n_points * (4 * grid.n_points * n_umklapps + 48 * transfers.size),
            "a smaller q_cutoff or a smaller grid would fit",
        )
        target = grid.sum_index[:, transfers.group_index].T
        umklapp = grid.umklapp[:, transfers.group_index].transpose(1, 0, 2) + transfers.reciprocal[:, None]
        reach = int(np.abs(umklapp).max())
        code = (umklapp[..., 0] + reach) * (2 * reach + 1) + umklapp[..., 1] + reach
        unique, rows = np.unique(code, return_inverse=True)
        rows = rows.reshape(code.shape)
        index = np.full((grid.n_points, grid.n_points, len(unique)), -1, dtype=np.int32)
        index[np.arange(grid.n_points), target, rows] = np.arange(transfers.size)[:, None]
        vectors = np.stack(np.divmod(unique, 2 * reach + 1), axis=1) - reach
        object.__setattr__(self, "umklapps", read_only(vectors, np.int64))
        object.__setattr__(self, "umklapp_row", read_only(rows, np.int64))
        object.__setattr__(self, "transfer_index", read_only(index))

    @classmethod
    def compute(cls, bands: BandStructure, q_cutoff: float, conjugate: bool = False) -> FormFactors:
        """Form factors of all the bands kept, up to |q| <= q_cutoff |G_1|.

        Raises
        ------
        InputError
            If the bands are not those of continuum models on a grid.
        MemoryRefusedError
            If the tables of the transfers do not fit in memory.
        """
        grid = bands.grid
        models = [model for model in bands.models if isinstance(model, ContinuumModel)]
        if len(models) != bands.n_flavours:
            raise InputError("`bands` must be bands of continuum models, but holds another Bloch model.")
        return cls(Transfers(grid, q_cutoff), bands, conjugate)

    @cached_property
    def values(self) -> ComplexArray:
        """All form factors, (flavour, q, k, m, n, layer); summed over layers they are one at q = 0, m = n.

        Raises
        ------
        MemoryRefusedError
            If they do not fit in memory.
        """
        bands, grid = self.bands, self.transfers.grid
        shape = (bands.n_flavours, self.transfers.size, grid.n_points, bands.n_bands, bands.n_bands, 2)
        reserve(
            f"Form factors of {bands.n_bands} bands on {grid.name} with {self.transfers.size} transfers",
            16 * float(np.prod(shape)),
            "a smaller q_cutoff, fewer bands or a smaller grid would fit",
        )
        values = np.empty(shape, dtype=np.complex128)
        minus = self.transfers.minus
        blocks = self.momentum_blocks()
        for flavour in range(bands.n_flavours):
            overlaps_of = ShiftedStates(self, flavour)

            def fill(rows: IntArray, flavour: int = flavour, states: ShiftedStates = overlaps_of) -> None:
                for columns in blocks:
                    if columns[0] >= rows[0]:
                        shifts = self.shifts_between(rows, columns)
                        tile = states.product(rows, columns, shifts)
                        index = self.transfer_index[np.ix_(rows, columns, shifts)]
                        overlaps.scatter(tile, index, minus, rows, columns, values[flavour])

            for_each(fill, blocks)
        values.setflags(write=False)
        return values

    def at(self, flavour: int, transfer: int) -> ComplexArray:
        """Form factors of one flavour at one q, computed for it alone: (k, m, n, layer)."""
        grid = self.transfers.grid
        target = grid.sum_index[:, self.transfers.group_index[transfer]]
        model = self.bands.models[flavour]
        moved = np.empty_like(self.bands.states[flavour])
        for row in np.unique(self.umklapp_row[transfer]):
            here = self.umklapp_row[transfer] == row
            moved[here] = model.sew(self.bands.states[flavour, target[here]], self.umklapps[row])
        value = np.einsum("kmlg,knlg->kmnl", self.bands.states[flavour].conj(), moved, optimize=True)
        return np.ascontiguousarray(value.conj() if self.conjugate else value)

    def momentum_blocks(self) -> list[IntArray]:
        """Momenta in blocks of about 54 orbitals: the tiles of all products over pairs of momenta."""
        n_k = self.transfers.grid.n_points
        n_blocks = max(1, round(n_k * self.bands.n_bands / _TILE_ORBITALS))
        return np.array_split(np.arange(n_k), min(n_blocks, n_k))

    def shifts_between(self, rows: IntArray, columns: IntArray) -> IntArray:
        """Umklapps s that some pair (k, k') of two blocks needs."""
        return np.nonzero((self.transfer_index[np.ix_(rows, columns)] >= 0).any(axis=(0, 1)))[0]


class ShiftedStates:
    """The states of one flavour next to all their shifted copies: what tiles of overlaps are multiplied from.

    Parameters
    ----------
    form_factors
        Whose overlaps.
    flavour
        Which flavour.

    Raises
    ------
    MemoryRefusedError
        If the copies do not fit in memory.
    """

    def __init__(self, form_factors: FormFactors, flavour: int) -> None:
        states = form_factors.bands.states[flavour]
        self._n_bands = states.shape[1]
        basis = form_factors.bands.models[flavour].basis  # type: ignore[attr-defined]
        reserve(
            f"{len(form_factors.umklapps)} shifted copies of the states on {form_factors.transfers.grid.name}",
            32.0 * len(form_factors.umklapps) * states.size,
            "a smaller q_cutoff, fewer bands, plane waves or momenta would fit",
        )
        if form_factors.conjugate:
            states = states.conj()
        by_layer = states.transpose(2, 0, 1, 3)  # (layer, k, band, G)
        flat = np.ascontiguousarray(by_layer).reshape(len(by_layer), -1, states.shape[3])
        conjugate = flat.conj()
        self._copies = []
        for shift in basis.shift(form_factors.umklapps):
            inside = np.nonzero(shift >= 0)[0]  # waves shifted out of the disk have no partner
            self._copies.append((conjugate[:, :, inside], flat[:, :, shift[inside]]))

    def product(self, rows: IntArray, columns: IntArray, shifts: IntArray) -> ComplexArray:
        """Overlaps (s, layer, k, m, k', n) of two blocks of momenta for some umklapps."""
        n_b, n_layers = self._n_bands, len(self._copies[0][0])
        out = np.empty((len(shifts), n_layers, len(rows) * n_b, len(columns) * n_b), dtype=np.complex128)
        first, second = self._orbitals(rows), self._orbitals(columns)
        for i, shift in enumerate(shifts):
            left, right = self._copies[shift]
            np.matmul(left[:, first], right[:, second].swapaxes(1, 2), out=out[i])
        return out.reshape(len(shifts), n_layers, len(rows), n_b, len(columns), n_b)

    def _orbitals(self, momenta: IntArray) -> IntArray | slice:
        n_b = self._n_bands
        if momenta[-1] - momenta[0] == len(momenta) - 1 and np.all(np.diff(momenta) == 1):
            return slice(momenta[0] * n_b, (momenta[-1] + 1) * n_b)  # a view, not a copy
        return np.asarray((momenta[:, None] * n_b + np.arange(n_b)).ravel())


def for_each(action: Callable[[IntArray], None], blocks: Sequence[IntArray]) -> None:
    """Call `action` for every block on the threads of this process, with one BLAS thread each."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads()) as pool:
        list(pool.map(action, blocks))
