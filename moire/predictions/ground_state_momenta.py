"""Momenta of the ground states of a fractional Chern insulator, from the root patterns of its filling."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from moire._types import checked
from moire.errors import require
from moire.grids import Label, MomentumGrid


@checked
def root_pattern(filling: Fraction) -> tuple[int, ...]:
    """Return the most uniform occupation of q orbitals by p particles: 110 for 2/3, 11010 for 3/5, up to rotation."""
    p, q = filling.numerator, filling.denominator
    return tuple((orbital + 1) * p // q - orbital * p // q for orbital in range(q))


@checked
def expected_momenta(grid: MomentumGrid, filling: Fraction) -> tuple[Label, ...] | None:
    """Total momenta of the q-fold manifold of a |C| = 1 band at filling p/q, with multiplicity.

    The q rotations of the root pattern are laid on the line lambda = l1 d2 + l2 of the momenta of the
    cluster, rectangular or tilted (labels of the Smith normal form). This gives the momenta of the
    q-dimensional representation of the magnetic translations (Haldane, PRL 55, 2095 (1985)) on every cluster.

    Parameters
    ----------
    grid
        The cluster; an incompressible state needs a multiple of q cells.
    filling
        Carriers per cell, p/q in lowest terms.

    Returns
    -------
    tuple of labels, sorted; None if no incompressible state is predicted (q even or 1) or none fits the cluster.

    References
    ----------
    Regnault and Bernevig, PRX 1, 021014 (2011).
    """
    filling = abs(filling)
    q = filling.denominator
    if q % 2 == 0 or q == 1 or grid.n_points % q:
        return None
    return _total_momenta(grid, [root_pattern(filling)])


@checked
def moore_read_momenta(grid: MomentumGrid) -> tuple[Label, ...]:
    """Total momenta of the Moore-Read states of a half-filled |C| = 1 band, with multiplicity.

    Their root patterns have two particles in any four consecutive orbitals: 1100 with four translations and 1010 with
    two. The first does not fit an odd number of particles, so that an even number has six states and an odd one two.
    They are laid on the line of :func:`expected_momenta`. The particle-hole conjugate state has the same momenta.

    Parameters
    ----------
    grid
        The cluster, with an even number of cells.

    Returns
    -------
    tuple of labels, sorted.

    Raises
    ------
    InputError
        If the number of cells is odd.

    References
    ----------
    Read and Green, Phys. Rev. B 61, 10267 (2000); Bernevig and Regnault, Phys. Rev. B 85, 075128 (2012).
    """
    found = f"has {grid.n_points} ({grid.name})"
    require(grid.n_points % 2 == 0, "cluster", "have an even number of cells at half filling", found=found)
    return _total_momenta(grid, [(1, 0), (1, 1, 0, 0)] if grid.n_points % 4 == 0 else [(1, 0)])


def _total_momenta(grid: MomentumGrid, patterns: Iterable[tuple[int, ...]]) -> tuple[Label, ...]:
    """Sums of the labels that each translation of each pattern occupies, sorted."""
    orbitals = np.arange(grid.n_points)
    momenta = []
    for pattern in patterns:
        for shift in range(len(pattern)):
            occupied = np.array(pattern)[(orbitals + shift) % len(pattern)] == 1
            first, second = grid.labels[occupied].sum(axis=0) % np.array(grid.moduli)
            momenta.append((int(first), int(second)))
    return tuple(sorted(momenta))
