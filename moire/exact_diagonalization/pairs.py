"""The pair form of the Hamiltonian: sum_Q P^+_a A^Q_ab P_b, for the carriers or for their absence."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.grids import MomentumGrid
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class PairTable:
    """Pairs p = (p1 < p2) of orbitals, those of equal total momentum contiguous.

    Parameters
    ----------
    grid
        The cluster; orbital i is its momentum i.
    orbitals
        (pair, 2), p1 and p2.
    momentum
        (pair,), index of the total momentum.
    """

    grid: MomentumGrid
    orbitals: IntArray = field(init=False, repr=False)
    momentum: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        first, second = np.triu_indices(self.grid.n_points, 1)
        momentum = self.grid.sum_index[first, second]
        order = np.lexsort((second, first, momentum))
        object.__setattr__(self, "orbitals", read_only(np.stack([first, second], axis=1)[order], np.int64))
        object.__setattr__(self, "momentum", read_only(momentum[order], np.int64))

    @cached_property
    def index(self) -> IntArray:
        """Index of the pair of two orbitals, (orbital, orbital); -1 on the diagonal."""
        table = np.full((self.grid.n_points,) * 2, -1, dtype=np.int64)
        table[self.orbitals[:, 0], self.orbitals[:, 1]] = np.arange(len(self.orbitals))
        return read_only(np.maximum(table, table.T))

    @cached_property
    def range(self) -> IntArray:
        """First and last + 1 pair of the same momentum, (pair, 2)."""
        first = np.searchsorted(self.momentum, self.momentum, side="left")
        last = np.searchsorted(self.momentum, self.momentum, side="right")
        return read_only(np.stack([first, last], axis=1), np.int64)

    @cached_property
    def mask(self) -> NDArray[np.uint64]:
        """Occupation word of each pair, (pair,)."""
        one = np.uint64(1)
        bits = one << self.orbitals.astype(np.uint64)
        return read_only(bits[:, 0] | bits[:, 1])

    @cached_property
    def between(self) -> NDArray[np.uint64]:
        """Word of the orbitals strictly between p1 and p2, (pair,)."""
        one = np.uint64(1)
        bits = one << self.orbitals.astype(np.uint64)
        return read_only((bits[:, 1] - one) & ~((bits[:, 0] << one) - one))

    @cached_property
    def block_start(self) -> IntArray:
        """Start of the row of each pair in the flat array of blocks, (pair + 1,)."""
        widths = self.range[:, 1] - self.range[:, 0]
        return read_only(np.concatenate([[0], np.cumsum(widths)]), np.int64)


@dataclass(frozen=True, eq=False)
class PairHamiltonian:
    """H = constant + sum_k e_k n_k + sum_Q sum_ab A^Q_ab P^+_a P_b, with P_p = c_p1 c_p2.

    Parameters
    ----------
    pairs
        The table of pairs.
    one_body
        e_k in meV, (orbital,).
    blocks
        Rows of the Hermitian matrices A^Q in meV, one after the other; row a starts at
        ``pairs.block_start[a]``.
    constant
        In meV.
    transformed
        Whether c annihilates a missing carrier (after a particle-hole transformation).
    """

    pairs: PairTable
    one_body: FloatArray = field(repr=False)
    blocks: ComplexArray = field(repr=False)
    constant: float = 0.0
    transformed: bool = False

    @classmethod
    def from_problem(cls, problem: ProjectedHamiltonian) -> PairHamiltonian:
        """Pair form of a one-band, one-flavour problem: A_ab = W(a1, a2, b1-a1) - W(a1, a2, b2-a1).

        A reference density of the problem is a one-body term and a constant.

        Raises
        ------
        InputError
            If the problem has several bands or flavours.
        """
        elements = problem.two_body_elements()
        pairs = PairTable(problem.grid)
        difference = problem.grid.difference_index
        widths = pairs.range[:, 1] - pairs.range[:, 0]
        row = np.repeat(np.arange(len(widths)), widths)
        column = np.arange(row.size) - pairs.block_start[row] + pairs.range[row, 0]
        a1, a2 = pairs.orbitals[row].T
        b1, b2 = pairs.orbitals[column].T
        blocks = elements[a1, a2, difference[b1, a1]] - elements[a1, a2, difference[b2, a1]]
        transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
        one_body = problem.one_body[0, :, 0] - problem.zero_exchange / 2
        self_energy, energy = problem.reference_self_energy(elements)
        return cls(pairs, read_only(one_body - self_energy), read_only((blocks + transposed.conj()) / 2), energy)

    @property
    def pair_diagonal(self) -> FloatArray:
        """A_pp in meV, (pair,)."""
        start = self.pairs.block_start[:-1]
        own = np.arange(len(start)) - self.pairs.range[:, 0]
        return np.ascontiguousarray(self.blocks[start + own].real)

    def particle_hole_transformed(self) -> PairHamiltonian:
        """The same Hamiltonian in terms of the missing carriers d^+ = c.

        P_a^+ P_b = R^+_b R_a + delta_ab (1 - n_a1 - n_a2), with R the pairs of d: so A -> A^*,
        e_k -> -e_k - sum_{p contains k} A_pp, and the constant grows by sum e_k + sum A_pp.
        """
        diagonal = self.pair_diagonal
        shift = np.zeros_like(self.one_body)
        for column in (0, 1):
            np.add.at(shift, self.pairs.orbitals[:, column], diagonal)
        return PairHamiltonian(
            self.pairs,
            read_only(-self.one_body - shift),
            read_only(self.blocks.conj()),
            self.constant + float(self.one_body.sum() + diagonal.sum()),
            not self.transformed,
        )
