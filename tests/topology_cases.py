"""Cases of the topology tests: hopping models, an ideal band, the moire model; random gauges."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

import moire as mo
from moire.lattice import TriangularLattice
from moire.models import HaldaneModel, KaneMeleModel

LATTICE = TriangularLattice(1.0)


def haldane(mass=0.2, t2=0.2, phi=np.pi / 2):
    return HaldaneModel(1.0, 1.0, t2, np.degrees(phi), mass)


def kane_mele(staggered=0.1, spin_orbit=0.06, rashba=0.05):
    return KaneMeleModel(1.0, 1.0, spin_orbit, staggered, rashba)


def solve(model, n, n_bands=None, boundary_phase=(0.0, 0.0)):
    grid = mo.MomentumGrid.regular(model.lattice, n, n, boundary_phase)
    return mo.solve_bands(model, grid, n_bands or int(np.prod(model.state_shape)))


@dataclass(frozen=True, eq=False)
class IdealModel:
    """H = |u><u| with u ~ (1, c f(z)), z = k_x + i sense k_y and f doubly periodic and holomorphic but for one pole.

    f(z) = sum_n 1/sin^2(pi (z / b_1 + n b_2 / b_1)), the Weierstrass function up to a constant: of degree two, so
    that |C| = 2, and tr g = |Omega| at every k because u depends on z alone.
    """

    scale: float = 1.0
    sense: int = 1
    lattice: TriangularLattice = LATTICE
    name: str = "ideal band"
    top_band_first: bool = True
    state_shape: tuple = (1, 2)

    def _vector_and_slope(self, k):
        periods = self.lattice.reciprocal @ np.array([1, 1j * self.sense])
        z = (k[0] + 1j * self.sense * k[1]) / periods[0] + np.arange(-8, 9) * periods[1] / periods[0]
        sine, cosine = np.sin(np.pi * z), np.cos(np.pi * z)
        value, slope = np.sum(sine**-2), np.sum(-2 * np.pi * cosine / sine**3) / periods[0]
        return np.array([1, self.scale * value]), np.array([0, self.scale * slope])

    def hamiltonian(self, k):
        w, _ = self._vector_and_slope(k)
        return np.outer(w, w.conj()) / np.vdot(w, w).real

    def velocity(self, k):
        w, slope = self._vector_and_slope(k)
        norm = np.vdot(w, w).real
        ahead = np.outer(slope - w * np.vdot(w, slope) / norm, w.conj()) / norm  # (1 - P) |d_z w><w| / <w|w>
        return np.stack([ahead + ahead.conj().T, 1j * self.sense * (ahead - ahead.conj().T)])

    def sew(self, states, reciprocal):
        return states


@cache
def moire_model(valley=1, displacement_mev=0.0, twist_deg=3.89, name="WANG_2023", shells=4):
    parameters = mo.parameters.published(name)
    lattice = mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    return mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)


@cache
def valley_bands(n=12, n_bands=3):
    """Both valleys of WANG_2023 at 3.89 degrees."""
    models = moire_model(1), moire_model(-1)
    return mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, n, n), n_bands)


def in_random_gauge(bands, seed, group=None):
    """The same bands with random phases, or with a random unitary of the bands of `group` at every momentum."""
    rng = np.random.default_rng(seed)
    states = bands.states.copy()
    chosen = list(group) if group else list(range(bands.n_bands))
    shape = (*states.shape[:2], len(chosen), len(chosen))
    if group:
        unitary = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))[0]
    else:
        unitary = np.exp(2j * np.pi * rng.random(shape[:3]))[..., None] * np.eye(len(chosen))
    states[:, :, chosen] = np.einsum("fkmn,fkmlg->fknlg", unitary, states[:, :, chosen])
    return replace(bands, states=states)
