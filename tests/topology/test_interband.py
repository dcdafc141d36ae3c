"""The interband index: published and derived values, invariances, refusals.

Values are those of arXiv:2307.16893 for these models, each found by two independent codes.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import (
    Disk,
    Polygon,
    Zone,
    index_versus_radius,
    interband_index,
    topological_charges,
)
from tests.small_models import BernalBilayer, Chiral, Dirac, Gauged

UNIT_DISK = Disk((0.0, 0.0), 1.0)
SQUARE = Polygon([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def assert_trustworthy(index):
    assert index.converged
    assert abs(index.value - index.rounded) < 1e-9
    assert len(index.history) >= 2
    assert index.history[-1].min_link > 0.5
    assert index.history[-1].velocity_contour == pytest.approx(index.contour, abs=1e-9)
    # Neither part alone is an integer: the sum is not 0 + integer.
    assert abs(index.contour - round(index.contour)) > 1e-3


@pytest.mark.parametrize("tau", [1, -1])
@pytest.mark.parametrize("delta", [1.0, -0.4])
@pytest.mark.parametrize("region", [UNIT_DISK, SQUARE], ids=["disk", "square"])
def test_massive_dirac_gives_minus_tau_sign_of_the_mass(tau, delta, region):
    index = interband_index(Dirac(tau, delta), region, 0, 1)
    assert_trustworthy(index)
    assert index.rounded == -tau * np.sign(delta)


def test_the_dirac_area_part_is_the_solid_angle():
    # Omega_- = tau Delta / (2 (k^2 + Delta^2)^(3/2)) up to sign: the flux of a disk is 1 - Delta/sqrt(1 + Delta^2).
    index = interband_index(Dirac(1, 0.5), UNIT_DISK, 0, 1, max_doublings=3)
    assert index.area == pytest.approx(-(1 - 0.5 / np.sqrt(1.25)), abs=2e-3)  # the mesh is a 72-gon, not a circle


@pytest.mark.parametrize("n_layers", [2, 3, 4])
def test_chiral_multilayers_give_minus_the_number_of_layers(n_layers):
    index = interband_index(Chiral(n_layers), UNIT_DISK, 0, 1)
    assert_trustworthy(index)
    assert index.rounded == -n_layers


def test_bernal_bilayer_indices_and_topological_charges():
    charges = topological_charges(BernalBilayer(), Disk((0, 0), 0.6), range(4))
    expected = np.array([[0, 1, -1, 0], [-1, 0, -2, -1], [1, 2, 0, 1], [0, 1, -1, 0]])
    np.testing.assert_allclose(charges.indices, expected, atol=1e-9)
    np.testing.assert_allclose(charges.charges, [0, -1, 1, 0], atol=1e-9)
    assert "-1.0000" in str(charges)


def test_the_polygon_may_be_concave_and_listed_either_way_round():
    corners = np.array([(1, 0), (0.8, 1), (0, 0.2), (-1, 1), (-1, -1)])
    there = interband_index(Chiral(2), Polygon(corners), 0, 1)
    back = interband_index(Chiral(2), Polygon(corners[::-1]), 0, 1)
    assert_trustworthy(there)
    assert (there.rounded, there.area) == (-2, pytest.approx(back.area, abs=1e-9))


def test_a_polygon_with_many_corners_is_the_disk():
    angles = 2 * np.pi * np.arange(40) / 40
    ring = Polygon(0.7 * np.stack([np.cos(angles), np.sin(angles)], axis=-1))
    polygon = interband_index(BernalBilayer(), ring, 1, 2)
    disk = interband_index(BernalBilayer(), Disk((0, 0), 0.7), 1, 2)
    assert polygon.rounded == disk.rounded == -2
    assert polygon.area == pytest.approx(disk.area, abs=0.01)


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), radius=st.floats(0.3, 1.5), n=st.integers(0, 3), step=st.integers(1, 3))
def test_gauge_invariance_and_antisymmetry(seed, radius, n, step):
    m = (n + step) % 4
    disk = Disk((0.0, 0.0), radius)
    plain = interband_index(BernalBilayer(), disk, n, m)
    turned = interband_index(Gauged(BernalBilayer(), seed), disk, n, m)
    reverse = interband_index(BernalBilayer(), disk, m, n)
    assert turned.value == pytest.approx(plain.value, abs=1e-8)
    assert turned.contour == pytest.approx(plain.contour, abs=1e-8)
    assert reverse.value == pytest.approx(-plain.value, abs=1e-8)


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(radius=st.floats(0.05, 4.0), delta=st.floats(0.2, 2.0), n_layers=st.sampled_from([2, 3]))
def test_the_value_does_not_depend_on_the_radius_though_its_parts_do(radius, delta, n_layers):
    assert interband_index(Chiral(n_layers, delta), Disk((0, 0), radius), 0, 1).rounded == -n_layers


def test_random_phases_of_the_states_change_nothing():
    from moire.topology.regions.interband import _index_on
    from moire.topology.regions.states import RegionStates, solve_region

    model, rng = Chiral(3), np.random.default_rng(1)
    solved = solve_region(model, UNIT_DISK.mesh(1), 0, 1, None)
    phases = np.exp(2j * np.pi * rng.random((2, len(solved.points), 1)))
    scrambled = RegionStates(
        solved.mesh,
        solved.points,
        phases[0] * solved.n,
        phases[1] * solved.m,
        solved.split,
        solved.gaps,
        solved.bandwidth,
    )
    before, after = _index_on(model, solved), _index_on(model, scrambled)
    assert (after.contour, after.area) == pytest.approx((before.contour, before.area), abs=1e-9)
    assert after.velocity_contour == pytest.approx(before.velocity_contour, abs=1e-9)


def test_index_versus_radius_is_ready_to_plot():
    scan = index_versus_radius(BernalBilayer(), (0, 0), [0.1, 0.5, 1.0], 1, 2)
    np.testing.assert_allclose(scan.values, -2, atol=1e-9)
    # <2|d_l 0> of the bilayer changes sign at k^2 = 2 U gamma_1: there, and only there, the index is undefined.
    refused = index_versus_radius(BernalBilayer(), (0, 0), [0.1, np.sqrt(2 * 0.05 * 0.4), 0.3], 0, 2)
    np.testing.assert_allclose(refused.values[[0, 2]], -1, atol=1e-9)
    assert np.isnan(refused.values[1])
    assert "does not vanish" in refused.reasons[1]


class TestRefusals:
    def test_bands_that_touch_inside(self):
        with pytest.raises(mo.InputError, match=r"but in the disk .* a gap closes at k = \(.*e-1"):
            interband_index(Dirac(1, 0.0), Disk((0.13, 0.05), 1.0), 0, 1)

    def test_a_boundary_through_a_degeneracy(self):
        with pytest.raises(mo.InputError, match="on the boundary of the disk"):
            interband_index(Dirac(1, 0.0), Disk((0.6, 0.8), 1.0), 0, 1)
        with pytest.raises(mo.InputError, match="on the boundary of the polygon"):
            interband_index(Dirac(1, 0.0), Polygon([(-0.37, 0), (1, 0), (1, 1)]), 0, 1)

    def test_a_band_degenerate_with_a_third_one(self):
        # At bias 0 the middle bands of the bilayer touch at k = 0: band 1 has no curvature of its own.
        with pytest.raises(mo.InputError, match="bands 0 and 1 apart from their neighbours"):
            interband_index(BernalBilayer(bias=0.0), Disk((0, 0), 0.6), 0, 1)

    def test_a_coupling_that_vanishes_on_the_boundary(self):
        # <m|d_l n> of a Chiral(2) band pair is proportional to the momentum: zero at k = 0, on this edge.
        with pytest.raises(mo.InputError, match=r"<1\|d 0> does not vanish.*at k = \("):
            interband_index(Chiral(2), Polygon([(-0.37, 0), (1, 0), (0.3, 1)]), 0, 1)

    def test_bands_that_do_not_couple(self):
        class Decoupled(Dirac):
            def hamiltonian(self, k):
                return np.diag([k[0], 3.0 + k[1]]).astype(complex)

            def velocity(self, k):
                return np.array([np.diag([1, 0]), np.diag([0, 1])], dtype=complex)

        with pytest.raises(mo.InputError, match="do not couple"):
            interband_index(Decoupled(), UNIT_DISK, 0, 1)

    @pytest.mark.parametrize(("n", "m", "name"), [(0, 2, "m"), (-1, 1, "n"), (1, 1, "m"), (0.5, 1, "n")])
    def test_an_index_pair_out_of_range(self, n, m, name):
        with pytest.raises(mo.InputError, match=f"`{name}` must "):
            interband_index(Dirac(), UNIT_DISK, n, m)

    def test_a_zone_for_a_model_without_lattice(self):
        zone = Zone(mo.MoireLattice.from_twist(3.0, 0.352))
        with pytest.raises(mo.InputError, match="without a lattice"):
            interband_index(Dirac(), zone, 0, 1)

    @pytest.mark.parametrize(
        ("build", "words"),
        [
            (lambda: Disk((0, 0), 0.0), "radius"),
            (lambda: Disk((0, 0, 0), 1.0), "centre"),
            (lambda: Polygon([(0, 0), (1, 0)]), "three"),
            (lambda: Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), r"edges \d and \d meet"),
            (lambda: Polygon([(0, 0), (1, 0), (1, 0), (0, 1)]), "distinct"),
            (lambda: Polygon([(0, 0), (1, 0), (0.5, 0)]), "fold back at corner"),
        ],
    )
    def test_regions_that_are_none(self, build, words):
        with pytest.raises(mo.InputError, match=words):
            build()

    def test_a_mesh_too_coarse_is_said_and_not_hidden(self):
        with pytest.warns(mo.MeshWarning, match="not converged"):
            index = interband_index(Dirac(1, 1e-4), Disk((0.17, 0.11), 1.0), 0, 1, max_doublings=1)
        assert not index.converged
        assert "smallest link" in index.stop_reason
