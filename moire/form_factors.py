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
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import check_plane_waves, plane_wave_models
from moire.errors import require
from moire.grids import MomentumGrid
from moire.kernels import overlaps
from moire.plane_waves import PlaneWaveOrbitals
from moire.resources import fits_in_memory, logger, reserve, threads

_CHUNK = 1 << 18  # pairs (q, k) handled at once while tables are filled: a few MiB
_CANDIDATE_BYTES = 64  # of each q tried for the disk: its fraction, its vector, its modulus and their copies
_GRID_BYTES = 112  # of each pair of momenta: the tables of sums, differences and umklapps, and their temporaries
_TILE_ORBITALS = 54  # rows of one product: large for BLAS, small for the cache


@checked
@dataclass(frozen=True, eq=False)
class Transfers(Shown):
    """All q = k' - k + G of a grid with |q| <= q_cutoff |G_1|: a disk, closed under q -> -q.

    Parameters
    ----------
    grid
        The momentum grid; its boundary phase cancels in q.
    q_cutoff
        Radius of the disk in units of |G_1|.

    Raises
    ------
    InputError
        If the radius is not positive and finite.
    MemoryRefusedError
        If the list does not fit in memory.
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
        reserve(
            f"The search for momentum transfers up to {self.q_cutoff:g} |G_1| on {self.grid.name}",
            _CANDIDATE_BYTES * self.grid.n_points * (2.0 * reach + 1) ** 2,
            "a smaller q_cutoff or a smaller grid would fit",
        )
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
        target = fold - self.reciprocal
        reach = int(max(np.abs(target).max(), np.abs(self.reciprocal).max()))
        place = np.full((grid.n_points, 2 * reach + 1, 2 * reach + 1), -1, dtype=np.int64)
        place[self.group_index, self.reciprocal[:, 0] + reach, self.reciprocal[:, 1] + reach] = np.arange(self.size)
        return np.asarray(place[opposite, target[:, 0] + reach, target[:, 1] + reach])


@checked
@dataclass(frozen=True, eq=False)
class FormFactors(Shown):
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
    """

    transfers: Transfers
    bands: BandStructure = field(repr=False)
    conjugate: bool = False

    @cached_property
    def _tables(self) -> tuple[IntArray, NDArray[np.int32], NDArray[np.int32]]:
        """Umklapps, and the tables over transfers and momenta, built when first needed."""
        grid, transfers, n_k = self.transfers.grid, self.transfers, self.transfers.grid.n_points
        _reserve_tables(self.bands, transfers.q_cutoff)
        reach = int(np.abs(grid.umklapp).max() + np.abs(transfers.reciprocal).max())
        side = 2 * reach + 1
        step = max(1, _CHUNK // n_k)
        chunks = [slice(first, min(first + step, transfers.size)) for first in range(0, transfers.size, step)]

        def code(chunk: slice) -> IntArray:
            """One integer for the umklapp of k + q, (q, k)."""
            group, reciprocal = transfers.group_index[chunk], transfers.reciprocal[chunk]
            umklapp = grid.umklapp[:, group].swapaxes(0, 1) + reciprocal[:, None] + reach
            return np.asarray(umklapp[..., 0] * side + umklapp[..., 1])

        occurs = np.zeros(side**2, dtype=bool)
        for chunk in chunks:
            occurs[code(chunk)] = True
        unique = np.flatnonzero(occurs)
        number = (np.cumsum(occurs) - 1).astype(np.int32)
        rows = np.empty((transfers.size, n_k), dtype=np.int32)
        index = np.full((n_k, n_k, len(unique)), -1, dtype=np.int32)
        for chunk in chunks:
            rows[chunk] = number[code(chunk)]
            target = grid.sum_index[:, transfers.group_index[chunk]].T
            index[np.arange(n_k), target, rows[chunk]] = np.arange(chunk.start, chunk.stop)[:, None]
        for table in (rows, index):
            table.setflags(write=False)
        vectors = np.stack(np.divmod(unique, side), axis=1) - reach
        return read_only(vectors, np.int64), rows, index

    @property
    def umklapps(self) -> IntArray:
        """Integer vectors G_s that occur, (s, 2)."""
        return self._tables[0]

    @property
    def umklapp_row(self) -> NDArray[np.int32]:
        """S of k + q, (q, k)."""
        return self._tables[1]

    @property
    def transfer_index(self) -> NDArray[np.int32]:
        """Q of (k, k', s), -1 where it lies outside the disk, (k, k', s)."""
        return self._tables[2]

    @classmethod
    def compute(cls, bands: BandStructure, q_cutoff: float, conjugate: bool = False) -> FormFactors:
        """Form factors of all the bands kept, up to |q| <= q_cutoff |G_1|.

        Beyond 2 plane_wave_shells + sqrt(3) no plane wave k + q + G meets one of the disk around k, and every overlap
        is exactly zero: a larger cutoff is replaced by this one.

        Raises
        ------
        InputError
            If the bands are not on a grid, or not those of models in plane waves (:class:`moire.bloch.PlaneWaveModel`).
        MemoryRefusedError
            If the tables of the transfers or the shifted copies of the states do not fit in memory.
        """
        grid = bands.grid
        models = plane_wave_models(bands.models, "bands")
        for model in models:
            check_plane_waves(model)
        require(0 < q_cutoff < np.inf, "q_cutoff", "be positive and finite (in units of |G_1|)", q_cutoff)
        reach = 2 * max(model.basis.plane_wave_shells for model in models) + 1.7321  # |k' - k| < sqrt(3) |G_1|
        if q_cutoff > reach:
            logger.info("No overlaps beyond %.3g |G_1|: q_cutoff = %g means that.", reach, q_cutoff)
        form_factors = cls(Transfers(grid, min(q_cutoff, reach)), bands, conjugate)
        if not isinstance(bands, PlaneWaveOrbitals):  # whose overlaps are zero or one: no table is needed
            _ = form_factors._tables
        return form_factors

    @staticmethod
    def estimated_bytes(n_momenta: int, q_cutoff: float, state_size: float) -> float:
        """Bytes of the tables over momenta, and of the states with their shifted copies; an upper bound.

        Parameters
        ----------
        n_momenta
            Momenta of the grid.
        q_cutoff
            Largest |q| in units of |G_1|.
        state_size
            Numbers in the states of all flavours, (flavour, k, band, layer, G).
        """
        density = 2 / np.sqrt(3) * np.pi  # vectors G in a circle of radius |G_1|
        n_transfers = density * (q_cutoff + 1) ** 2 * n_momenta
        n_umklapps = density * (q_cutoff + 2) ** 2  # |G_s| <= |q| + the zone's diagonal
        tables = n_momenta * (4 * n_transfers + (4 * n_umklapps + _GRID_BYTES) * n_momenta)
        return float(tables + 32 * (1 + n_umklapps) * state_size)

    @cached_property
    def values(self) -> ComplexArray:
        """All form factors, (flavour, q, k, m, n, layer); summed over layers they are one at q = 0, m = n.

        Raises
        ------
        MemoryRefusedError
            If they do not fit in memory.
        """
        bands, grid = self.bands, self.transfers.grid
        n_layers = bands.states.shape[3]
        shape = (bands.n_flavours, self.transfers.size, grid.n_points, bands.n_bands, bands.n_bands, n_layers)
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


def _reserve_tables(bands: BandStructure, q_cutoff: float) -> None:
    """Reserve the memory of form factors before building them."""
    grid, size = bands.grid, bands.states.size
    needed = FormFactors.estimated_bytes(grid.n_points, q_cutoff, size)
    would_fit = "a smaller q_cutoff, fewer bands or a smaller grid would fit"
    if not fits_in_memory(needed):
        side = int(np.sqrt(grid.n_points))
        per_momentum = size / grid.n_points
        while side and not fits_in_memory(FormFactors.estimated_bytes(side**2, q_cutoff, per_momentum * side**2)):
            side -= 1
        if side:
            would_fit = f"a grid of {side}x{side} momenta, or a smaller q_cutoff, would fit"
    what = f"Tables of momentum transfers up to {q_cutoff:.3g} |G_1| and shifted states on {grid.name}"
    reserve(what, needed, would_fit)


@checked
class ShiftedStates(Shown):
    """The states of one flavour and all their shifted copies, whose products are the tiles of overlaps.

    Parameters
    ----------
    form_factors
        Their transfers, bands and umklapps.
    flavour
        Flavour index.

    Raises
    ------
    MemoryRefusedError
        If the copies do not fit in memory.
    """

    def __init__(self, form_factors: FormFactors, flavour: int) -> None:
        states = form_factors.bands.states[flavour]
        self._n_bands = states.shape[1]
        basis = plane_wave_models(form_factors.bands.models, "bands")[flavour].basis
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
