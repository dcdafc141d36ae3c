"""Domain walls of plane models: modes bound to the lines on which the mass changes sign."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import toeplitz

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import is_whole, require
from moire.models import PolynomialModel
from moire.topology.strips.edges import polynomial_eigenvalues

OVERSAMPLING = 8


@checked
@dataclass(frozen=True, eq=False)
class DomainWalls(Shown):
    """A plane model whose mass is multiplied by f(x), which rises from -1 to 1 at x = 0 and falls at L/2.

    f(x) = tanh[(L/2 pi w) sin(2 pi x/L)] is tanh(x/w) near x = 0 and -tanh((x - L/2)/w) near L/2. Plane
    waves in the periodic box of length L hold H(-i d/dx, q) without doubling any fermion, and two walls
    make the box periodic. The momentum q runs along y. The wall at x = 0 binds C(+) - C(-) modes (number along
    +y minus number along -y), the other wall the opposite, where C(+-) is the valley Chern number of the filled
    bands of the model with its mass times +-1: tau N sgn(D) of N-layer graphene.

    Parameters
    ----------
    model
        A plane model; the mass on the right of x = 0 is its own.
    width_nm
        Width w of the walls in nm.
    box_nm
        Length L of the box in nm, at least 16 w.
    n_plane_waves
        Number of plane waves, odd.

    Raises
    ------
    InputError
        If the mass vanishes, the walls overlap, or the plane waves are even in number or too few for them.
    """

    model: PolynomialModel
    width_nm: float
    box_nm: float
    n_plane_waves: int

    def __post_init__(self) -> None:
        require(np.abs(self.model.mass_term).max() > 0, "mass_mev", "differ from zero at a domain wall", 0)
        require(self.width_nm > 0, "width_nm", "be positive", self.width_nm)
        require(
            self.box_nm >= 16 * self.width_nm,
            "box_nm",
            f"be at least 16 widths, {16 * self.width_nm:g} nm",
            self.box_nm,
        )
        fewest = int(np.ceil(2 * self.box_nm / (np.pi * self.width_nm)))  # largest momentum above 2/w
        n = self.n_plane_waves
        require(is_whole(n) and n % 2 == 1 and n >= fewest, "n_plane_waves", f"be odd and at least {fewest}", n)

    @property
    def name(self) -> str:
        """Name of the walls, in one line."""
        return f"{self.model.name}, domain walls of width {self.width_nm:g} nm in {self.box_nm:g} nm"

    @property
    def side_names(self) -> tuple[str, str]:
        """The wall at which the mass rises with x, and the other."""
        return "rising wall", "falling wall"

    @cached_property
    def plane_waves(self) -> FloatArray:
        """k_x in 1/nm, (plane wave,)."""
        half = self.n_plane_waves // 2
        return read_only(2 * np.pi / self.box_nm * np.arange(-half, half + 1))

    @cached_property
    def positions(self) -> FloatArray:
        """Points x in nm on which a profile is drawn, from -L/4 to 3 L/4, (x,)."""
        n = OVERSAMPLING * self.n_plane_waves
        return read_only(self.box_nm * (np.arange(n) / n - 0.25))

    @cached_property
    def profile(self) -> FloatArray:
        """f(x) at `positions`, (x,)."""
        argument = 2 * np.pi / self.box_nm * self.positions
        return read_only(np.tanh(self.box_nm / (2 * np.pi * self.width_nm) * np.sin(argument)))

    @cached_property
    def windows(self) -> ComplexArray:
        """Projections of |x| < L/8 and |x - L/2| < L/8 on the plane waves, (2, dim, dim)."""
        order = np.arange(self.n_plane_waves)
        row = 0.25 * np.sinc(order / 4)
        identity = np.eye(self.model.mass_term.shape[0])
        return read_only(np.stack([np.kron(toeplitz(r), identity) for r in (row, row * (-1.0) ** order)]), complex)

    @property
    def resolution(self) -> float:
        """A thousandth of the momentum step of the box, in 1/nm."""
        return 2 * np.pi / self.box_nm * 1e-3

    @cached_property
    def _blocks(self) -> ComplexArray:
        """H_b of H(q) = sum_b H_b q^b, shape (degree + 1, dim, dim), plane waves slow."""
        n, orbitals = self.n_plane_waves, self.model.mass_term.shape[0]
        blocks = np.zeros((self.model.degree + 1, n * orbitals, n * orbitals), dtype=complex)
        for (a, b), matrix in self.model.terms.items():
            blocks[b] += np.kron(np.diag(self.plane_waves**a), matrix)
        # coefficients of f from its own samples, |m| < n, exact to rounding for a smooth f
        waves = np.exp(-2j * np.pi / self.box_nm * np.outer(np.arange(n), self.positions))
        column = waves @ self.profile / len(self.positions)
        blocks[0] += np.kron(toeplitz(column) - np.eye(n), self.model.mass_term)
        return read_only(blocks)

    def hamiltonian(self, q: float) -> ComplexArray:
        """H(q) in meV, (dim, dim)."""
        powers = q ** np.arange(len(self._blocks))
        matrix: ComplexArray = np.tensordot(powers, self._blocks, axes=1)
        return matrix

    def velocity(self, q: float) -> ComplexArray:
        """dH/dq in meV nm, (dim, dim)."""
        orders = np.arange(1, len(self._blocks))
        matrix: ComplexArray = np.tensordot(orders * q ** (orders - 1), self._blocks[1:], axes=1)
        return matrix

    def momenta_at(self, energy_mev: float) -> ComplexArray:
        """Complex momenta along y at which some state has this energy, in 1/nm."""
        scale = float(self.plane_waves[-1])  # in units of which all coefficients are of one size
        scaled = self._blocks * scale ** np.arange(len(self._blocks))[:, None, None]
        scaled[0] -= energy_mev * np.eye(scaled.shape[1])
        return read_only(scale * polynomial_eigenvalues(scaled))

    def density(self, states: ComplexArray) -> FloatArray:
        """Probability density in 1/nm at `positions`, summed over orbitals; states (dim, n) give (x, n)."""
        waves = np.exp(1j * np.outer(self.positions, self.plane_waves))
        amplitudes = states.reshape(self.n_plane_waves, -1, states.shape[1])
        field = np.einsum("xp,pon->xon", waves, amplitudes, optimize=True)
        return read_only(np.sum(np.abs(field) ** 2, axis=1) / self.box_nm)
