"""Many-body states shared by the tests of their diagnostics: WANG_2023, 3 shells, |q| <= 3 |G_1|, solved once."""

from functools import cache

import numpy as np

import moire as mo
from moire.filling import one_band_filling
from moire.predictions import expected_momenta


@cache
def problem_on(shape, carrier="hole", theta=3.7, displacement_mev=0.0, epsilon_r=10.0, zero_momentum="drop", d=0.0):
    """Projected problem of the top band of valley K; `shape` is a tuple, of tuples on a tilted cluster."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(theta, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 3), displacement_mev=displacement_mev)
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(lattice, np.array(shape)), n_bands=1)
    coulomb = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=d)
    return mo.project(bands, coulomb, carrier, 3.0, zero_momentum)


@cache
def solved(shape, filling=(2, 3), n_eigenstates=3, *, everywhere=False, particle_hole=None, **settings):
    """Spectrum with vectors, at the momenta of the manifold or everywhere."""
    problem = problem_on(shape, **settings)
    momenta = None if everywhere else sorted(set(expected_momenta(problem.grid, one_band_filling(filling))))
    return mo.solve_all_sectors(
        problem,
        filling,
        n_eigenstates,
        momenta=momenta,
        settings=mo.SpectrumSettings(particle_hole=particle_hole),
        keep_vectors=True,
    )
