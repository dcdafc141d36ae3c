"""What follows from a state in plane waves: equal to the same from all bands, where there are few waves."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock.time_dependent.own_bands import OwnBands
from moire.hartree_fock.time_dependent.particle_hole import SecondVariation, insulating_groups, sectors_of
from moire.observables import orbital_magnetisation
from tests.hartree_fock.test_plane_waves import LATTICE, problems

pytestmark = pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
TIGHT = hf.ScfSettings(tolerance_mev=1e-9)


@pytest.fixture(scope="module", params=["AFMxy", "valley_polarised"])
def pair(request):
    """An insulator that mixes the valleys and one that does not, in all 28 bands and in plane waves: one P for both."""
    filling, cluster = (2, [2, 2]) if request.param == "AFMxy" else (1, [2, 3])
    bands, waves = (hf.MeanField(problem).rescaled(30.0) for problem in problems(cluster, displacement=15.0))
    projected = hf.solve_hartree_fock(bands, filling, request.param, settings=TIGHT)
    density = hf.transferred(projected.density_matrix, bands, waves)
    full = hf.solve_hartree_fock(waves, filling, density, settings=dataclasses.replace(TIGHT, tolerance_mev=1e-8))
    assert projected.mixes_valleys == full.mixes_valleys == (request.param == "AFMxy")
    assert not full.is_metal
    assert full.residual < 1e-8
    return projected, dataclasses.replace(full, density_matrix=density)


@pytest.mark.parametrize("correction", [True, False])
def test_bands_along_a_path_are_those_of_all_bands(pair, correction):
    path = mo.KPath.through(LATTICE, points_per_segment=3)
    bands, waves = (hf.interpolate_bands(state, path, correction, n_bands=28) for state in pair)
    np.testing.assert_allclose(waves.energies, bands.energies, atol=1e-9)
    assert np.ptp(bands.energies[0, :, 0]) > 1
    few = hf.interpolate_bands(pair[1], path, correction)
    assert few.n_bands == len(pair[1].filled_bands) + 6
    np.testing.assert_allclose(few.energies, waves.energies[:, :, : few.n_bands], atol=1e-9)
    for k in path.points[1:3]:
        first, second = (hf.MeanFieldModel.of(state, correction).hamiltonian(k) for state in pair)
        np.testing.assert_allclose(second, first, atol=1e-9)


@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_the_grid_gives_its_own_bands(carrier):
    _, waves = problems([3, 2], carrier, rule="drop")
    state = hf.solve_hartree_fock(waves, 1, "valley_polarised", settings=TIGHT)
    bands = hf.interpolate_bands(state, waves.grid, image_correction=False, n_bands=28)
    np.testing.assert_allclose(bands.energies, state.bands.energies, atol=1e-8)
    assert bands.top_band_first == (carrier == "hole")
    overlaps = np.einsum("fknlg,fknlg->fkn", bands.states.conj(), state.bands.states)
    np.testing.assert_allclose(np.abs(overlaps), 1, atol=1e-6)


def test_bands_asked_for_exist(pair):
    with pytest.raises(mo.InputError, match=r"`n_bands` must be an integer in 1\.\.28, but is 29"):
        hf.interpolate_bands(pair[1], pair[1].problem.grid, n_bands=29)


def test_the_second_variation_in_all_own_bands_is_that_of_the_projected_state(pair):
    projected, waves = pair
    groups = insulating_groups(projected)
    for state in (projected, waves):
        own, largest = OwnBands.of(state, 14), 0.0
        for sector in sectors_of(groups, "all"):
            first = SecondVariation(projected.problem, groups, sector)
            second = own.variation(sector)
            assert second.n_forward == first.n_forward
            expected, found = (variation.matrix(1) for variation in (first, second))
            n = first.n_forward
            for part in (slice(None), slice(n)):  # with the destruction of pairs, and without
                levels = [np.linalg.eigvalsh(matrix[part, part]) for matrix in (expected, found)]
                np.testing.assert_allclose(levels[1], levels[0], atol=1e-7)
            largest = max(largest, np.abs(found[:n, n:]).max(initial=0.0))
        assert largest > 0.1


def test_more_bands_lower_every_mode(pair):
    projected, waves = pair
    approximation = "tda" if waves.mixes_valleys else "tdhf"  # the state that mixes them is a saddle
    options = {"n_modes": 3, "momenta": [(0, 1)], "approximation": approximation}
    found = [hf.excitations(waves, n_bands=n, **options) for n in (2, 4, 14)]
    for few, many in pairwise(found):
        assert (few.energies > many.energies + 1e-4).all()
        assert few.n_pairs < many.n_pairs
        np.testing.assert_allclose(few.continuum, many.continuum, atol=1e-9)
    np.testing.assert_allclose(found[-1].energies, hf.excitations(projected, **options).energies, atol=1e-6)
    assert "2 bands per valley nearest the gap, the others frozen" in str(found[0])


@pytest.mark.parametrize("pair", ["AFMxy"], indirect=True)
def test_rotating_the_order_costs_nothing_in_few_bands(pair):
    """The valleys have a broken U(1): its zero mode stays at zero, however few bands there are."""
    own = OwnBands.of(pair[1], 2)
    (sector,) = sectors_of(own.groups, "all")
    levels = np.abs(np.linalg.eigvalsh(own.variation(sector).matrix(0)))
    assert (levels < 1e-6).sum() == 1


def test_excitations_in_plane_waves_need_a_number_of_bands(pair):
    with pytest.raises(mo.InputError, match="`n_bands` must be a number of bands for a state in plane waves, but is"):
        hf.excitations(pair[1])
    with pytest.raises(mo.InputError, match=r"`n_bands` must be an integer in 1\.\.14, from the filled"):
        hf.excitations(pair[1], n_bands=0)


def test_quantities_are_those_of_all_bands(pair):
    maps = [hf.real_space_map(state.problem, state.density_matrix, 6) for state in pair]
    np.testing.assert_allclose(maps[1].density, maps[0].density, atol=1e-9)
    moments = [state.moments for state in pair]
    np.testing.assert_allclose(moments[1].occupations, moments[0].occupations, atol=1e-9)
    assert moments[1].coherence == pytest.approx(moments[0].coherence, abs=1e-9)
    for flavour in (0, 1):
        valleys = [state.valley_bands(flavour).energies for state in pair]
        np.testing.assert_allclose(valleys[1], valleys[0], atol=1e-6)
    moved = mo.MomentumGrid.cluster(LATTICE, [2, 2], (0.2, 0.1))
    orbital = [orbital_magnetisation(state, moved) for state in pair]
    np.testing.assert_allclose(orbital[1].per_cell(), orbital[0].per_cell(), rtol=1e-6)
    assert abs(orbital[0].total) > 1e-3
    assert "without mean field" in str(orbital[0])
    assert "without mean field" not in str(orbital[1])


@pytest.mark.parametrize("pair", ["valley_polarised"], indirect=True)
def test_active_bands_are_those_of_all_bands(pair):
    active = [hf.active_bands(state, [0], [0, 1]) for state in pair]
    np.testing.assert_allclose(active[1].bands.energies, active[0].bands.energies, atol=1e-6)
    full = pair[1].problem.on_bands(hf.active_bands(pair[1]).bands, reference="vacuum")
    assert mo.solve_all_sectors(full, (6, 6), 1).ground_energy / 6 == pytest.approx(pair[1].energy_per_cell, rel=1e-9)


def test_no_band_is_left_to_be_added(pair):
    with pytest.raises(mo.InputError, match="`first` must be a state in bands, to which more are added, but leaves no"):
        hf.band_margin(pair[1], pair[1])
