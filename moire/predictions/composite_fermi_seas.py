"""Momenta of a composite Fermi liquid at half filling, from compact Fermi seas."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.grids import Label, MomentumGrid

SEARCH_MESH = 12
TIE = 1e-9  # of the second moment, relative; moments of two seas are rational multiples of one number


@checked
@dataclass(frozen=True, eq=False)
class CompositeFermiSeas(Shown):
    """Predicted ground states of a composite Fermi liquid on a cluster at half filling of a |C| = 1 band.

    Parameters
    ----------
    momenta
        Labels of the states with multiplicity, sorted: two per sea, one per state of the centre of mass.
    seas
        Compact seas, (sea, particle, 2), as integers (n_1, n_2) of k = n_1 s_1 + n_2 s_2, s_i . L_j = 2 pi delta_ij.
    second_moment
        sum_j |k_j - mean|^2 of each of them in 1/nm^2, the smallest possible.
    excess
        Second moment of the next larger sea divided by `second_moment`, minus one: large for a closed shell. NaN if
        the search found no other sea.
    """

    momenta: tuple[Label, ...]
    seas: IntArray = field(repr=False)
    second_moment: float
    excess: float

    def __str__(self) -> str:
        places = ", ".join(f"{label} x{count}" for label, count in sorted(Counter(self.momenta).items()))
        larger = np.isfinite(self.excess)
        above = f"next {Number(100 * self.excess):.1f} % above" if larger else "no larger one to compare"
        return (
            f"composite Fermi liquid: {len(self.seas)} compact seas of {self.seas.shape[1]} particles, second moment "
            f"{Number(self.second_moment):.4f} 1/nm^2, {above}; states at {places}"
        )


@checked
def composite_fermi_seas(grid: MomentumGrid) -> CompositeFermiSeas:
    """Predict the momenta of a composite Fermi liquid at half filling.

    The state is a determinant of plane waves k_j, N allowed momenta of the cluster, times a bosonic Laughlin
    state at 1/2: its momentum is K_B + sum_j k_j, with the two momenta K_B of the bosons. A common
    shift of all k_j acts on the centre of mass only, so that the energy is assumed to grow with
    sum_j |k_j - mean|^2, and the seas with its smallest value are the ground states.

    Parameters
    ----------
    grid
        The cluster, with an even number of cells.

    Raises
    ------
    InputError
        If the number of cells is odd.

    References
    ----------
    Rezayi and Read, Phys. Rev. Lett. 72, 900 (1994); Shao, Kim, Haldane and Rezayi, Phys. Rev. Lett. 114, 206402
    (2015); for twisted MoTe2 arXiv:2306.01719 and arXiv:2306.02513.
    """
    require(
        grid.n_points % 2 == 0,
        "cluster",
        "have an even number of cells at half filling",
        found=f"has {grid.n_points} ({grid.name})",
    )
    seas, moment, excess = _compact_seas(grid)
    steps = grid.labels[list(grid.turn_indices)]
    moduli = np.array(grid.moduli)
    momenta = []
    for sea, boson in itertools.product(seas, _boson_labels(grid)):
        first, second = (boson + sea.sum(axis=0) @ steps) % moduli
        momenta.append((int(first), int(second)))
    return CompositeFermiSeas(tuple(sorted(momenta)), read_only(seas), moment, excess)


def _compact_seas(grid: MomentumGrid) -> tuple[IntArray, float, float]:
    """Sets of N momenta of smallest second moment up to a common shift, that moment, and the excess of the next.

    Such a set consists of the N points nearest to its own mean, so it is a fixed point of "take the N nearest
    points, move to their mean"; the search starts from a mesh of centres.
    """
    n = grid.n_points // 2
    basis = np.linalg.inv(grid.matrix.astype(float)).T @ grid.lattice.reciprocal
    reach = int(np.ceil(2 * np.sqrt(n) * np.linalg.norm(basis, axis=1).max() / abs(np.linalg.det(basis)) ** 0.5)) + 2
    side = np.arange(-reach, reach + 1)
    integers = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    points = integers @ basis
    found: dict[tuple[tuple[int, int], ...], float] = {}
    for start in itertools.product(range(SEARCH_MESH), repeat=2):
        centre = (np.array(start) + np.array([0.317, 0.419])) / SEARCH_MESH @ basis  # off every symmetric point
        moment = np.inf
        while True:
            chosen = np.argsort(np.sum((points - centre) ** 2, axis=1), kind="stable")[:n]
            centre = points[chosen].mean(axis=0)
            new = float(np.sum((points[chosen] - centre) ** 2))
            if not new < moment * (1 - TIE):
                break
            moment = new
        sea = integers[chosen][np.lexsort(integers[chosen].T)]
        found[tuple((int(a), int(b)) for a, b in sea - sea[0])] = moment
    least = min(found.values())
    best = sorted(sea for sea, moment in found.items() if moment <= least * (1 + TIE))
    others = [moment for moment in found.values() if moment > least * (1 + TIE)]
    excess = min(others) / least - 1 if others and least > 0 else float("nan")
    return np.array(best, dtype=np.int64), least, excess


def _boson_labels(grid: MomentumGrid) -> IntArray:
    """Labels of the two states of bosons at 1/2 with one flux quantum per cell, (2, 2).

    Translations of all particles by x_1 L_1/N_s + x_2 L_2/N_s anticommute for x = (1, 0) and (0, 1), so that those
    with odd x have no trace; with even x they are numbers, products of the boundary phases eta(L_j). A
    translation of the band by R is eta(R) times the magnetic one for each particle, with eta = 1 where R/2 is
    on the lattice and -1 elsewhere. The number of states at a momentum is a character.
    """
    (t11, t12), (t21, t22) = grid.matrix.tolist()
    n, orientation = grid.n_points, 1 if t11 * t22 > t12 * t21 else -1
    counts, seen = np.zeros(n), set()
    for r1, r2 in itertools.product(range(n), repeat=2):
        x1, x2 = orientation * (r1 * t22 - r2 * t21), orientation * (r2 * t11 - r1 * t12)
        if (x1 % n, x2 % n) in seen:
            continue
        seen.add((x1 % n, x2 % n))
        if x1 % 2 == 0 and x2 % 2 == 0:
            sign = _eta(t11, t12) ** (x1 // 2 % 2) * _eta(t21, t22) ** (x2 // 2 % 2) * _eta(r1, r2) ** (n // 2)
            counts += 2 / n * sign * np.cos(2 * np.pi * (grid.fractional @ np.array([r1, r2])))
    whole = np.round(counts).astype(np.int64)
    labels: IntArray = np.repeat(grid.labels, whole, axis=0)
    return labels


def _eta(first: int, second: int) -> int:
    return 1 if first % 2 == 0 and second % 2 == 0 else -1
