"""Which states belong to a manifold: carriers of each flavour, and states in each sector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from moire.errors import InputError, require
from moire.exact_diagonalization import sector_dimensions
from moire.exact_diagonalization.valley_numbers import carriers_of_flavours
from moire.grids import Label
from moire.orbitals import Numbers, Orbitals
from moire.predictions import expected_momenta


def carriers_at(orbitals: Orbitals, n_carriers: int, polarisation: int | None) -> Numbers:
    """Carriers of each flavour in the manifold; all in the first flavour where no polarisation is given.

    Raises
    ------
    InputError
        If the polarisation is impossible, or none is given and the carriers do not fit into one flavour.
    """
    if orbitals.n_flavours == 2 and polarisation is None:
        rule = f"be given for {n_carriers} carriers, more than one flavour holds"
        require(n_carriers <= orbitals.per_flavour, "polarisation", rule, None)
        polarisation = n_carriers
    return carriers_of_flavours(orbitals, n_carriers, polarisation)[0]


def manifold_counts(
    orbitals: Orbitals, carriers: Numbers, momenta: Sequence[Sequence[int]] | None = None
) -> Counter[Label]:
    """Number of states of the manifold in each sector: those given, or those predicted for one flavour.

    Raises
    ------
    InputError
        If nothing is given and nothing predicted, a label lies outside the momentum group, or a sector has fewer
        states.
    """
    grid = orbitals.grid
    fraction = Fraction(sum(carriers), grid.n_points)
    if momenta is None:
        polarised = max(carriers) == sum(carriers) and fraction <= 1
        predicted = expected_momenta(grid, fraction) if polarised else None
        if polarised and fraction == 1:
            total = grid.labels.sum(axis=0) % np.array(grid.moduli)
            predicted = ((int(total[0]), int(total[1])),)
        if predicted is None:
            raise InputError(
                f"`momenta` must be given at filling {fraction}{_shares(carriers)}, where no manifold is predicted, "
                "but is None."
            )
        momenta = predicted
    require(len(momenta) > 0, "momenta", "name at least one state", "empty")
    indices = [grid.index_of(label) for label in momenta]
    counts = Counter((int(grid.labels[i, 0]), int(grid.labels[i, 1])) for i in indices)
    dimensions = sector_dimensions(orbitals, carriers)
    for label, count in counts.items():
        room = int(dimensions[grid.index_of(label)])
        require(
            count <= room,
            "momenta",
            f"ask for at most {room} states of sector {label}, all it has",
            found=f"asks for {count}",
        )
    return counts


def _shares(carriers: Numbers) -> str:
    return f" with {' and '.join(map(str, carriers))} carriers in the flavours" if len(carriers) > 1 else ""
