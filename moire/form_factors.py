"""Form factors: layer-resolved overlaps <u_m(k)| u_n(k+q)> for every q up to a cutoff."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.bands import BandStructure
from moire.continuum import ContinuumModel
from moire.errors import InputError, require
from moire.grids import MomentumGrid
from moire.kernels import overlaps
from moire.resources import reserve


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
    """Overlaps lambda_q(k) = <u_m(k)| u_n(k+q)>, resolved by layer.

    States at k + q outside the grid are the shifted coefficients of those inside, never a fresh
    diagonalization, so one gauge serves all of them.

    Parameters
    ----------
    transfers
        The momentum transfers q.
    values
        (flavour, q, k, m, n, layer); summed over layers it is one at q = 0, m = n.
    """

    transfers: Transfers
    values: ComplexArray = field(repr=False)

    @classmethod
    def compute(cls, bands: BandStructure, q_cutoff: float) -> FormFactors:
        """Form factors of all the bands kept, up to |q| <= q_cutoff |G_1|.

        Raises
        ------
        InputError
            If the bands are not those of continuum models on a grid.
        MemoryRefusedError
            If they do not fit in memory.
        """
        grid = bands.grid
        models = [model for model in bands.models if isinstance(model, ContinuumModel)]
        if len(models) != bands.n_flavours:
            raise InputError("`bands` must be bands of continuum models, but holds another Bloch model.")
        transfers = Transfers(grid, q_cutoff)
        shape = (bands.n_flavours, transfers.size, grid.n_points, bands.n_bands, bands.n_bands, 2)
        reserve(
            f"Form factors of {bands.n_bands} bands on {grid.name} with {transfers.size} transfers",
            16 * float(np.prod(shape)),
            "a smaller q_cutoff, fewer bands or a smaller grid would fit",
        )
        target = grid.sum_index[:, transfers.group_index].T
        umklapp = grid.umklapp[:, transfers.group_index].transpose(1, 0, 2) + transfers.reciprocal[:, None]
        unique, rows = np.unique(umklapp.reshape(-1, 2), axis=0, return_inverse=True)
        values = np.empty(shape, dtype=np.complex128)
        for flavour, model in enumerate(models):
            shifts = model.basis.shift(unique)
            overlaps.form_factors(
                bands.states[flavour],
                np.ascontiguousarray(target),
                rows.reshape(target.shape),
                shifts,
                values[flavour],
            )
        values.setflags(write=False)
        return cls(transfers, values)
