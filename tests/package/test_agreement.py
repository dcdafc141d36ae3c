"""One Chern number by four routes, on a scan of sets, angles and fields: links, Kubo, Wilson winding, symmetry.

The routes share the eigensolver and little else: links use overlaps around plaquettes, the Wilson winding
products of them around the zone along either direction, the Kubo curvature linear systems and no neighbouring
momenta, the indicators three momenta (four for the parity) and no derivative.
"""

import itertools

import pytest

import moire as mo
from moire.topology import berry_curvature, c3_eigenvalues, chern_number, direct_gap_over_zone, parities, wilson_loops

SETS = mo.parameters.PUBLISHED
ANGLES = (2.2, 3.1, 3.89, 4.5)
FIELDS = (0.0, 12.0, 33.0)
POINTS = list(itertools.product(SETS, ANGLES, FIELDS))
MESHES = (12, 24, 48)
MIN_GAP_MEV = 2.0  # the Kubo sum converges like exp(-N gap / velocity): below this 48 x 48 may be too coarse


def model_of(name, twist_deg, displacement_mev, valley=+1):
    parameters = SETS[name]
    # At small angles the moire potential reaches more plane waves.
    shells = 4 if twist_deg < 3 else 3
    basis = mo.PlaneWaveBasis(mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm), shells)
    return mo.ContinuumModel(parameters, basis, valley, displacement_mev)


def converged_kubo(model, band):
    """Bands and Kubo sum on the first mesh that a doubling moved by less than 0.14, integer or not.

    The sum over a mesh of a periodic analytic function errs by exp(-c N): doubling squares the error, so that a
    change of 0.14 leaves 0.02.
    """
    values = []
    for mesh in MESHES:
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, mesh, mesh), band + 1)
        values.append(berry_curvature(bands, [band]).chern)
        if len(values) > 1 and abs(values[-1] - values[-2]) < 0.14:
            return bands, values[-1]
    raise AssertionError(f"Kubo is not converged on {MESHES[-1]} points for {model.name}: {values}")


def check_four_routes(model, band):
    """Assert that links, Kubo and the symmetry indicators agree; return the Chern number."""
    bands, kubo = converged_kubo(model, band)
    links = chern_number(bands, [band])
    assert links.is_reliable, str(links)
    assert links.value == pytest.approx(links.rounded, abs=1e-9)
    for axis in (0, 1):
        assert wilson_loops(bands, [band], axis=axis).chern == pytest.approx(links.rounded, abs=1e-9), model.name
    assert kubo == pytest.approx(links.rounded, abs=0.02), model.name
    rotation = c3_eigenvalues(model, band + 1)
    assert rotation.chern_modulo([band]) == links.rounded % 3, model.name
    if model.displacement_mev == 0:
        assert parities(model, band + 1).chern_modulo([band]) == links.rounded % 2, model.name
    return links.rounded


def check_scan(points):
    """Chern numbers of the top band at all points with an open gap, each by four routes."""
    models = {point: model_of(*point) for point in points}
    gapped = {point: model for point, model in models.items() if direct_gap_over_zone(model, 0, 6)[0] > MIN_GAP_MEV}
    return {point: check_four_routes(model, 0) for point, model in gapped.items()}


def test_four_routes_agree_on_a_short_scan():
    found = check_scan([("WANG_2023", 3.89, 0.0), ("WANG_2023", 3.89, 33.0), ("DEVAKUL_2021", 3.89, 0.0)])
    assert len(found) == 3
    assert found["WANG_2023", 3.89, 0.0] == -1
    assert found["WANG_2023", 3.89, 33.0] == 0
    assert found["DEVAKUL_2021", 3.89, 0.0] == +1


@pytest.mark.slow
def test_four_routes_agree_on_the_top_band_of_the_scan():
    found = check_scan(POINTS)
    assert len(found) >= 40
    assert {-1, 0, 1} <= set(found.values())  # the scan crosses transitions and holds both signs of phi
    at_zero_field = {(name, chern) for (name, _, D), chern in found.items() if D == 0}
    assert at_zero_field == {(name, +1 if name == "DEVAKUL_2021" else -1) for name in SETS}


@pytest.mark.parametrize(
    ("point", "expected", "valley"),
    [
        (("WANG_2023", 3.89, 0.0), (-1, 1), -1),
        (("REDDY_2023", 3.1, 0.0), (-1, -1, 2), +1),
        pytest.param(("WANG_2023", 3.89, 0.0), (-1, 1), +1, marks=pytest.mark.slow),
        pytest.param(("REDDY_2023", 3.1, 0.0), (-1, -1, 2), -1, marks=pytest.mark.slow),
    ],
)
def test_four_routes_agree_on_several_bands_and_both_valleys(point, expected, valley):
    for band, chern in enumerate(expected):
        assert check_four_routes(model_of(*point, valley), band) == valley * chern
