"""Chiral multilayer graphene: the two low-energy bands of N rhombohedral layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._types import checked
from moire.models._checks import check_layers, check_scalars, check_valley
from moire.models.dirac import SIGMA_Z
from moire.models.polynomial import PolynomialModel


@checked
@dataclass(frozen=True)
class ChiralMultilayer(PolynomialModel):
    """H(k) = [[D, c (tau k_x - i k_y)^N], [c (tau k_x + i k_y)^N, -D]], c = (hbar v)^N / (-gamma_1)^(N-1).

    The basis is the two sites without a vertical partner, A of the first layer and B of the last.
    The energies are +-sqrt(c^2 k^(2N) + D^2); the lower band has the valley Chern number
    +tau N sgn(D)/2, so that Theta_01 = -tau N sgn(D). N = 1 is :class:`MassiveDirac`.

    Parameters
    ----------
    n_layers
        N, at least 1.
    velocity_mev_nm
        hbar v of one layer in meV nm.
    coupling_mev
        gamma_1 > 0, the vertical coupling, in meV; not used for N = 1.
    mass_mev
        D in meV: half the gap, with sign; half the potential difference of the outer layers.
    valley
        tau = +1 or -1.

    Raises
    ------
    InputError
        If a number is out of range.

    References
    ----------
    Min and MacDonald, Phys. Rev. B 77, 155416 (2008); McCann and Fal'ko, Phys. Rev. Lett. 96,
    086805 (2006), for the sign of c at N = 2.
    """

    n_layers: int
    velocity_mev_nm: float
    coupling_mev: float
    mass_mev: float
    valley: int = +1

    def __post_init__(self) -> None:
        check_scalars(self, positive=("velocity_mev_nm", "coupling_mev"))
        check_layers(self.n_layers, 1)
        check_valley(self.valley)

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        return f"chiral {self.n_layers}-layer graphene, D = {self.mass_mev:g} meV, tau = {self.valley:+d}"

    @property
    def coefficient(self) -> float:
        """The coefficient c in meV nm^N."""
        return float(self.velocity_mev_nm * (-self.velocity_mev_nm / self.coupling_mev) ** (self.n_layers - 1))

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (1, site) of one state; the sites are A of the first layer and B of the last."""
        return 1, 2

    @cached_property
    def terms(self) -> Mapping[tuple[int, int], ComplexArray]:
        """Binomial expansion of (tau k_x - i k_y)^N."""
        terms = {(0, 0): self.mass_term}
        for b in range(self.n_layers + 1):
            a = self.n_layers - b
            entry = self.coefficient * comb(self.n_layers, b) * self.valley**a * (-1j) ** b
            terms[a, b] = np.array([[0, entry], [np.conj(entry), 0]])
        return terms

    @cached_property
    def mass_term(self) -> ComplexArray:
        """D s_z in meV."""
        return read_only(self.mass_mev * SIGMA_Z)
