"""A model of local stacking at the relaxed stacking, as a table of harmonics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import fft

from moire._arrays import ComplexArray
from moire._types import checked
from moire.continuum import Harmonic, HarmonicTable
from moire.errors import require
from moire.relaxation.relax import Relaxation, cell_points, stacking_momenta

_CONSTANT = (0, 0)


@checked
def relaxed_table(
    table: HarmonicTable, relaxation: Relaxation, *, shells: int = 4, name: str | None = None
) -> HarmonicTable:
    """Harmonics of a model of local stacking, such as WU_2019, at the stacking delta(r) + u(r).

    A term A exp(i q.r) that depends on the local stacking through exp(i Q.delta), q.r = Q.delta(r), becomes
    A exp(i q.r) exp(i Q.u(r)), whose periodic factor is expanded in harmonics. q of a row is its transfer measured from
    the corners of its layers, so that the three equal tunnelling terms stay equal (Nam and Koshino, arXiv:1706.03908,
    Eq. 20). Rows with powers of the momentum are kept; strain couplings are further rows, for whoever knows them.

    Parameters
    ----------
    table
        Harmonics of the rigid bilayer, fitted to untwisted stackings. Sets that were fitted to relaxed twisted
        structures, such as WANG_2023, hold the relaxation already.
    relaxation
        The displacement, at the lattice at which the model is used.
    shells
        Harmonics of the factors up to these integer coordinates.
    name
        Name of the model; by default that of the table, relaxed at the angle.

    Raises
    ------
    InputError
        If `shells` is below 1.
    """
    require(shells >= 1, "shells", "be at least 1", shells)
    lattice = relaxation.lattice
    n = fft.next_fast_len(4 * shells + 4 * int(np.abs(relaxation.vectors).max()) + 2)
    displacement = relaxation.displacement(cell_points(lattice, n))
    corners = np.stack([lattice.corners["kappa_+"], lattice.corners["kappa_-"]])
    rows: list[Harmonic] = []
    expanded: set[Harmonic] = set()
    for row in table.rows:
        if row.powers != _CONSTANT or row.is_diagonal:
            rows.append(row)
            continue
        if row.conjugate in expanded:
            continue
        expanded.add(row)
        wave = row.transfer @ lattice.reciprocal - corners[row.to] + corners[row.source]
        factor = np.exp(1j * displacement @ stacking_momenta(lattice, wave))
        rows += [each for part in _expanded(row, factor, shells) for each in (part, part.conjugate)]
    chosen = name or f"{table.name} relaxed at {lattice.twist_deg:g} deg"
    return HarmonicTable(chosen, tuple(rows))


def _expanded(row: Harmonic, factor: ComplexArray, shells: int) -> Iterator[Harmonic]:
    """Rows of a harmonic times a periodic factor given on the points of the cell, (n, n)."""
    coefficients = fft.fft2(factor) / factor.size
    for a in range(-shells, shells + 1):
        for b in range(-shells, shells + 1):
            if abs(a + b) <= shells:
                transfer = row.transfer[0] + a, row.transfer[1] + b
                yield replace(row, transfer=transfer, amplitude_mev=row.amplitude_mev * complex(coefficients[a, b]))
