"""The exchange as a linear map of blocks of the density matrix: stored as matrices, or recomputed at every build."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.form_factors import ShiftedStates, for_each
from moire.hartree_fock.blocks import Block
from moire.kernels import exchange
from moire.projection import ProjectedHamiltonian
from moire.resources import fits_in_memory, human_bytes, logger, reserve, threads


@dataclass(frozen=True, eq=False)
class Exchange:
    """Exchange_B(k) = sum_q sum_ll' V_ll'(q)/A L_l(q, k) P_B(k+q) R_l'(q, k+shift)^+ of every block B.

    The sum over umklapps q is done once: for each block the exchange is a Hermitian matrix of dimension
    N_k (bands)^2 that each build multiplies once: for three bands less memory than the form factors and a fortieth
    of the arithmetic. Where the matrices do not fit in memory, nothing is stored and every build recomputes
    the products of overlaps.

    Parameters
    ----------
    problem
        The projected Hamiltonian.
    blocks
        The blocks needed.
    stored
        Whether matrices are stored; by default if they fit in memory.
    """

    problem: ProjectedHamiltonian
    blocks: tuple[Block, ...]
    stored: bool = field(init=False)
    _matrices: dict[Block, ComplexArray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = self.problem.grid.n_points * self.problem.bands.n_bands**2
        needed = 16.0 * len(self.blocks) * size**2
        copies = 32.0 * len(self.problem.form_factors.umklapps) * self.problem.bands.states.size
        stored = fits_in_memory(needed + copies)
        what = f"The exchange of {self.problem.bands.n_bands} bands on {self.problem.grid.name}"
        matrices: dict[Block, ComplexArray] = {}
        if stored:
            reserve(what, needed + copies, "fewer momenta or bands would fit")
            logger.info("%s is stored: %s.", what, human_bytes(needed))
            matrices = {block: np.empty((size, size), dtype=np.complex128) for block in self.blocks}
        object.__setattr__(self, "stored", stored)
        object.__setattr__(self, "_matrices", matrices)
        if stored:
            self._fill()
        else:
            logger.warning(
                "%s does not fit in memory (%s next to %s of shifted states) and is recomputed at every build, "
                "some hundred times for a ground state: about %.2g s each.",
                *(what, human_bytes(needed), human_bytes(copies), self._seconds_per_build()),
            )

    def __call__(self, densities: dict[Block, ComplexArray]) -> dict[Block, ComplexArray]:
        """Exchange of some blocks, each of shape (k, m, n), with positive sign."""
        if not self.stored:
            return self._streamed(densities)
        result = {}
        for block, density in densities.items():
            result[block] = (self._matrices[block] @ density.ravel()).reshape(density.shape)
        return result

    @property
    def n_bytes(self) -> float:
        """Memory of the matrices in bytes."""
        return float(sum(matrix.nbytes for matrix in self._matrices.values()))

    @property
    def method(self) -> str:
        """How the exchange is found, in words."""
        return f"stored, {human_bytes(self.n_bytes)}" if self.stored else "recomputed at every build"

    def _fill(self) -> None:
        n_k, n_b = self.problem.grid.n_points, self.problem.bands.n_bands
        views = {block: matrix.reshape(n_k, n_b, n_b, n_k, n_b, n_b) for block, matrix in self._matrices.items()}
        tiles = _Tiles(self.problem, self.blocks)

        def fill(rows: IntArray) -> None:
            for columns in tiles.momenta:
                if columns[0] >= rows[0]:
                    for block, arguments in tiles.between(rows, columns):
                        total = _contract(*arguments).transpose(0, 2, 4, 1, 3, 5)  # (k, m, n', k', n, m')
                        first, second = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
                        views[block][first, :, :, second] = total
                        if columns[0] > rows[0]:  # Hermitian
                            views[block][second, :, :, first] = total.conj().transpose(3, 4, 5, 0, 1, 2)

        for_each(fill, tiles.momenta)

    def _seconds_per_build(self) -> float:
        """Time of a build that stores nothing, from that of one tile."""
        n_k, n_b = self.problem.grid.n_points, self.problem.bands.n_bands
        density = np.zeros((n_k, n_b, n_b), dtype=np.complex128)
        tiles = _Tiles(self.problem, self.blocks)
        rows = tiles.momenta[0]
        seconds = 0.0
        for _ in range(2):  # the first time compiles
            start = time.perf_counter()
            for _, arguments in tiles.between(rows, rows):
                exchange.accumulate(*arguments, density[rows], density[rows])
            seconds = time.perf_counter() - start
        return seconds * len(tiles.momenta) ** 2 / threads()

    def _streamed(self, densities: dict[Block, ComplexArray]) -> dict[Block, ComplexArray]:
        tiles = _Tiles(self.problem, tuple(densities))
        result = {block: np.zeros_like(density) for block, density in densities.items()}

        def add(rows: IntArray) -> None:
            for columns in tiles.momenta:
                for block, arguments in tiles.between(rows, columns):
                    own = np.ascontiguousarray(densities[block][columns])
                    exchange.accumulate(*arguments, own, result[block][rows[0] : rows[-1] + 1])

        for_each(add, tiles.momenta)
        return result


Arguments = tuple[ComplexArray, ComplexArray, NDArray[np.int32], NDArray[np.int32], IntArray, FloatArray]


def _contract(
    left: ComplexArray,
    right: ComplexArray,
    index: NDArray[np.int32],
    rolled_row: NDArray[np.int32],
    position: IntArray,
    coulomb: FloatArray,
) -> ComplexArray:
    n_layers, n_rows, n_b, n_columns = left.shape[1:5]
    length = n_layers * int((index >= 0).sum(axis=2).max())
    weighted, other = np.zeros((2, n_rows, n_columns, length, n_b**2), dtype=np.complex128)
    exchange.pack(left, right, index, rolled_row, position, coulomb, weighted, other)
    return np.asarray(weighted.swapaxes(2, 3) @ other).reshape(n_rows, n_columns, n_b, n_b, n_b, n_b)


class _Tiles:
    """Overlaps of pairs of blocks of momenta, for the first flavour and for the second at shifted momenta."""

    def __init__(self, problem: ProjectedHamiltonian, blocks: Sequence[Block]) -> None:
        form = problem.form_factors
        self.form, self.blocks, self.coulomb, self.grid = form, blocks, problem.coulomb, problem.grid
        self.momenta = form.momentum_blocks()
        flavours = {flavour for block in blocks for flavour in (block.first, block.second)}
        self.states = {flavour: ShiftedStates(form, flavour) for flavour in sorted(flavours)}

    def between(self, rows: IntArray, columns: IntArray) -> list[tuple[Block, Arguments]]:
        """Arguments of the tile kernels for every block of the density matrix."""
        form = self.form
        tiles: dict[tuple[int, int], tuple[ComplexArray, IntArray]] = {}

        def tile(flavour: int, shift: int) -> tuple[ComplexArray, IntArray]:
            if (flavour, shift) not in tiles:
                first, second = self.grid.sum_index[rows, shift], self.grid.sum_index[columns, shift]
                shifts = form.shifts_between(first, second)
                position = np.full(len(form.umklapps), -1)
                position[shifts] = np.arange(len(shifts))
                tiles[flavour, shift] = self.states[flavour].product(first, second, shifts), position
            return tiles[flavour, shift]

        shifts = form.shifts_between(rows, columns)
        index = form.transfer_index[np.ix_(rows, columns, shifts)]
        found = []
        for block in self.blocks:
            right, position = tile(block.second, block.shift)
            rolled = form.umklapp_row[:, self.grid.sum_index[rows, block.shift]]
            found.append((block, (tile(block.first, 0)[0], right, index, rolled, position, self.coulomb)))
        return found
