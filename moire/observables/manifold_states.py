"""Choice of the states of a spectrum to average over: the predicted manifold, or those given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray
from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization import MomentumSector, Spectrum
from moire.grids import Label

State = tuple[int, int]


def manifold_rows(spectrum: Spectrum) -> dict[Label, int]:
    """Rows of the sectors of the predicted manifold, by momentum.

    With two flavours these are the sectors of all carriers in one flavour: the first polarisation of the two that
    was solved, as in :attr:`Spectrum.manifold`.
    """
    polarisation = spectrum.polarisation
    own = np.flatnonzero(np.abs(polarisation) == spectrum.n_carriers)
    return {spectrum.labels[row]: int(row) for row in own if polarisation[row] == polarisation[own[0]]}


@checked
def manifold_states(spectrum: Spectrum) -> tuple[State, ...]:
    """States of the predicted ground-state manifold, each as (row of its sector, level).

    If a momentum is predicted several times, its lowest levels are taken. With two flavours all carriers are in one.

    Parameters
    ----------
    spectrum
        A solved spectrum; its vectors are not needed.

    Raises
    ------
    InputError
        If no manifold is predicted at this filling, or some of its states were not solved.
    """
    manifold = spectrum.manifold
    if manifold is None:
        raise InputError(
            f"`states` must be given where no incompressible manifold is predicted, but is None at filling "
            f"{spectrum.filling} on {spectrum.grid.name}."
        )
    rows = manifold_rows(spectrum)
    wanted = Counter(manifold.momenta)
    found = tuple(
        (rows[label], level)
        for label, count in sorted(wanted.items())
        if label in rows
        for level in range(min(count, spectrum.energies.shape[1]))
        if np.isfinite(spectrum.energies[rows[label], level])
    )
    require(
        len(found) == len(manifold.momenta),
        "spectrum",
        f"hold the {len(manifold.momenta)} states of the manifold (more levels or sectors would)",
        found=f"holds {len(found)} of them",
    )
    return found


def check_states(spectrum: Spectrum, states: Sequence[State] | None) -> tuple[State, ...]:
    """Return the states, those of the manifold by default; raise InputError unless the spectrum has their vectors."""
    require(len(spectrum.vectors) > 0, "spectrum", "be solved with keep_vectors=True", found="holds no vectors")
    if states is None:
        return manifold_states(spectrum)
    chosen = tuple((int(row), int(level)) for row, level in states)
    require(len(chosen) > 0, "states", "name at least one state", "empty")
    require(len(set(chosen)) == len(chosen), "states", "be distinct", found=f"are {list(chosen)}")
    for row, level in chosen:
        require(
            0 <= row < len(spectrum.vectors) and 0 <= level < len(spectrum.vectors[row]),
            "states",
            "be pairs (row of a sector, level) that the spectrum holds",
            found=f"hold {(row, level)}",
        )
    return chosen


@dataclass(frozen=True, eq=False)
class SectorVectors:
    """States of one sector of the species diagonalized.

    Parameters
    ----------
    sector
        The basis.
    vectors
        (state, dim), orthonormal.
    """

    sector: MomentumSector
    vectors: ComplexArray = field(repr=False)


def vectors_by_sector(spectrum: Spectrum, states: Sequence[State]) -> Iterator[SectorVectors]:
    """Chosen vectors with their basis, one sector at a time.

    Raises
    ------
    InputError
        If vectors do not have all components of their sector.
    """
    species = spectrum.species
    for row in sorted({row for row, _ in states}):
        momentum = species.momentum(spectrum.grid.index_of(spectrum.labels[row]))
        levels = [level for other, level in states if other == row]
        sector = MomentumSector(species.orbitals, spectrum.numbers(row), momentum)
        vectors = spectrum.vectors[row][levels]
        held = f"hold vectors of all {sector.dimension} states of sector {spectrum.labels[row]}"
        require(vectors.shape[1] == sector.dimension, "spectrum", held, found=f"holds them of {vectors.shape[1]}")
        yield SectorVectors(sector, vectors)
