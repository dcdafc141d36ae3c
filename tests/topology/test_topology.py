import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import berry_curvature, chern_number
from moire.topology.berry import chern_of_states, group_states, overlap_matrices
from tests.reference import kubo


def bands_of(model, n, n_bands=3):
    return mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, n, n), n_bands)


def random_gauge(bands, groups, seed):
    """The same bands with a random unitary in every group at every k."""
    rng = np.random.default_rng(seed)
    states = bands.states.copy()
    for group in groups:
        n = len(group)
        shape = (*states.shape[:2], n, n)
        unitary = np.linalg.qr(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))[0]
        states[:, :, group] = np.einsum("fkab,fkblg->fkalg", unitary, states[:, :, group])
    return dataclasses.replace(bands, states=states)


@pytest.fixture(scope="module")
def small_bands(build_model):
    return bands_of(build_model("WANG_2023", 3.89, shells=3), 6)


def corner_average(flux):
    """Plaquette [i, j] has its corners at points (i, j) .. (i+1, j+1)."""
    return (flux + np.roll(flux, -1, 0) + np.roll(flux, -1, 1) + np.roll(np.roll(flux, -1, 0), -1, 1)) / 4


def test_flux_map_is_the_kubo_map_plaquette_by_plaquette(build_model):
    model, errors = build_model("WANG_2023", 3.89, shells=4), []
    for n in (12, 24):
        bands = bands_of(model, n, 1)
        links = chern_number(bands, [0]).flux
        kubo_flux = corner_average(berry_curvature(bands, [0]).flux.reshape(n, n))
        # Per area, relative to the largest curvature: the trapezoidal corner average errs with the square of the step.
        errors.append(np.abs(links - kubo_flux).max() / np.abs(links).max())
    assert errors[0] < 0.2
    assert errors[1] < 0.35 * errors[0]


def test_chern_numbers_by_two_routes_at_the_angle_of_the_fit(wang_3p89_bands):
    for group, expected in (([0], -1), ([1], +1), ([0, 1], 0), ([2], 0), ([0, 1, 2], 0)):
        links = chern_number(wang_3p89_bands, group)
        assert links.value == pytest.approx(expected, abs=1e-10)
        assert links.rounded == expected
        if 2 not in group:  # the Kubo sum tends to the integer exponentially in the mesh
            assert berry_curvature(wang_3p89_bands, group).chern == pytest.approx(expected, abs=0.02)
    top = chern_number(wang_3p89_bands, [0])
    assert top.max_flux < 0.5
    assert top.min_link > 0.8
    assert top.mesh == (18, 18)
    assert "C[0] = -1.000000 on 18x18" in str(top)


@pytest.mark.slow
def test_kubo_sum_converges_where_links_are_exact_early(build_model):
    # Bands 2 and 3 are 2.3 meV apart at kappa: the curvature is a spike that the mesh must resolve, the links need not.
    model = build_model("WANG_2023", 3.89, shells=3)
    coarse, fine = (bands_of(model, n) for n in (18, 36))
    assert chern_number(coarse, [2]).value == pytest.approx(0, abs=1e-10)
    errors = [abs(berry_curvature(bands, [2]).chern) for bands in (coarse, fine)]
    assert errors[1] < 0.3 < 5 * errors[1] < errors[0]


def test_kubo_against_the_sum_over_all_bands(small_bands):
    model, grid = small_bands.models[0], small_bands.grid
    for group in ([0], [1], [0, 1]):
        curvature = berry_curvature(small_bands, group).curvature
        for i in (0, 5, 17):
            assert curvature[i] == pytest.approx(kubo.curvature(model, grid.points[i], group), rel=1e-8)
    assert np.abs(berry_curvature(small_bands, [0]).curvature).max() > 0.1  # nm^2: no 0 == 0


def test_kubo_against_finite_differences_of_the_projector(build_model):
    # Omega = -2 Im tr(P d_x P d_y P) with the sign of <d_x u| Q |d_y u>: an independent route to the sign.
    model, k, step = build_model("WANG_2023", 3.89, shells=3), np.array([0.21, 0.13]), 1e-4

    def projector(momentum):
        state = np.linalg.eigh(model.hamiltonian(momentum))[1][:, -1]
        return np.outer(state, state.conj())

    dx, dy = (
        (projector(k + step * e) - projector(k - step * e)) / (2 * step) for e in (np.array([1, 0]), np.array([0, 1]))
    )
    omega = -2 * np.trace(projector(k) @ dx @ dy).imag
    assert kubo.curvature(model, k, [0]) == pytest.approx(omega, rel=1e-5)


def test_valleys_and_phase_sign_are_opposite(build_model):
    one = bands_of(build_model("WANG_2023", 3.89, shells=4), 9, 2)
    other = bands_of(build_model("WANG_2023", 3.89, shells=4, valley=-1), 9, 2)
    model = one.models[0]
    p = model.parameters
    conjugate = bands_of(
        dataclasses.replace(model, parameters=dataclasses.replace(p, potential_phase_deg=-p.potential_phase_deg)), 9, 2
    )
    for band, expected in ((0, -1), (1, +1)):
        assert chern_number(one, [band]).rounded == expected
        assert chern_number(other, [band]).rounded == -expected
        assert chern_number(conjugate, [band]).rounded == -expected
    # k -> -k maps the maps onto each other, point by point.
    opposite = one.grid.difference_index[0]
    flux, mirrored = berry_curvature(one, [0]).curvature, berry_curvature(other, [0]).curvature[opposite]
    np.testing.assert_allclose(mirrored, -flux, atol=1e-3 * np.abs(flux).max())


