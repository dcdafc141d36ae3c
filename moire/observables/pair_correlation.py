"""The pair correlation function g(r) of a manifold, averaged over the position in the cell and summed over layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import is_whole, require
from moire.grids import MomentumGrid
from moire.observables.structure_factor import StructureFactor

CHUNK = 4096


@checked
@dataclass(frozen=True, eq=False)
class PairCorrelation(Shown):
    """g(r): the density of pairs at distance r divided by that of independent carriers.

    g(r) = A / N^2 sum_{i != j} <delta(r - r_i + r_j)> = 1 / N^2 sum_q e^{i q r} <:rho_q rho_-q:>. Its mean over the
    cluster is 1 - 1/N.

    Parameters
    ----------
    grid
        The cluster.
    n_carriers
        N.
    positions
        r in nm, (side, side, 2), spanning the cluster along its superlattice vectors L_1 and L_2.
    values
        g(r), (side, side).
    between_flavours
        The part of g(r) of pairs of carriers in different flavours, (side, side); zero for one flavour.
    q_cutoff
        Transfers kept, |q| <= q_cutoff |G_1|: g is resolved to about 1 / q_cutoff moire periods.
    """

    grid: MomentumGrid
    n_carriers: int
    positions: FloatArray = field(repr=False)
    values: FloatArray = field(repr=False)
    between_flavours: FloatArray = field(repr=False)
    q_cutoff: float

    @property
    def within_flavours(self) -> FloatArray:
        """The part of g(r) of pairs of carriers in the same flavour, (side, side)."""
        return self.values - self.between_flavours

    @property
    def at_contact(self) -> float:
        """g(0): carriers of one layer and flavour exclude each other, so only other pairs contribute."""
        return float(self.values[0, 0])

    def __str__(self) -> str:
        return (
            f"pair correlation of {self.n_carriers} carriers on {self.grid.name}, |q| <= {self.q_cutoff:g} |G_1|: "
            f"g(0) = {Number(self.at_contact):.4f}, from {Number(self.values.min()):.4f} to "
            f"{Number(self.values.max()):.4f}, "
            f"mean {Number(self.values.mean()):.6f} (1 - 1/N = {Number(1 - 1 / self.n_carriers):.6f})"
        )


@checked
def pair_correlation(structure: StructureFactor, side: int = 48) -> PairCorrelation:
    """Pair correlation of the carriers on a mesh over the cluster.

    Only pairs of distinct carriers enter, so that other bands do not contribute: the contraction in the full structure
    factor pairs a carrier with itself. Disconnected parts at reciprocal vectors are included.

    Parameters
    ----------
    structure
        Structure factor.
    side
        Points along each superlattice vector.

    Raises
    ------
    InputError
        If `side` is not a positive integer.
    """
    require(side >= 1 and is_whole(side), "side", "be a positive integer", side)
    grid = structure.grid
    fractions = np.stack(np.meshgrid(*[np.arange(int(side)) / side] * 2, indexing="ij"), axis=-1)
    positions = fractions @ (grid.matrix @ grid.lattice.primitive)
    flat, vectors = positions.reshape(-1, 2), structure.transfers.vectors
    by_flavour = structure.flavour_pairs.sum(axis=(3, 4)).real
    within = np.einsum("ffq->q", by_flavour)
    values, between = np.empty(len(flat)), np.zeros(len(flat))
    for start in range(0, len(flat), CHUNK):
        chunk = slice(start, start + CHUNK)
        waves = np.cos(flat[chunk] @ vectors.T)
        values[chunk] = waves @ structure.pair_weight
        if len(by_flavour) > 1:
            between[chunk] = waves @ (structure.pair_weight - within)
    return PairCorrelation(
        grid,
        structure.n_carriers,
        read_only(positions),
        read_only(values.reshape(side, side) / structure.n_carriers**2),
        read_only(between.reshape(side, side) / structure.n_carriers**2),
        structure.transfers.q_cutoff,
    )
