"""Polarisation, spin gap and magnons of both valleys, against Hartree-Fock where that is exact."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.observables import valley_polarisation
from moire.parameters import WANG_2023

LATTICE = mo.MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm)
BASIS = mo.PlaneWaveBasis(LATTICE, 6)


def problem(valleys=(+1, -1), rule="exchange", shape=(2, 3), displacement=0.0):
    models = [mo.ContinuumModel(WANG_2023, BASIS, valley, displacement) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(LATTICE, shape), 1)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), "hole", 2.0, rule)


def test_magnons_of_a_full_band_are_those_of_time_dependent_hartree_fock():
    # one carrier flipped out of a full band: particle-hole pairs are all the states there are
    given = problem(displacement=4.0)
    spectrum = mo.solve_all_sectors(given, "-1", 1, polarisation=[6, 4])
    found = valley_polarisation(spectrum)
    state = hf.solve_hartree_fock(given, 1, "valley_polarised")
    modes = hf.excitations(state, n_modes=1)
    lowest = np.full(given.grid.n_points, np.nan)
    lowest[modes.momentum_indices] = modes.energies[:, 0]
    np.testing.assert_allclose(found.magnons, lowest, atol=1e-6)


def test_the_polarised_state_wins_where_exchange_is_strong():
    found = valley_polarisation(mo.solve_all_sectors(problem(), "-1", 1))
    assert found.complete
    assert found.ground == found.largest == 6
    assert found.decision.answer is True
    assert found.spin_gap_mev == pytest.approx(np.nanmin(found.magnons), abs=1e-9)
    assert found.margin_mev == pytest.approx(min(found.energies[1:]) - found.energies[0])
    assert found.spin_gap_kelvin == pytest.approx(11.6045 * found.spin_gap_mev, rel=1e-5)
    assert str(found).splitlines()[-1].startswith("  Fully polarised: the lowest state has |S_z| = 3; ")


def test_a_multiplet_is_not_called_polarised():
    # valleys with the same form factors: the lowest multiplet has copies at every S_z
    found = valley_polarisation(mo.solve_all_sectors(problem(valleys=(+1, +1)), "-1", 1, polarisation="all"))
    assert found.decision.answer is None
    assert "zero within the accuracy of these energies" in found.decision.sentence
    assert found.spin_gap_mev == pytest.approx(0, abs=1e-7)  # the magnon at Q = 0 turns the polarisation


def test_what_was_not_solved_leaves_it_open():
    found = valley_polarisation(mo.solve_all_sectors(problem(), "-1", 1, polarisation=[6, 4]))
    assert found.decision.answer is None
    assert "not every sector of every polarisation is known" in found.decision.sentence
    with pytest.raises(mo.InputError, match="`spectrum` must hold the polarisation 4, but holds 2, 6"):
        valley_polarisation(mo.solve_all_sectors(problem(), "-1", 1, polarisation=[6, 2]))
    with pytest.raises(mo.InputError, match="`spectrum` must have two flavours, but has 1"):
        valley_polarisation(mo.solve_all_sectors(problem(valleys=(+1,)), "-1", 1))


def test_the_other_sign_must_be_solved_where_time_reversal_is_broken():
    models = [mo.ContinuumModel(WANG_2023, BASIS, valley, 8.0) for valley in (+1, -1)]
    grid = mo.MomentumGrid.cluster(LATTICE, (2, 3), (0.2, 0.1))
    given = mo.project(mo.solve_bands(models, grid, 1), mo.ScreenedCoulomb(epsilon_r=10), "hole", 2.0, "exchange")
    half = mo.solve_all_sectors(given, "-1", 1, polarisation=[6, 4, 2, 0])
    assert half.reversal_mev is None
    assert not valley_polarisation(half).complete
    assert valley_polarisation(mo.solve_all_sectors(given, "-1", 1, polarisation="all")).complete
    symmetric = mo.solve_all_sectors(problem(), "-1", 1, polarisation=[6, 4, 2, 0])
    assert symmetric.reversal_mev < 1e-6
    assert valley_polarisation(symmetric).complete
