"""Rhombohedral (ABC) N-layer graphene with all 2N bands; N = 2 is the AB bilayer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._types import checked
from moire.models._checks import check_layers, check_scalars, check_valley
from moire.models.dirac import SIGMA_X, SIGMA_Y
from moire.models.polynomial import PolynomialModel


@checked
@dataclass(frozen=True)
class RhombohedralMultilayer(PolynomialModel):
    """N Dirac layers hbar v (tau k_x s_x + k_y s_y) + u_l, with gamma_1 between B_l and A_(l+1).

    The potentials fall linearly from u_1 = +U to u_N = -U, so that `mass_mev` = U is the D of
    :class:`ChiralMultilayer`, to which the two bands nearest zero tend for hbar v k, U << gamma_1.
    Skew couplings (gamma_3, gamma_4) are left out: the model is isotropic, and particle-hole symmetric.
    At half filling (N bands filled) the valley Chern number is +tau N sgn(U)/2.

    Parameters
    ----------
    n_layers
        N, at least 2; 2 is the four-band AB bilayer.
    velocity_mev_nm
        hbar v of one layer in meV nm.
    coupling_mev
        gamma_1 in meV, positive; about 380.
    mass_mev
        U in meV: the first layer is at +U, the last at -U.
    valley
        tau = +1 or -1.

    Raises
    ------
    InputError
        If a number is out of range.

    References
    ----------
    McCann and Koshino, Rep. Prog. Phys. 76, 056503 (2013), Sec. 2; Koshino and McCann, Phys. Rev. B 80,
    165409 (2009).
    """

    n_layers: int
    velocity_mev_nm: float
    coupling_mev: float
    mass_mev: float
    valley: int = +1

    def __post_init__(self) -> None:
        check_scalars(self, positive=("velocity_mev_nm", "coupling_mev"))
        check_layers(self.n_layers, 2)
        check_valley(self.valley)

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        stacking = "AB bilayer" if self.n_layers == 2 else f"ABC {self.n_layers}-layer"
        return f"{stacking} graphene, {2 * self.n_layers} bands, U = {self.mass_mev:g} meV, tau = {self.valley:+d}"

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, sublattice) of one state."""
        return self.n_layers, 2

    @cached_property
    def terms(self) -> Mapping[tuple[int, int], ComplexArray]:
        """Matrices of k_x, k_y and 1."""
        layers = np.eye(self.n_layers)
        raising = np.array([[0, 0], [1, 0]])  # B of layer l to A of layer l + 1
        coupling = self.coupling_mev * np.kron(np.eye(self.n_layers, k=1), raising)
        return {
            (0, 0): read_only(self.mass_term + coupling + coupling.T),
            (1, 0): read_only(self.valley * self.velocity_mev_nm * np.kron(layers, SIGMA_X)),
            (0, 1): read_only(self.velocity_mev_nm * np.kron(layers, SIGMA_Y)),
        }

    @cached_property
    def mass_term(self) -> ComplexArray:
        """Layer potentials in meV, diagonal."""
        potentials = self.mass_mev * np.linspace(1, -1, self.n_layers)
        return read_only(np.diag(np.repeat(potentials, 2)), complex)
