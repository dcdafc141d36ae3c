"""Quasihole counting of Laughlin states on a torus, in total and in every momentum sector of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb, gcd

import numpy as np

from moire._arrays import IntArray, read_only
from moire._types import checked
from moire.errors import require
from moire.grids import MomentumGrid


@checked
def admissible_strings(n_orbitals: int, n_particles: int, m: int) -> Iterator[tuple[int, ...]]:
    """Occupied orbitals of every (1, m)-admissible string: at most one particle in m consecutive orbitals of a ring."""
    gaps = m - 1
    for compact in combinations(range(n_orbitals - gaps * (n_particles - 1)), n_particles):
        occupied = tuple(orbital + gaps * i for i, orbital in enumerate(compact))
        if not occupied or occupied[0] + n_orbitals - occupied[-1] >= m:
            yield occupied


@checked
def admissible_total(n_orbitals: int, n_particles: int, m: int) -> int:
    """Number of (1, m)-admissible strings on a ring, (N_s / N) binom(N_s - (m-1) N - 1, N - 1)."""
    if n_particles == 0:
        return 1
    free = n_orbitals - (m - 1) * n_particles - 1
    return n_orbitals * comb(free, n_particles - 1) // n_particles if free >= 0 else 0


@checked
def torus_counts(n_orbitals: int, n_particles: int, m: int) -> IntArray:
    """Laughlin quasihole states by relative momentum, D(kx, ky), of shape (N_0, N_0) with N_0 = gcd(N, N_phi).

    A string with sum of orbitals J has ky = J mod N_0; one J stands for each ky, since the translation by one
    orbital adds N to J: the centre-of-mass degeneracy N_phi / N_0. The translation by N_phi / N_0
    orbitals conserves J; an orbit of length l under it gives the l values of kx with
    exp(2 pi i kx l / N_0) = (-1)^{(N - 1) N l / N_0}, the sign of the N l / N_0 fermions that pass the end of the ring.

    References
    ----------
    Haldane, Phys. Rev. Lett. 55, 2095 (1985); Bernevig and Regnault, Phys. Rev. B 85, 075128 (2012).
    """
    relative = gcd(n_particles, n_orbitals)
    step = n_orbitals // relative
    counts = np.zeros((relative, relative), dtype=np.int64)
    seen: set[tuple[int, ...]] = set()
    for string in admissible_strings(n_orbitals, n_particles, m):
        total = sum(string) % n_orbitals
        if total >= relative or string in seen:
            continue
        orbit = {string}
        moved = string
        while (moved := tuple(sorted((orbital + step) % n_orbitals for orbital in moved))) != string:
            orbit.add(moved)
        seen |= orbit
        spacing = relative // len(orbit)
        odd = (n_particles - 1) * (n_particles // spacing) % 2
        counts[(odd * spacing // 2 + spacing * np.arange(len(orbit))) % relative, total] += 1
    return read_only(counts)


@checked
def quasihole_counts(grid: MomentumGrid, n_particles: int, m: int) -> IntArray:
    """Laughlin 1/m quasihole states of N particles in every momentum sector of a |C| = 1 band, (sector,).

    N(K1, K2) = (n_1 n_2 / N_0) sum of D(kx, ky) over kx = K1 mod n_1 and ky = K2 mod n_2, with n_i = gcd(N, N_i) and
    N_0 = gcd(N, N_1 N_2). Assigning the strings directly to the labels is wrong where N shares a factor with
    N_1 or N_2.

    Parameters
    ----------
    grid
        The cluster; for a tilted one N_1 and N_2 are the moduli of its labels.
    n_particles
        N, at least 1.
    m
        Odd; 3 for the state at one third.

    Raises
    ------
    InputError
        If N does not lie in 1..N_s or m is not odd and positive.

    References
    ----------
    Bernevig and Regnault, Phys. Rev. B 85, 075128 (2012), the folding rule.
    """
    require(n_particles in range(1, grid.n_points + 1), "n_particles", f"lie in 1..{grid.n_points}", n_particles)
    require(m >= 1 and m % 2 == 1, "m", "be odd and positive", m)
    counts = torus_counts(grid.n_points, n_particles, m)
    first, second = (gcd(n_particles, modulus) for modulus in grid.moduli)
    folded = np.zeros((first, second), dtype=np.int64)
    momenta = np.arange(len(counts))
    np.add.at(folded, (momenta[:, None] % first, momenta[None] % second), counts)
    scaled = first * second * folded[grid.labels[:, 0] % first, grid.labels[:, 1] % second]
    return read_only(scaled // len(counts))
