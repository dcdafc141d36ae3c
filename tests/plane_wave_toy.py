"""A model in plane waves as a user would write it: no class of the package, H by another route than its own.

It is the moire Hamiltonian of two layers, built from Delta(r) on a mesh of the cell by Fourier sums, on a hexagon of
plane waves in an order of its own: the same 19 waves as the disk of 2 shells.
"""

from dataclasses import dataclass

import numpy as np

import moire as mo

SIDE = range(-2, 3)
MESH = 12  # points a side of the cell: no product of two waves of the hexagon is aliased
HBAR2_OVER_2ME = 38.0998212  # meV nm^2


@dataclass(frozen=True)
class Hexagon:
    lattice: mo.MoireLattice

    plane_wave_shells = 2.0
    size = 19

    @property
    def vectors(self):
        return np.array([(a, b) for a in SIDE for b in SIDE if abs(a + b) <= 2])

    @property
    def cartesian(self):
        return self.vectors @ self.lattice.reciprocal

    def shift(self, reciprocal):
        place = {tuple(vector): index for index, vector in enumerate(self.vectors.tolist())}
        moved = self.vectors + np.asarray(reciprocal)[..., None, :]
        flat = [place.get(tuple(vector), -1) for vector in moved.reshape(-1, 2).tolist()]
        return np.array(flat).reshape(moved.shape[:-1])


@dataclass(frozen=True, eq=False)
class UserModel:
    parameters: mo.ContinuumParameters
    lattice: mo.MoireLattice
    valley: int = +1
    displacement_mev: float = 0.0

    top_band_first = True
    state_shape = (2, 19)

    @property
    def basis(self):
        return Hexagon(self.lattice)

    @property
    def name(self):
        return f"model of a user, valley {self.valley:+d}"

    def time_reversed(self):
        return UserModel(self.parameters, self.lattice, -self.valley, self.displacement_mev)

    def _fields(self, r):
        """Delta_b, Delta_t and Delta_T at points r, in this valley."""
        p, angles = self.parameters, np.arange(6) * np.pi / 3
        g = self.lattice.reciprocal_length * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        phases, phi = r @ g.T, np.radians(p.potential_phase_deg)
        layers = [2 * p.potential_mev * np.cos(phases[..., ::2] + sign * phi).sum(-1) for sign in (+1, -1)]
        tunnelling = p.tunnelling_mev * (1 + np.exp(-1j * phases[..., 1]) + np.exp(-1j * phases[..., 2]))
        return *layers, tunnelling if self.valley > 0 else tunnelling.conj()

    def _momenta(self, k):
        corners = self.lattice.corners
        return [k + self.basis.cartesian - self.valley * corners[name] for name in ("kappa_+", "kappa_-")]

    def hamiltonian(self, k):
        side = np.arange(MESH) / MESH
        r = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2) @ self.lattice.primitive
        waves = np.exp(1j * r @ self.basis.cartesian.T)
        bottom, top, tunnelling = (waves.conj().T @ (field[:, None] * waves) / len(r) for field in self._fields(r))
        mass = HBAR2_OVER_2ME / self.parameters.effective_mass
        kinetic = [
            np.diag(-mass * (p**2).sum(1) + s * self.displacement_mev / 2)
            for p, s in zip(self._momenta(k), (1, -1), strict=True)
        ]
        return np.block([[kinetic[0] + bottom, tunnelling], [tunnelling.conj().T, kinetic[1] + top]])

    def velocity(self, k):
        slopes = -2 * HBAR2_OVER_2ME / self.parameters.effective_mass * np.concatenate(self._momenta(k))
        return np.stack([np.diag(slopes[:, axis]) for axis in (0, 1)]).astype(complex)

    def sew(self, states, reciprocal):
        index = self.basis.shift(reciprocal)
        return np.where(index >= 0, states[..., np.maximum(index, 0)], 0)
