"""Any model in plane waves can be projected: one written by hand gives the numbers of ContinuumModel."""

from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.bloch import (
    check_hermitian,
    check_plane_waves,
    check_sewing,
    check_time_reversal,
    check_velocity,
    is_plane_wave_model,
    is_threefold_model,
    is_truncated_model,
)
from moire.hartree_fock.real_space import real_space_map
from tests.plane_wave_toy import UserModel

WANG = mo.parameters.WANG_2023
LATTICE = mo.MoireLattice.from_twist(3.7, WANG.lattice_constant_nm)
TOY = UserModel(WANG, LATTICE, displacement_mev=4.0)
OURS = mo.ContinuumModel(WANG, mo.PlaneWaveBasis(LATTICE, 2), displacement_mev=4.0)
COULOMB = mo.ScreenedCoulomb(epsilon_r=15, gate_distance_nm=30, layer_distance_nm=0.7)


def problem(models, n_bands, shape):
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(LATTICE, *shape), n_bands)
    return mo.project(bands, COULOMB, "hole", q_cutoff=2.0, zero_momentum="exchange")


def test_the_protocols_tell_what_a_model_offers():
    assert [is_plane_wave_model(m) for m in (TOY, OURS, mo.models.HaldaneModel(0.25, 1.0, 0.1, 90, 0))] == [1, 1, 0]
    assert [is_threefold_model(TOY), is_threefold_model(OURS)] == [False, True]
    assert [is_truncated_model(TOY), is_truncated_model(OURS)] == [False, True]


@pytest.mark.parametrize("model", [TOY, OURS, OURS.time_reversed()], ids=["toy", "K", "K'"])
def test_right_models_pass_every_check(model):
    for check in (check_hermitian, check_sewing, check_plane_waves, check_time_reversal):
        check(model)
    check_velocity(model, LATTICE.reciprocal_length)


def test_a_model_of_a_user_goes_through_exact_diagonalization():
    spectra = [mo.solve_all_sectors(problem(model, 1, (2, 3)), "-1/3", 2) for model in (TOY, OURS)]
    assert np.ptp(spectra[0].energies[np.isfinite(spectra[0].energies)]) > 1.0
    np.testing.assert_allclose(spectra[0].energies, spectra[1].energies, atol=1e-8)


def test_a_model_of_a_user_goes_through_hartree_fock():
    """Energies, the layer that D favours, maps in real space and bands between the grid momenta."""
    found = []
    for model in (TOY, OURS):
        p = problem((model, model.time_reversed()), 2, (3, 3))
        state = hf.solve_hartree_fock(p, 1, "layer_polarised", settings=hf.ScfSettings(tolerance_mev=1e-9))
        density = real_space_map(p, state.density_matrix, 6).layers
        path = mo.KPath.through(LATTICE, points_per_segment=2)
        bands = hf.interpolate_bands(state, path, image_correction=False).energies
        found.append((state.energy_per_cell, state.moments.layer_polarisation, density, bands))
    assert found[0][1] > 0.01  # D > 0 draws the holes to b
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_what_a_model_lacks_is_named():
    p = problem((TOY, TOY.time_reversed()), 2, (3, 3))
    with pytest.raises(
        mo.InputError, match=r"^`symmetry` must not be 'c3' for a model without the method `rotated`, but"
    ):
        hf.solve_hartree_fock(p, 1, "valley_polarised", symmetry="c3")
    haldane = mo.models.HaldaneModel(0.25, 1000.0, 100.0, 90.0, 0.0)
    bands = mo.solve_bands(haldane, mo.MomentumGrid.regular(haldane.lattice, 2, 3), 1)
    with pytest.raises(
        mo.InputError, match=r"^`bands` must be those of models in plane waves, but .* has no `basis`, `v"
    ):
        mo.project(bands, COULOMB)


class ThreeLayers(UserModel):
    state_shape = (3, 19)

    def hamiltonian(self, k):
        return np.pad(super().hamiltonian(k), (0, 19)) - np.diag(np.arange(57) // 38 * 500.0)


WRONG = {
    "waves": (
        {"state_shape": (1, 38)},
        check_plane_waves,
        r"`state_shape` must be \(layer, G\) with the 19 plane waves",
    ),
    "sewing": (
        {"sew": lambda self, states, g: UserModel.sew(self, states, -g)},
        check_plane_waves,
        r"`sew` must turn the waves of `basis` into each other, .* at G' = \+1 b_1 \+0 b_2",
    ),
    "same valley": (
        {"time_reversed": lambda self: self},
        check_time_reversal,
        r"`time_reversed` must return .* valley -1 ",
    ),
    "field reversed": (
        {"time_reversed": lambda self: replace(self, valley=-self.valley, displacement_mev=-4.0)},
        check_time_reversal,
        r"`time_reversed` must return the model with H'\(k\) = H\(-k\)\^\*, but they differ by 4 meV",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_member_is_named(fault):
    members, check, sentence = WRONG[fault]
    model = type("Wrong", (UserModel,), members)(WANG, LATTICE, displacement_mev=4.0)
    with pytest.raises(mo.InputError, match=f"^{sentence}"):
        check(model)


def test_the_interaction_has_two_layers():
    bands = mo.solve_bands(ThreeLayers(WANG, LATTICE), mo.MomentumGrid.regular(LATTICE, 2, 2), 1)
    with pytest.raises(mo.InputError, match=r"^`bands` must have two layers, as V_ll'\(q\) has, but have 3\.$"):
        mo.project(bands, COULOMB)
