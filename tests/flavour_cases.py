"""States of several bands and both valleys on tiny clusters, and their amplitudes on the full Fock space."""

from functools import cache

import numpy as np

import moire as mo
from moire.exact_diagonalization import MomentumSector


@cache
def flavour_problem(
    shape=(1, 3), n_bands=2, valleys=(+1, -1), carrier="hole", zero_momentum="drop", phase=(0.1, 0.2), shells=2
):
    """WANG_2023 with few shells, |q| <= 2 |G_1|, layers apart, a field and a boundary phase: without symmetry."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    models = [mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, shells), valley, 5.0) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(lattice, shape, phase), n_bands)
    coulomb = mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(bands, coulomb, carrier, 2.0, zero_momentum)


@cache
def flavour_spectrum(filling="4/3", polarisation=(2, 0), n_eigenstates=2, **options):
    """Its spectrum with vectors."""
    problem = flavour_problem(**options)
    return mo.solve_all_sectors(problem, filling, n_eigenstates, polarisation=polarisation, keep_vectors=True)


def fock_states(spectrum, states):
    """Vectors (state, 2^orbitals) of the species diagonalized; bit i of an index is the occupation of orbital i."""
    species = spectrum.species
    psi = np.zeros((len(states), 1 << species.orbitals.size), dtype=complex)
    for i, (row, level) in enumerate(states):
        momentum = species.momentum(spectrum.grid.index_of(spectrum.labels[row]))
        words = MomentumSector(species.orbitals, spectrum.numbers(row), momentum).states
        psi[i, words.astype(np.int64)] = spectrum.vectors[row][level]
    return psi
