"""Spectra at boundary phases that a rotation of the cluster, or a shift of all labels, relates to phases solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moire._arrays import read_only
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, Spectrum
from moire.exact_diagonalization.symmetry import OrbitalSymmetry, find_symmetry, rotated_orbitals
from moire.grids import Label
from moire.orbitals import Species


def relations(
    source: PairHamiltonian, target: PairHamiltonian, tolerance_mev: float, n_particles: int
) -> list[OrbitalSymmetry]:
    """Rotations by multiples of 60 degrees, 0 included, that turn one Hamiltonian into the other.

    Parameters
    ----------
    source, target
        One problem at two pairs of boundary phases.
    tolerance_mev
        Largest bound on the change of energies.
    n_particles
        Particles of the species.
    """
    grid, found = target.orbitals.grid, []
    for n_sixths in range(6):
        if rotated_orbitals(source.orbitals, n_sixths, target=grid) is not None:
            symmetry = find_symmetry(source, n_sixths, target=target)
            if symmetry is not None and symmetry.energy_bound(n_particles) <= tolerance_mev:
                found.append(symmetry)
    return found


def turned(
    spectrum: Spectrum,
    symmetry: OrbitalSymmetry,
    species: Species,
    labels: Sequence[Label],
    n_levels: int,
    with_vectors: bool,
) -> Spectrum | None:
    """The spectrum of some sectors after a rotation; None where the sectors it needs were not solved.

    Parameters
    ----------
    spectrum
        At the phases solved, of one polarisation.
    symmetry
        The rotation.
    species
        Particles and orbitals at the other phases.
    labels
        Sectors there.
    n_levels
        Levels of each sector.
    with_vectors
        Whether to turn vectors too.
    """
    before, grid = spectrum.species, species.orbitals.grid
    numbers, bound = spectrum.numbers(0), symmetry.energy_bound(spectrum.n_particles)
    origin = {}
    for row, label in enumerate(spectrum.labels):
        momentum = before.momentum(before.orbitals.grid.index_of(label))
        image = species.momentum(symmetry.image_sector((numbers, momentum), grid)[1])
        origin[tuple(grid.labels[image].tolist())] = row
    if not all(label in origin for label in labels):
        return None
    rows = [origin[label] for label in labels]
    vectors = []
    for label, row in zip(labels, rows, strict=True) if with_vectors else ():
        momenta = (
            before.momentum(before.orbitals.grid.index_of(spectrum.labels[row])),
            species.momentum(grid.index_of(label)),
        )
        bases = [MomentumSector(each.orbitals, numbers, k) for each, k in zip((before, species), momenta, strict=True)]
        vectors.append(symmetry.map_vectors(spectrum.vectors[row][:n_levels], *bases))
    reason = f"{symmetry} from other phases" if symmetry.angle_deg else "shifted from other phases"
    return replace(
        spectrum,
        species=species,
        carriers=read_only(spectrum.carriers[rows]),
        momenta=read_only(labels, np.int64),
        dimensions=read_only(spectrum.dimensions[rows]),
        energies=read_only(spectrum.energies[rows, :n_levels]),
        residuals=read_only(spectrum.residuals[rows, :n_levels] + bound),
        n_products=read_only(np.zeros(len(rows)), np.int64),
        converged=tuple(spectrum.converged[row] for row in rows),
        stop_reason=(reason,) * len(rows),
        vectors=tuple(vectors),
    )
