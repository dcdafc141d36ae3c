"""The pair form of the Hamiltonian: sum_Q P^+_a A^Q_ab P_b, for the carriers or the missing carriers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.grids import MomentumGrid
from moire.orbitals import ChargeClasses, Orbitals
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True, eq=False)
class PairTable(Shown):
    """Pairs p = (p1 < p2) of orbitals, those of equal charges (flavours, total momentum) contiguous.

    Parameters
    ----------
    orbitals
        The orbitals.
    members
        (pair, 2), p1 and p2.
    group
        (pair,), class of its charges in `classes`, ascending.
    """

    orbitals: Orbitals
    members: IntArray = field(init=False, repr=False)
    group: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        first, second = np.triu_indices(self.orbitals.size, 1)
        step = self.classes.step
        group = step[step[0, first], second]
        order = np.lexsort((second, first, group))
        object.__setattr__(self, "members", read_only(np.stack([first, second], axis=1)[order], np.int64))
        object.__setattr__(self, "group", read_only(group[order], np.int64))

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.orbitals.grid

    @cached_property
    def classes(self) -> ChargeClasses:
        """Charges of at most two particles of each flavour."""
        return ChargeClasses(self.orbitals, (2,) * self.orbitals.n_flavours)

    @cached_property
    def momentum(self) -> IntArray:
        """Index of the total momentum of each pair, (pair,)."""
        return read_only(self.classes.momentum[self.group])

    @cached_property
    def group_start(self) -> IntArray:
        """First pair of each class of `classes`, and the number of pairs, (class + 1,)."""
        return read_only(np.searchsorted(self.group, np.arange(self.classes.size + 1)), np.int64)

    @cached_property
    def index(self) -> IntArray:
        """Index of the pair of two orbitals, (orbital, orbital); -1 on the diagonal."""
        table = np.full((self.orbitals.size,) * 2, -1, dtype=np.int64)
        table[self.members[:, 0], self.members[:, 1]] = np.arange(len(self.members))
        return read_only(np.maximum(table, table.T))

    @cached_property
    def range(self) -> IntArray:
        """First and last + 1 pair of the same charges, (pair, 2)."""
        first, last = self.group_start[self.group], self.group_start[self.group + 1]
        return read_only(np.stack([first, last], axis=1), np.int64)

    @cached_property
    def mask(self) -> NDArray[np.uint64]:
        """Occupation word of each pair, (pair,)."""
        one = np.uint64(1)
        bits = one << self.members.astype(np.uint64)
        return read_only(bits[:, 0] | bits[:, 1])

    @cached_property
    def between(self) -> NDArray[np.uint64]:
        """Word of the orbitals strictly between p1 and p2, (pair,)."""
        one = np.uint64(1)
        bits = one << self.members.astype(np.uint64)
        return read_only((bits[:, 1] - one) & ~((bits[:, 0] << one) - one))

    @cached_property
    def block_start(self) -> IntArray:
        """Start of the row of each pair in the flat array of blocks, (pair + 1,)."""
        widths = self.range[:, 1] - self.range[:, 0]
        return read_only(np.concatenate([[0], np.cumsum(widths)]), np.int64)

    def elements(self) -> tuple[IntArray, IntArray]:
        """Pairs a (row) and b (column) of every stored element of the blocks, (element,) each."""
        widths = self.range[:, 1] - self.range[:, 0]
        row = np.repeat(np.arange(len(widths)), widths)
        return row, np.arange(row.size) - self.block_start[row] + self.range[row, 0]


@checked
@dataclass(frozen=True, eq=False)
class PairHamiltonian(Shown):
    """H = constant + sum_k h_mn(k) c^+_mk c_nk + sum_Q sum_ab A^Q_ab P^+_a P_b, with P_p = c_p1 c_p2.

    Parameters
    ----------
    pairs
        The table of pairs.
    one_body
        h_mn(k) of each flavour in meV, Hermitian, (flavour, k, band, band).
    blocks
        Rows of the Hermitian matrices A^Q in meV, one after the other; row a starts at
        ``pairs.block_start[a]``. Q denotes all charges of a pair: its flavours and its total momentum.
    constant
        In meV.
    transformed
        Whether c annihilates a missing carrier (after a particle-hole transformation).
    """

    pairs: PairTable
    one_body: ComplexArray = field(repr=False)
    blocks: ComplexArray = field(repr=False)
    constant: float = 0.0
    transformed: bool = False

    @classmethod
    def from_problem(cls, problem: ProjectedHamiltonian) -> PairHamiltonian:
        """Pair form of a problem: A_ab = v(a1, a2, b2, b1) - v(a1, a2, b1, b2), v its two-body elements.

        A reference density of the problem adds a one-body term and a constant.

        Raises
        ------
        MemoryRefusedError
            If the two-body elements do not fit in memory.
        """
        orbitals = problem.orbitals
        elements = problem.two_body_elements()
        pairs = PairTable(orbitals)
        row, column = pairs.elements()
        (a1, a2), (b1, b2) = pairs.members[row].T, pairs.members[column].T
        blocks = _elements_between(orbitals, elements, a1, a2, b1, b2)
        blocks -= _elements_between(orbitals, elements, a1, a2, b2, b1)
        transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
        levels = problem.one_body - problem.zero_exchange / 2
        self_energy, energy = problem.reference_self_energy(elements)
        one_body = levels[..., None] * np.eye(orbitals.n_bands) - self_energy
        return cls(pairs, read_only(one_body), read_only((blocks + transposed.conj()) / 2), energy)

    @property
    def orbitals(self) -> Orbitals:
        """The orbitals."""
        return self.pairs.orbitals

    @property
    def levels(self) -> FloatArray:
        """Diagonal of the one-body matrix in meV, (orbital,)."""
        return self.orbitals.flat(np.einsum("fkbb->fkb", self.one_body).real)

    @property
    def pair_diagonal(self) -> FloatArray:
        """A_pp in meV, (pair,)."""
        start = self.pairs.block_start[:-1]
        own = np.arange(len(start)) - self.pairs.range[:, 0]
        return np.ascontiguousarray(self.blocks[start + own].real)

    @property
    def mixes_bands(self) -> bool:
        """Whether the one-body matrix has elements between bands."""
        off_diagonal = self.one_body * (1 - np.eye(self.orbitals.n_bands))
        return bool(off_diagonal.any())

    def with_diagonal_levels(self, n_particles: int) -> PairHamiltonian:
        """The same Hamiltonian for `n_particles` >= 2, with one-body elements between bands moved into the pair blocks.

        c^+_m c_n = sum_j c^+_m c^+_j c_j c_n / (N - 1) for N particles.
        """
        if not self.mixes_bands:
            return self
        pairs, orbitals, blocks = self.pairs, self.orbitals, self.blocks.copy()
        spectator = np.arange(orbitals.size)
        for m, n in itertools.permutations(range(orbitals.n_bands), 2):
            for flavour, k in np.ndindex(self.one_body.shape[:2]):
                left, right = (int(orbitals.index(flavour, band, k)) for band in (m, n))
                others = spectator[(spectator != left) & (spectator != right)]
                row, column = pairs.index[left, others], pairs.index[right, others]
                sign = np.where((left < others) == (right < others), 1.0, -1.0)
                place = pairs.block_start[row] + column - pairs.range[row, 0]
                blocks[place] += sign * self.one_body[flavour, k, m, n] / (n_particles - 1)
        return replace(self, one_body=orbitals.matrix(self.levels), blocks=read_only(blocks))

    def particle_hole_transformed(self) -> PairHamiltonian:
        """The same Hamiltonian in terms of the missing carriers d^+ = c, for one band of each flavour.

        P_a^+ P_b = R^+_b R_a + delta_ab (1 - n_a1 - n_a2), with R the pairs of d: so A -> A^*,
        e_k -> -e_k - sum_{p contains k} A_pp, and the constant grows by sum e_k + sum A_pp.

        Raises
        ------
        InputError
            If there are several bands.
        """
        require(self.orbitals.n_bands == 1, "particle_hole", "be False for several bands", True)
        diagonal, levels = self.pair_diagonal, self.levels
        shift = np.zeros_like(levels)
        for column in (0, 1):
            np.add.at(shift, self.pairs.members[:, column], diagonal)
        return PairHamiltonian(
            self.pairs,
            read_only(self.orbitals.matrix(-levels - shift)),
            read_only(self.blocks.conj()),
            self.constant + float(levels.sum() + diagonal.sum()),
            not self.transformed,
        )


def _elements_between(
    orbitals: Orbitals, elements: ComplexArray, a: IntArray, b: IntArray, d: IntArray, c: IntArray
) -> ComplexArray:
    """v(a, b, c, d) of c^+_a c^+_b c_c c_d where a and d, b and c have one flavour, else 0; shape of the indices."""
    transfer = orbitals.grid.difference_index[orbitals.momentum[d], orbitals.momentum[a]]
    first = (orbitals.flavour[a], orbitals.momentum[a], orbitals.band[a], orbitals.band[d])
    second = (orbitals.flavour[b], orbitals.momentum[b], orbitals.band[b], orbitals.band[c])
    value = elements[(*first, *second, transfer)]
    kept = (orbitals.flavour[a] == orbitals.flavour[d]) & (orbitals.flavour[b] == orbitals.flavour[c])
    found: ComplexArray = np.where(kept, value, 0) if orbitals.n_flavours > 1 else value
    return found
