"""The protocols of a model: what bands and topology need to know about it, and nothing else."""

from __future__ import annotations

from typing import Protocol

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.lattice import TriangularLattice


class MomentumModel(Protocol):
    """A Hermitian H(k) with its derivative; k may run over a plane or a zone.

    States are coefficient arrays of shape ``(..., layer, G)``; a model without layers or plane
    waves uses axes of length one.
    """

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, G) of one state; its size is the dimension of H."""
        ...

    @property
    def top_band_first(self) -> bool:
        """Whether band 0 is the highest one (valence bands) or the lowest one."""
        ...

    @property
    def name(self) -> str:
        """One line that says which model this is."""
        ...

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum (1/nm), shape (dim, dim)."""
        ...

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk_x and dH/dk_y in meV nm, shape (2, dim, dim)."""
        ...


class BlochModel(MomentumModel, Protocol):
    """A model on a lattice, with the rule that sews its states over the zone edge."""

    @property
    def lattice(self) -> TriangularLattice:
        """Lattice whose reciprocal vectors are the periods of the model."""
        ...

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States at k + G from those at k; G in integer units of b_1, b_2."""
        ...
