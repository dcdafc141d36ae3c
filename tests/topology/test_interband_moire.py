"""The interband index of the moire bands: zones, corners, valleys, and across band inversions.

At three shells the plane waves that sewing drops move a zone's value by 5e-6; disks are exact.
"""

import numpy as np
import pytest

import moire as mo
from moire.topology import (
    Disk,
    Polygon,
    Zone,
    chern_number,
    displacement_family,
    find_inversion,
    interband_index,
    interband_valley_index,
    topological_charges,
    twist_family,
)

WANG = mo.parameters.WANG_2023
FIELD = displacement_family(WANG, 3.89, plane_wave_shells=3)
TWIST = twist_family(WANG, plane_wave_shells=3)


def disk_around(model, corner, share=0.1):
    return Disk(tuple(model.lattice.corners[corner]), share * model.lattice.reciprocal_length)


@pytest.fixture(scope="module")
def zone_indices():
    """Theta on the zone before and after the top bands invert at D = 23.78 meV."""
    return {(D, 0, 1): interband_index(FIELD(D), Zone(FIELD(D).lattice), 0, 1) for D in (20.0, 26.0)}


def test_a_zone_gives_the_difference_of_chern_numbers(zone_indices):
    for (D, n, m), index in zone_indices.items():
        bands = mo.solve_bands(FIELD(D), mo.MomentumGrid.regular(FIELD(D).lattice, 18, 18), 2)
        expected = chern_number(bands, [m]).rounded - chern_number(bands, [n]).rounded
        assert index.converged
        assert index.value == pytest.approx(expected, abs=1e-4)
        assert index.contour == 0
    assert [index.rounded for index in zone_indices.values()] == [2, 0]


@pytest.mark.parametrize(
    ("corner", "pair", "expected"),
    [
        ("gamma", (0, 1), 3),
        ("kappa_+", (0, 1), 1),
        ("kappa_-", (0, 1), 1),
        ("gamma", (1, 2), -2),
        ("kappa_+", (1, 2), 2),
        ("kappa_-", (1, 2), 2),
    ],
)
def test_corners_at_zero_field(corner, pair, expected):
    # D = 0: inversion makes kappa_+ and kappa_- equal; gamma's value obeys the C3 labels (next test).
    index = interband_index(FIELD(0.0), disk_around(FIELD(0.0), corner, 0.2), *pair)
    assert index.converged
    assert index.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("corner", ["gamma", "kappa_+", "kappa_-"])
@pytest.mark.parametrize("pair", [(0, 1), (1, 2)])
def test_the_index_obeys_the_angular_momenta_modulo_three(corner, pair):
    # C3 sends u_n(k) to u_n(Rk) up to a gauge, so the parts of the boundary and of the disk in one third fix the
    # whole index modulo three by the eigenvalues at the centre: Theta_nm = l_m - l_n modulo 3.
    model = FIELD(20.0)
    labels = mo.topology.c3_eigenvalues(model).labels[("gamma", "kappa_+", "kappa_-").index(corner)]
    index = interband_index(model, disk_around(model, corner, 0.15), *pair)
    assert index.converged
    assert (index.rounded - (labels[pair[1]] - labels[pair[0]])) % 3 == 0


@pytest.mark.slow
def test_across_the_field_driven_inversion_the_disk_changes_as_the_zone_does(zone_indices):
    before, after = (interband_index(FIELD(D), disk_around(FIELD(D), "kappa_-"), 0, 1) for D in (20.0, 26.0))
    change_of_zone = zone_indices[26.0, 0, 1].rounded - zone_indices[20.0, 0, 1].rounded
    assert (before.rounded, after.rounded) == (1, -1)
    assert after.rounded - before.rounded == change_of_zone == -2
    elsewhere = [interband_index(FIELD(D), disk_around(FIELD(D), "kappa_+"), 0, 1).rounded for D in (20.0, 26.0)]
    assert elsewhere[0] == elsewhere[1] == 1


@pytest.mark.slow  # that in a field, below, is the quicker one
def test_across_the_angle_driven_inversion_the_index_at_gamma_changes_by_four():
    # Equal parities forbid a linear crossing: the touching is quadratic and moves two units of Chern number.
    disks = [interband_index(TWIST(t), disk_around(TWIST(t), "gamma"), 1, 2) for t in (4.7, 5.2)]
    zones = [interband_index(TWIST(t), Zone(TWIST(t).lattice), 1, 2) for t in (4.7, 5.2)]
    assert all(index.converged for index in disks + zones)
    assert disks[1].rounded - disks[0].rounded == zones[1].rounded - zones[0].rounded == 4


def test_at_the_inversion_itself_the_region_is_refused():
    transition = find_inversion(FIELD, (20, 26), 0, "kappa_-", tolerance=1e-10)
    model = FIELD(transition.value)
    with pytest.raises(mo.InputError, match="gap closes at k"):
        interband_index(model, disk_around(model, "kappa_-", 0.13), 0, 1)
    with pytest.raises(mo.InputError, match="whole zone a gap closes"):
        interband_index(model, Zone(model.lattice), 0, 1)


@pytest.mark.slow
def test_the_valley_index_changes_by_twice_the_change_in_one_valley():
    values = []
    for D in (20.0, 26.0):
        other = mo.ContinuumModel(WANG, FIELD(D).basis, -1, D)
        index = interband_valley_index(FIELD(D), other, disk_around(FIELD(D), "kappa_-"), 0, 1)
        assert index.valley_k_prime.rounded == -index.valley_k.rounded
        values.append(index.value)
    np.testing.assert_allclose(values, [2, -2], atol=1e-9)
    assert "K'" in str(index)


def test_a_hexagonal_polygon_of_a_third_of_the_zone_agrees_with_a_disk():
    model = FIELD(20.0)
    angles = np.pi / 3 * np.arange(6)
    hexagon = 0.15 * model.lattice.reciprocal_length * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    index = interband_index(model, Polygon(model.lattice.corners["kappa_-"] + hexagon), 0, 1)
    assert index.converged
    assert index.rounded == 1


@pytest.mark.slow  # the models of test_interband sum to zero in the default run
def test_charges_of_three_moire_bands_sum_to_zero():
    charges = topological_charges(FIELD(20.0), disk_around(FIELD(20.0), "kappa_-", 0.15), (0, 1, 2))
    assert charges.charges.sum() == pytest.approx(0, abs=1e-12)
    assert np.abs(charges.charges).max() > 0.3
