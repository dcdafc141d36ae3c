"""The in-plane displacement that minimises elastic plus stacking energy, at one twist angle."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import fft
from scipy.optimize import minimize

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.lattice import MoireLattice
from moire.relaxation.elasticity import ElasticModuli, StackingEnergy

_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])  # of row vectors: (x, y) -> (-y, x)


@checked
@dataclass(frozen=True, eq=False)
class Relaxation(Shown):
    """Relative displacement u(r) = u_t - u_b = sum_G u_G sin(G.r) of the layers, half of it in each.

    Parameters
    ----------
    lattice
        Moire lattice.
    vectors
        One G of each pair +-G in units of b_1, b_2, (G, 2).
    amplitudes
        u_G in nm, (G, 2).
    energy, rigid_energy
        Elastic plus stacking energy of the relaxed and of the rigid bilayer in meV/nm^2, per area of the moire cell.
    elastic_energy
        Elastic part of the first.
    converged, stop_reason
        Whether the minimiser converged, and its reason.
    residual
        Largest amplitude of the outermost harmonics kept, relative to the largest of all: the truncation.
    """

    lattice: MoireLattice
    vectors: IntArray = field(repr=False)
    amplitudes: FloatArray = field(repr=False)
    energy: float
    rigid_energy: float
    elastic_energy: float
    converged: bool
    stop_reason: str
    residual: float

    @cached_property
    def momenta(self) -> FloatArray:
        """G in 1/nm, (G, 2)."""
        return read_only(self.vectors @ self.lattice.reciprocal)

    def displacement(self, points: FloatArray) -> FloatArray:
        """U in nm at points (..., 2) in nm, (..., 2)."""
        return np.asarray(np.sin(np.asarray(points) @ self.momenta.T) @ self.amplitudes)

    def __str__(self) -> str:
        largest = float(np.linalg.norm(self.displacement(cell_points(self.lattice, 48)), axis=-1).max())
        state = "converged" if self.converged else f"not converged: {self.stop_reason}"
        return (
            f"Relaxed at {self.lattice.twist_deg:g} deg, {len(self.vectors)} harmonics: largest displacement "
            f"{largest:.4g} nm, energy {self.energy:.6g} meV/nm^2 (rigid {self.rigid_energy:.6g}, elastic part "
            f"{self.elastic_energy:.4g}), truncation {self.residual:.1e}; {state}"
        )


def stacking_momenta(lattice: MoireLattice, momenta: FloatArray) -> FloatArray:
    """Monolayer vectors g in 1/nm whose phases at the rigid stacking are those of moire vectors G, g.delta(r) = G.r.

    delta(r) is the displacement of layer t against layer b by the twist, so that g is G turned by 90 degrees and
    divided by 2 sin(theta/2).
    """
    factor = 2 * np.sin(np.radians(lattice.twist_deg) / 2)
    return np.asarray(np.asarray(momenta) @ _QUARTER_TURN / factor)


@checked
def first_order(lattice: MoireLattice, stacking: StackingEnergy, moduli: ElasticModuli) -> tuple[IntArray, FloatArray]:
    """Displacement to first order in the stacking energy: u_G = 2 A_G g / (mu |G|^2) for each term A_G cos(g.delta).

    Only the shear modulus enters, because g is perpendicular to G: layers turn, and are not compressed.

    Returns
    -------
    vectors, amplitudes
        Shapes (G, 2) in units of b_1, b_2, and (G, 2) in nm.
    """
    momenta = stacking.vectors @ lattice.reciprocal
    shapes = stacking_momenta(lattice, momenta)
    size = np.sum(momenta**2, axis=1)
    return stacking.vectors, np.asarray(2 * (stacking.amplitudes / (moduli.shear * size))[:, None] * shapes)


@checked
def relax(
    lattice: MoireLattice,
    stacking: StackingEnergy,
    moduli: ElasticModuli,
    *,
    shells: int = 6,
    tolerance: float = 1e-7,
    max_iterations: int = 2000,
) -> Relaxation:
    """Minimise E[u] = mean of (lambda (div u)^2 + 2 mu u_ij u_ij) / 4 + V(delta + u) over the moire cell.

    The quarter stands for two layers that share the relative displacement u (Nam and Koshino, arXiv:1706.03908). u is
    odd, as V is even, and is expanded in sines. The gradient is exact on a grid that holds products of all harmonics.

    Parameters
    ----------
    lattice
        Moire lattice.
    stacking, moduli
        Energies of the bilayer.
    shells
        Largest integer coordinate of G: harmonics with |n_1|, |n_2|, |n_1 + n_2| up to it. Walls between domains at
        small angles need many: see :attr:`Relaxation.residual`.
    tolerance
        Largest component of the gradient, relative to that of the rigid bilayer.
    max_iterations
        Of the minimiser.

    Raises
    ------
    InputError
        If there are fewer shells than the stacking energy has.
    """
    largest = int(np.abs(stacking.vectors).max())
    require(shells >= largest, "shells", f"be at least {largest}, those of the stacking energy", shells)
    vectors = _half_of(shells)
    momenta = vectors @ lattice.reciprocal
    n = fft.next_fast_len(4 * shells + 2)
    points = cell_points(lattice, n).reshape(-1, 2)
    sines = np.sin(points @ momenta.T)
    terms = stacking.vectors @ lattice.reciprocal
    shapes, rigid = stacking_momenta(lattice, terms), points @ terms.T
    along = np.einsum("gi,gj->gij", momenta, momenta)
    size = np.sum(momenta**2, axis=1)
    # mean of sin^2 is 1/2: the elastic energy is u.S.u / 2 with this matrix
    stiffness = ((moduli.lame_lambda + moduli.shear) * along + moduli.shear * size[:, None, None] * np.eye(2)) / 4
    scale = 1 / np.sqrt(moduli.shear * size)[:, None]  # variables in which the elastic energy is near the unit matrix

    def parts(amplitudes: FloatArray) -> tuple[float, float, FloatArray]:
        phases = rigid + (sines @ amplitudes) @ shapes.T
        forces = np.einsum("gij,gj->gi", stiffness, amplitudes)
        elastic = 0.5 * float(np.sum(amplitudes * forces))
        energy = float(np.mean(np.cos(phases) @ stacking.amplitudes))
        slope = -(sines.T @ ((np.sin(phases) * stacking.amplitudes) @ shapes)) / len(points)
        return elastic, energy, forces + slope

    def value(x: FloatArray) -> tuple[float, FloatArray]:
        elastic, energy, gradient = parts(scale * x.reshape(-1, 2))
        return elastic + energy, (scale * gradient).ravel()

    start = np.zeros(2 * len(vectors))
    rigid_energy, first = value(start)
    goal = tolerance * max(float(np.abs(first).max()), 1e-300)
    found = minimize(
        value,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": goal, "ftol": 0.0, "maxiter": max_iterations, "maxfun": 4 * max_iterations, "maxcor": 30},
    )
    amplitudes = scale * found.x.reshape(-1, 2)
    elastic, energy, gradient = parts(amplitudes)
    left = float(np.abs(scale * gradient).max())
    outer = np.abs(vectors).max(axis=1) == shells
    stretched = np.abs(amplitudes).max(axis=1)
    return Relaxation(
        lattice=lattice,
        vectors=vectors,
        amplitudes=read_only(amplitudes),
        energy=elastic + energy,
        rigid_energy=rigid_energy,
        elastic_energy=elastic,
        converged=left <= max(goal, 1e-14),
        stop_reason=str(found.message),
        residual=float(stretched[outer].max() / max(float(stretched.max()), 1e-300)),
    )


def _half_of(shells: int) -> IntArray:
    """One of each pair +-G with |n_1|, |n_2|, |n_1 + n_2| up to `shells`, (G, 2)."""
    first, second = np.meshgrid(*[np.arange(-shells, shells + 1)] * 2, indexing="ij")
    every = np.stack([first.ravel(), second.ravel()], axis=1)
    inside = np.abs(every.sum(axis=1)) <= shells
    half = (every[:, 0] > 0) | ((every[:, 0] == 0) & (every[:, 1] > 0))
    return np.asarray(every[inside & half])


def cell_points(lattice: MoireLattice, n: int) -> FloatArray:
    """Points of the moire cell in nm, (n, n, 2)."""
    steps = np.arange(n) / n
    return np.asarray(steps[:, None, None] * lattice.primitive[0] + steps[None, :, None] * lattice.primitive[1])
