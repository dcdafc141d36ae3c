"""Hartree-Fock at a temperature: convergence where levels cross the Fermi energy, and the fall of the free energy."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock.occupation import Aufbau, entropy
from moire.hartree_fock.optimal_damping import OptimalDamping
from moire.hartree_fock.stages import Iterate

WANG = mo.parameters.WANG_2023


@pytest.fixture(scope="module")
def mean_field():
    lattice = mo.MoireLattice.from_twist(3.89, WANG.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, 3)
    models = [mo.ContinuumModel(WANG, basis, valley, displacement_mev=30.0) for valley in (1, -1)]
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(lattice, 6, 6), 2)
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, layer_distance_nm=0.7)
    return hf.MeanField(mo.project(bands, coulomb, "hole", 2.5, "exchange"))


@pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
@pytest.mark.parametrize("guess", ["non_magnetic", "layer_polarised", "AFMz"])
def test_states_converge_where_diis_alone_wanders(mean_field, guess):
    """DIIS alone used 300, 208 and 78 iterations: the levels at the Fermi energy cross in each of them."""
    state = hf.solve_hartree_fock(mean_field, 2, guess, temperature_mev=1.0)
    assert state.converged
    assert state.n_iterations < 50
    fock = mean_field(state.density_matrix)
    np.testing.assert_allclose(Aufbau(72, 1.0)(fock).density_matrix, state.density_matrix, atol=1e-6)


@pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
def test_damping_lowers_the_free_energy(mean_field):
    fill = Aufbau(72, 3.0)
    start = hf.solve_hartree_fock(mean_field, 2, "AFMxy").density_matrix
    last = OptimalDamping(1e-9, 12)(mean_field, Iterate.of(mean_field, start), fill, 12)
    energies = np.array([step.energy_per_cell for step in last.steps])
    assert len(energies) == 12
    assert (np.diff(energies) < 1e-10).all()
    assert energies[0] - energies[-1] > 1e-3
    filled = fill(mean_field(start))
    assert entropy(filled.density_matrix) == pytest.approx(filled.entropy, abs=1e-9)
