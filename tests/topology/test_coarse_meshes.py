"""A mesh of N plaquettes shows reliably |C| < N/4 only: one that cannot show 1 says so, whatever it found."""

import warnings

import numpy as np
import pytest

import moire as mo
from moire.models import HaldaneModel, KaneMeleModel
from moire.topology import Zone, chern_number, converged_chern, interband_index, wilson_loops, z2_index
from moire.topology.berry import largest_chern

# C = -1: |M| is below 3 sqrt 3 t_2 = 1039 meV
HALDANE = HaldaneModel(0.25, 1000.0, 200.0, 90.0, 700.0)
KANE_MELE = KaneMeleModel(0.25, 1000.0, 200.0, 700.0)  # two copies, Z2 = 1


def solve(model, mesh, n_bands=1, boundary_phase=(0.0, 0.0)):
    return mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, *mesh, boundary_phase=boundary_phase), n_bands)


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mo.MeshWarning)
        return function(*arguments, **options)


def test_the_largest_chern_number_of_a_mesh():
    assert [largest_chern(n) for n in (1, 4, 5, 8, 9, 16, 17)] == [0, 0, 1, 1, 2, 3, 4]
    assert [largest_chern(n, 1.0) for n in (6, 7)] == [0, 1]


@pytest.mark.parametrize(("mesh", "words"), [((2, 2), "for any Chern number except 0"), ((1, 9), "mesh too coarse")])
def test_links_that_nothing_else_gives_away(mesh, words):
    with pytest.warns(mo.MeshWarning, match=words):
        result = chern_number(solve(HALDANE, mesh), [0])
    assert (result.rounded, result.min_link > 0.5, result.max_flux < np.pi / 2) == (0, True, True)
    assert (result.largest_shown == 0) == (mesh == (2, 2))
    assert not result.is_reliable


def test_links_of_larger_meshes():
    assert chern_number(solve(HALDANE, (6, 6)), [0]).rounded == -1
    result = quietly(chern_number, solve(HALDANE, (3, 3)), [0])
    assert result.largest_shown == 2
    assert result.rounded == -1 or not result.is_reliable
    assert quietly(chern_number, solve(HALDANE, (4, 4)), [0]).largest_shown == 3


def test_no_reliable_number_is_wrong():
    """Haldane's model at random parameters and boundary phases, on every shape from 1x1 to 6x6."""
    rng, reliable = np.random.default_rng(3), 0
    for _ in range(9):
        t2, phase, ratio = rng.uniform(100, 300), rng.uniform(30, 90), rng.uniform(0, 0.9)
        model = HaldaneModel(0.25, 1000.0, t2, phase, ratio * 3 * np.sqrt(3) * t2 * np.sin(np.radians(phase)))
        for mesh in ((1, 1), (1, 6), (2, 2), (2, 4), (5, 2), (3, 6), (4, 4), (5, 5), (6, 6)):
            bands = solve(model, mesh, boundary_phase=tuple(rng.uniform(size=2)))
            found = [quietly(chern_number, bands, [0])]
            loops = [quietly(wilson_loops, bands, [0], axis=axis) for axis in (0, 1)]
            numbers = [(result.is_reliable, result.rounded) for result in found]
            numbers += [(loop.is_reliable, round(loop.chern)) for loop in loops]
            assert all(number == -1 for trusted, number in numbers if trusted), (model, mesh)
            reliable += sum(trusted for trusted, _ in numbers)
    assert reliable > 20


@pytest.mark.parametrize(("mesh", "axis"), [((2, 2), 1), ((4, 6), 1), ((6, 4), 0)])
def test_too_few_wilson_loops(mesh, axis):
    loops = wilson_loops(solve(HALDANE, mesh), [0], axis=axis)
    assert loops.largest_shown == 0
    assert not loops.is_reliable
    assert "too coarse for any Chern number except 0" in str(loops)
    assert wilson_loops(solve(HALDANE, (5, 3)), [0]).largest_shown == 1


@pytest.mark.parametrize("mesh", [(2, 2), (2, 6), (4, 6)])
def test_z2_of_few_loops_is_not_reliable(mesh):
    with pytest.warns(mo.MeshWarning, match="too coarse for any Z2 except 0"):
        result = z2_index(solve(KANE_MELE, mesh, 2), [0, 1])
    assert not result.is_reliable


def test_z2_of_enough_loops():
    result = z2_index(solve(KANE_MELE, (24, 12), 2), [0, 1])
    assert result.can_be_odd
    assert result.is_reliable
    assert result.value == 1


@pytest.mark.parametrize("start", [2, 3, 5])
def test_a_mesh_that_refines_itself_does_not_stop_before_it_could_show_the_number(start):
    loose = {"min_link": 0.4, "max_flux": 1.5}  # which 2x2 obeys, with C = 0
    for options in ({}, loose):
        result = converged_chern(HALDANE, [0], start=start, **options)
        assert result.converged
        assert result.rounded == -1
    assert len(converged_chern(HALDANE, [0], start=2, **loose).plaquettes) >= 16


def test_interband_indices_start_from_meshes_that_can_show_them():
    zone = Zone(HALDANE.lattice)
    assert largest_chern(len(zone.mesh(0).faces)) == 35
    assert interband_index(HALDANE, zone, 0, 1).rounded == 2  # C_1 - C_0
