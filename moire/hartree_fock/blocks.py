"""Blocks of a density matrix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A block of the density matrix: between a flavour at k and another at k + shift, for all k.

    Parameters
    ----------
    first, second
        Flavours.
    shift
        Index of the momentum in the group of the grid.
    """

    first: int
    second: int
    shift: int
