"""Momenta of a torus manifold at p/q from the algebra of magnetic translations, for any cluster.

One flux quantum per unit cell. Translations of all particles by x1 L1/N_s + x2 L2/N_s obey
T1 T2 = exp(2 pi i p/q) T2 T1, so the ground states carry the one q-dimensional representation, where
T_j^q = (-1)^(p (N_s/q - 1)) times the boundary phase to the power p (the sign a root pattern gets
when it is moved by a full period around the torus). The trace of T(x) therefore vanishes unless q
divides x. Lattice translations are eta(R) T(R) per particle, eta(R) = +1 for R/2 on the lattice
and -1 otherwise, and
eta(L_j) is the boundary phase. Multiplicities of momenta are the characters of the group of translations.
"""

from fractions import Fraction

import numpy as np

from moire import MomentumGrid


def _eta(vector):
    return 1 if vector[0] % 2 == 0 and vector[1] % 2 == 0 else -1


def manifold_momenta(grid: MomentumGrid, filling: Fraction) -> tuple[tuple[int, int], ...]:
    """Labels of the q states at filling p/q, sorted, with multiplicity."""
    p, q = filling.numerator, filling.denominator
    (t11, t12), (t21, t22) = grid.matrix.tolist()
    n, n_particles = grid.n_points, p * (grid.n_points // q)
    orientation = 1 if t11 * t22 > t12 * t21 else -1
    boundary = [(-1) ** (p * (n // q - 1)) * _eta(vector) ** p for vector in ((t11, t12), (t21, t22))]
    characters, visited = np.zeros(n), set()
    for r1 in range(n):
        for r2 in range(n):
            x1, x2 = orientation * (r1 * t22 - r2 * t21), orientation * (r2 * t11 - r1 * t12)  # R = (x1 L1 + x2 L2)/N_s
            if (x1 % n, x2 % n) in visited:
                continue
            visited.add((x1 % n, x2 % n))
            if x1 % q or x2 % q:
                continue
            y1, y2 = x1 // q, x2 // q
            sign = (-1) ** (p * q * y1 * y2 % 2) * boundary[0] ** (y1 % 2) * boundary[1] ** (y2 % 2)
            sign *= _eta((r1, r2)) ** n_particles
            characters += q / n * sign * np.cos(2 * np.pi * (grid.fractional @ np.array([r1, r2])))
    assert len(visited) == n
    counts = np.round(characters).astype(int)
    np.testing.assert_allclose(characters, counts, atol=1e-9)
    assert counts.sum() == q
    labels = [tuple(map(int, grid.labels[i])) for i in range(n) for _ in range(counts[i])]
    return tuple(sorted(labels))
