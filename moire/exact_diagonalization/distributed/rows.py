"""Rows of one sector spread over ranks: those of contiguous high words, no rank holding all."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray
from moire.exact_diagonalization.halves import Halves, halves_of
from moire.exact_diagonalization.truncation import Truncation
from moire.kernels import fock
from moire.orbitals import ChargeClasses, Numbers, Orbitals


@dataclass(frozen=True, eq=False)
class SectorRows:
    """The rows of a sector that one of several ranks holds.

    Parameters
    ----------
    orbitals, numbers, momentum, truncation
        The sector, as in :class:`MomentumSector`.
    n_ranks, rank
        Number of ranks, and which of them this is.
    high_offset
        (high word + 1,), first row of every high word, and the number of rows.
    first_row
        (rank + 1,), rows at which the ranks begin: those at which a high word begins, next to equal shares.
    """

    orbitals: Orbitals
    numbers: Numbers
    momentum: int
    n_ranks: int
    rank: int
    truncation: Truncation | None = None
    high_offset: IntArray = field(init=False, repr=False)
    first_row: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", self.orbitals.numbers(self.numbers))
        halves, complement = self.halves, self.classes.complement(self.momentum)
        offset = np.zeros(halves.high_class.size + 1, np.int64)
        ranks_of_low = np.zeros(halves.low_class.size, np.int64)
        offset[-1] = fock.rank_tables(halves.low_class, halves.high_class, complement, ranks_of_low, offset[:-1])
        shares = offset[-1] * np.arange(self.n_ranks + 1) // self.n_ranks
        object.__setattr__(self, "high_offset", offset)
        object.__setattr__(self, "first_row", offset[np.searchsorted(offset, shares)])

    @property
    def classes(self) -> ChargeClasses:
        """Charge classes of parts of its states."""
        return ChargeClasses(self.orbitals, self.numbers)

    @property
    def halves(self) -> Halves:
        """Words of the two halves."""
        return halves_of(self.classes, self.truncation)

    @property
    def n_high_bits(self) -> int:
        """Orbitals of the high half."""
        return self.orbitals.size - self.halves.n_low

    @property
    def dimension(self) -> int:
        """Number of states of the sector."""
        return int(self.high_offset[-1])

    @property
    def held(self) -> slice:
        """Rows held here."""
        return slice(int(self.first_row[self.rank]), int(self.first_row[self.rank + 1]))

    def of_rank(self, rank: int) -> SectorRows:
        """The rows of another rank."""
        other = copy(self)
        object.__setattr__(other, "rank", rank)
        return other

    def labels(self) -> NDArray[np.uint64]:
        """States of the rows held here, as in :class:`MomentumSector`."""
        halves, held = self.halves, self.held
        inside = (self.high_offset[:-1] >= held.start) & (self.high_offset[1:] <= held.stop)
        labels = np.empty(held.stop - held.start, dtype=np.uint64)
        mine = np.where(inside, halves.high_class, np.int32(-1))
        fock.enumerate_states(halves.low_class, mine, self.classes.complement(self.momentum), halves.n_low, labels)
        return labels
