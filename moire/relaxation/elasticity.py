"""Elastic moduli and stacking energy of a bilayer: input with its source, none is built in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require

SHELLS: tuple[IntArray, ...] = tuple(
    read_only(shell, np.int64)
    for shell in ([[1, 0], [0, 1], [-1, 1]], [[1, 1], [-1, 2], [-2, 1]], [[2, 0], [0, 2], [-2, 2]])
)
"""One of each pair +-G of the three shells of reciprocal vectors, in units of b_1, b_2."""


@checked
@dataclass(frozen=True, kw_only=True)
class ElasticModuli(Shown):
    """Lame moduli of one layer in meV/nm^2.

    Parameters
    ----------
    lame_lambda, shear
        lambda and mu: the energy is lambda (div u)^2 / 2 + mu u_ij u_ij per area.
    source
        Where the numbers are from.

    Raises
    ------
    InputError
        If the layer would not be stable: mu > 0 and lambda + mu > 0.
    """

    lame_lambda: float
    shear: float
    source: str

    def __post_init__(self) -> None:
        for name in ("lame_lambda", "shear"):
            require(math.isfinite(getattr(self, name)), name, "be finite (in meV/nm^2)", getattr(self, name))
        require(self.shear > 0, "shear", "be positive", self.shear)
        rule = "be above minus the shear modulus, else the layer collapses"
        require(self.lame_lambda + self.shear > 0, "lame_lambda", rule, self.lame_lambda)

    @classmethod
    def of_bulk_and_shear(cls, bulk: float, shear: float, source: str) -> ElasticModuli:
        """Moduli from the two-dimensional bulk modulus K = lambda + mu, both in meV/nm^2."""
        return cls(lame_lambda=bulk - shear, shear=shear, source=source)


@checked
@dataclass(frozen=True, kw_only=True)
class StackingEnergy(Shown):
    """Generalized stacking-fault energy V(delta) = sum_n 2 c_n sum_{i=1..3} cos(g_i^(n).delta) in meV/nm^2.

    The sum is over the three shells of the monolayer. Layers of equal orientation near AA, such as twisted MoTe2 near
    0 degrees, have V(delta) = V(-delta): MX and XM stackings have equal energies, and there are no sines.

    Parameters
    ----------
    coefficients
        c_1, c_2, c_3 in meV/nm^2; fewer for fewer shells.
    source
        Where the numbers are from.

    Raises
    ------
    InputError
        If there is none or more than three, or one is not finite.
    """

    coefficients: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        count = len(self.coefficients)
        require(1 <= count <= len(SHELLS), "coefficients", "be one to three numbers", found=f"are {count}")
        finite = all(map(math.isfinite, self.coefficients))
        require(finite, "coefficients", "be finite (in meV/nm^2)", self.coefficients)

    @classmethod
    def per_cell(cls, coefficients_mev: tuple[float, ...], lattice_constant_nm: float, source: str) -> StackingEnergy:
        """Energy from coefficients in meV per monolayer cell, for V = sum_n c_n sum_i cos(g_i.delta) without the 2."""
        area = math.sqrt(3) / 2 * lattice_constant_nm**2
        return cls(coefficients=tuple(c / (2 * area) for c in coefficients_mev), source=source)

    @property
    def vectors(self) -> IntArray:
        """Reciprocal vectors of all terms in units of b_1, b_2, (term, 2)."""
        return np.concatenate(SHELLS[: len(self.coefficients)])

    @property
    def amplitudes(self) -> FloatArray:
        """Factor of every cosine in meV/nm^2, (term,)."""
        return 2 * np.repeat(self.coefficients, 3)