def test_flavours_are_kept_apart(build_model):
    models = [build_model("WANG_2023", 3.89, shells=3, valley=v) for v in (+1, -1)]
    both = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 9, 9), 1)
    assert [chern_number(both, [0], flavour).rounded for flavour in (0, 1)] == [-1, +1]


def test_every_band_together_is_trivial(build_model):
    # All bands of a finite basis, dim 2 x 7 at one shell: the links of the full space have modulus below one only
    # where plane waves leave the disk, and a whole Hilbert space has no curvature.
    model = build_model("WANG_2023", 3.89, shells=1)
    bands = bands_of(model, 6, 14)
    np.testing.assert_allclose(berry_curvature(bands, range(14)).curvature, 0, atol=1e-12)
    separate = [kubo.curvature(model, np.array([0.2, 0.1]), [n]) for n in range(14)]
    assert max(map(abs, separate)) > 0.1
    assert sum(separate) == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_gauge_invariance(small_bands, seed):
    singles, pair = random_gauge(small_bands, [[0], [1], [2]], seed), random_gauge(small_bands, [[0, 1], [2]], seed)
    for bands, group in ((singles, [0]), (singles, [1]), (singles, [0, 1]), (pair, [0, 1])):
        reference, rotated = chern_number(small_bands, group), chern_number(bands, group)
        np.testing.assert_allclose(rotated.flux, reference.flux, atol=1e-11)
        assert rotated.min_link == pytest.approx(reference.min_link, rel=1e-10)
    np.testing.assert_allclose(
        berry_curvature(singles, [0]).curvature, berry_curvature(small_bands, [0]).curvature, rtol=1e-9, atol=1e-12
    )
    links = [overlap_matrices(group_states(b, [0]), b.models[0], (1, 0)) for b in (singles, small_bands)]
    assert np.abs(links[0] - links[1]).max() > 0.1  # it did rotate


@dataclasses.dataclass(frozen=True)
class Unsewn:
    """A model whose states over the zone edge are not shifted: a total Chern number alone would not show it."""

    model: mo.ContinuumModel

    def __getattr__(self, name):
        return getattr(self.model, name)

    def sew(self, states, reciprocal):
        return states


@pytest.mark.filterwarnings("ignore::moire.MeshWarning")
def test_without_sewing_the_integer_survives_and_the_link_collapses(wang_3p89_bands):
    sewn = chern_number(wang_3p89_bands, [0])
    unsewn_bands = dataclasses.replace(wang_3p89_bands, models=(Unsewn(wang_3p89_bands.models[0]),))
    with pytest.raises(mo.InputError, match="`sew` must turn the states"):
        chern_number(unsewn_bands, [0])
    states = wang_3p89_bands.states[0][:, [0]].reshape(18, 18, 1, *wang_3p89_bands.states.shape[-2:])
    unsewn = chern_of_states(states, unsewn_bands.models[0], (0,))
    # The total is an exact integer again, here of the opposite sign: with the minus sign forgotten it looks right.
    assert unsewn.value == pytest.approx(round(unsewn.value), abs=1e-10)
    assert unsewn.rounded == -sewn.rounded
    # What gives it away: the smallest link, the largest flux and the map.
    assert sewn.min_link > 0.8
    assert unsewn.min_link < 0.3
    assert sewn.max_flux < 0.5
    assert unsewn.max_flux > 1.5
    assert not unsewn.is_reliable
    kubo_flux = corner_average(berry_curvature(wang_3p89_bands, [0]).flux.reshape(18, 18))
    assert np.abs(sewn.flux - kubo_flux).max() < 0.1 * np.abs(kubo_flux).max()
    assert np.abs(unsewn.flux - kubo_flux).max() > np.abs(kubo_flux).max()


def test_coarse_mesh_warns(build_model):
    bands = bands_of(build_model("WANG_2023", 3.89, shells=3), 2, 1)
    with pytest.warns(mo.MeshWarning, match=r"too coarse: C\[0\] = .* on 2x2: smallest link 0\.\d+"):
        result = chern_number(bands, [0])
    assert not result.is_reliable
    assert "(mesh too coarse for any Chern number except 0)" in str(result)


def test_twisted_mesh_gives_the_same_number(build_model):
    model = build_model("WANG_2023", 3.89, shells=4)
    grid = mo.MomentumGrid.regular(model.lattice, 9, 10, boundary_phase=(0.31, 0.77))
    assert chern_number(mo.solve_bands(model, grid, 1), [0]).value == pytest.approx(-1, abs=1e-10)


def test_curvature_on_a_path_has_no_flux(build_model):
    model = build_model("WANG_2023", 3.89, shells=3)
    path = mo.KPath.through(model.lattice, points_per_segment=3)
    result = berry_curvature(mo.solve_bands(model, path, 1), [0])
    assert result.cell_area == 0
    assert np.abs(result.curvature).max() > 0.1
