"""Momenta of the ground-state manifold of a fractional Chern insulator, from the root pattern of its filling."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from moire.grids import Label, MomentumGrid


def root_pattern(filling: Fraction) -> tuple[int, ...]:
    """Return the most uniform occupation of q orbitals by p particles: 110 for 2/3, 11010 for 3/5, up to rotation."""
    p, q = filling.numerator, filling.denominator
    return tuple((orbital + 1) * p // q - orbital * p // q for orbital in range(q))


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
    pattern = np.array(root_pattern(filling))
    orbitals = np.arange(grid.n_points)
    momenta = []
    for rotation in range(q):
        occupied = orbitals[pattern[(orbitals + rotation) % q] == 1]
        total = grid.labels[occupied].sum(axis=0) % np.array(grid.moduli)
        momenta.append((int(total[0]), int(total[1])))
    return tuple(sorted(momenta))
