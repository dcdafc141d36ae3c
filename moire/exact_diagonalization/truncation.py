"""Truncation of the Fock space by the particles promoted out of the active band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from moire._shown import Shown
from moire._types import checked
from moire.errors import is_whole, require
from moire.orbitals import Orbitals
from moire.resources import reserve

_WORKING_BYTES = 24.0  # of each configuration while the list grows: its word, a copy, and a mask


@checked
@dataclass(frozen=True)
class Truncation(Shown):
    """Upper limits on the particles outside band 0, the active band.

    The states kept are all determinants within the limits: energies are upper bounds, and never rise when the
    limits are raised.

    Parameters
    ----------
    max_promoted
        Largest number of particles in bands 1, 2, ... together.
    per_band
        Largest number in each of the bands 1, 2, ...; by default `max_promoted`.

    Raises
    ------
    InputError
        If a number is not an integer of at least 0.
    """

    max_promoted: int
    per_band: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, values in (("max_promoted", (self.max_promoted,)), ("per_band", self.per_band)):
            whole = all(is_whole(value) and value >= 0 for value in values)
            require(whole, name, "be at least 0, an integer", values if name == "per_band" else values[0])

    @classmethod
    def of(cls, value: int | Sequence[int] | Truncation | None) -> Truncation | None:
        """Truncation from `max_promoted`, or from a sequence of `max_promoted` and the limits of each band."""
        if value is None or isinstance(value, Truncation):
            return value
        if isinstance(value, int | np.integer):
            return cls(int(value))
        require(len(value) > 0, "max_promoted", "hold a number for all bands together", "empty")
        return cls(int(value[0]), tuple(int(number) for number in value[1:]))

    def limits(self, orbitals: Orbitals) -> tuple[int, ...]:
        """Largest number of particles in each of the bands 1, 2, ...

        Raises
        ------
        InputError
            If there is only one band, or the limits are given for another number of bands.
        """
        remote = orbitals.n_bands - 1
        require(remote > 0, "max_promoted", "be left out for one band, without bands to promote to", self.max_promoted)
        fits = not self.per_band or len(self.per_band) == remote
        require(fits, "per_band", f"hold {remote} numbers, for the bands above band 0", self.per_band)
        return self.per_band or (self.max_promoted,) * remote

    def n_configurations(self, orbitals: Orbitals) -> int:
        """Number of :meth:`configurations`, counted without a list of them."""
        room = orbitals.n_flavours * orbitals.grid.n_points
        counts = [1] + [0] * self.max_promoted  # by promoted particles
        for limit in self.limits(orbitals):
            counts = [
                sum(counts[total - own] * comb(room, own) for own in range(min(limit, total) + 1))
                for total in range(self.max_promoted + 1)
            ]
        return sum(counts)

    def configurations(self, orbitals: Orbitals) -> NDArray[np.uint64]:
        """Words of the allowed occupations of the remote orbitals, ascending; bit 0 is the first remote orbital.

        Raises
        ------
        MemoryRefusedError
            If the list does not fit in memory.
        """
        limits = self.limits(orbitals)
        needed = self.n_configurations(orbitals) * (_WORKING_BYTES + 3.0 * len(limits))
        reserve(f"A list of remote configurations with {self}", needed, "fewer promoted particles would fit")
        words = np.zeros(1, dtype=np.uint64)
        counts = np.zeros((1, len(limits)), dtype=np.int8)
        first = orbitals.n_flavours * orbitals.grid.n_points
        for bit, band in enumerate(orbitals.band[first:]):
            column = int(band) - 1
            fits = (counts[:, column] < limits[column]) & (counts.sum(axis=1) < self.max_promoted)
            more = counts[fits].copy()
            more[:, column] += 1
            words = np.concatenate([words, words[fits] | (np.uint64(1) << np.uint64(bit))])
            counts = np.concatenate([counts, more])
        return words

    def __str__(self) -> str:
        bands = f" ({', '.join(map(str, self.per_band))} by band)" if self.per_band else ""
        return f"at most {self.max_promoted} promoted{bands}"
