"""Small Bloch models whose interband index is known; velocities by exact differences of linear terms."""

from dataclasses import dataclass

import numpy as np


class Plane:
    """A model on the plane, with one 'layer' and `dimension` orbitals, lowest band first."""

    top_band_first = False
    name = "plane"
    dimension = 2

    @property
    def state_shape(self):
        return 1, self.dimension


@dataclass(frozen=True)
class Dirac(Plane):
    tau: int = 1
    delta: float = 1.0

    def hamiltonian(self, k):
        x = self.tau * k[0]
        return np.array([[self.delta, x - 1j * k[1]], [x + 1j * k[1], -self.delta]])

    def velocity(self, k):
        return np.array([[[0, self.tau], [self.tau, 0]], [[0, -1j], [1j, 0]]], dtype=complex)


@dataclass(frozen=True)
class Chiral(Plane):
    n_layers: int = 2
    delta: float = 0.3

    def hamiltonian(self, k):
        plus = (k[0] + 1j * k[1]) ** self.n_layers
        return np.array([[self.delta, np.conj(plus)], [plus, -self.delta]])

    def velocity(self, k):
        slope = self.n_layers * (k[0] + 1j * k[1]) ** (self.n_layers - 1)
        return np.array([[[0, np.conj(factor * slope)], [factor * slope, 0]] for factor in (1, 1j)])


@dataclass(frozen=True)
class BernalBilayer(Plane):
    """Orbitals (A1, B1, A2, B2); gamma_1 couples B1 and A2, U/2 = `bias` is the potential of layer 1."""

    gamma: float = 0.4
    bias: float = 0.05
    dimension = 4

    def hamiltonian(self, k):
        minus = k[0] - 1j * k[1]
        h = np.zeros((4, 4), dtype=complex)
        h[0, 1] = h[2, 3] = minus
        h[1, 2] = self.gamma
        return h + h.conj().T + np.diag([self.bias, self.bias, -self.bias, -self.bias])

    def velocity(self, k):
        out = np.zeros((2, 4, 4), dtype=complex)
        for axis, minus in enumerate((1, -1j)):
            out[axis, 0, 1] = out[axis, 2, 3] = minus
            out[axis] += out[axis].conj().T
        return out


class Gauged:
    """`base` in a smooth random frame: H -> W H W^+ with W constant; and random phases enter through LAPACK."""

    def __init__(self, base, seed):
        self.base = base
        dimension = base.state_shape[0] * base.state_shape[1]
        rng = np.random.default_rng(seed)
        random = rng.normal(size=(dimension, dimension)) + 1j * rng.normal(size=(dimension, dimension))
        self.frame, _ = np.linalg.qr(random)
        self.state_shape, self.top_band_first, self.name = base.state_shape, base.top_band_first, base.name

    def hamiltonian(self, k):
        return self.frame @ self.base.hamiltonian(k) @ self.frame.conj().T

    def velocity(self, k):
        return self.frame @ self.base.velocity(k) @ self.frame.conj().T
