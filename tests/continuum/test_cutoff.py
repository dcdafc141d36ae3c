"""The plane-wave cutoff: its error is estimated, warned of once, and small by default."""

import warnings
from functools import cache

import numpy as np
import pytest

import moire as mo
from moire.cutoff import CONVERGED_MEV, CUTOFF_TOLERANCE_MEV, cutoff_shifts, default_plane_wave_shells, outer_weight
from moire.linalg.hermitian import extremal_eigenpairs
from moire.parameters import PUBLISHED, WANG_2023
from moire.sweep import BandsTask, ModelPoint, Request, parse_plan
from moire.topology import Disk, c3_eigenvalues, converged_chern, interband_index, parities, twist_family

# gamma, kappa, and where |k| is largest in the cell of a regular grid
MOMENTA = np.array([[0, 0], [1 / 3, 1 / 3], [5 / 6, 1 / 2], [11 / 12, 11 / 12]])


def model_of(name, twist_deg, shells, valley=1, displacement_mev=0.0):
    lattice = mo.MoireLattice.from_twist(twist_deg, PUBLISHED[name].lattice_constant_nm)
    return mo.ContinuumModel(PUBLISHED[name], mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)


@cache
def solve(name, twist_deg, shells):
    """Energies and shifts of the top three bands (k, band), and the largest weight on the outermost shell."""
    model = model_of(name, twist_deg, shells)
    points = MOMENTA @ model.lattice.reciprocal
    levels, states = zip(*(extremal_eigenpairs(model.hamiltonian(k), 3, largest=True) for k in points), strict=True)
    states = np.array(states).reshape(len(points), 3, *model.state_shape)
    return (
        np.array(levels),
        cutoff_shifts(model, points, np.array(levels), states),
        outer_weight(model, states).max(),
    )


@pytest.mark.parametrize("name", ["WANG_2023", "XU_2024"])  # one harmonic and two
def test_dropped_waves_are_those_of_a_larger_basis(name):
    model, larger = (model_of(name, 2.0, shells, valley=-1, displacement_mev=7.0) for shells in (3, 5.5))
    layers, vectors, coupling = model.dropped_waves
    rows = [
        layer * larger.basis.size + larger.basis.shift(vector)[0] for layer, vector in zip(layers, vectors, strict=True)
    ]
    kept = np.concatenate([layer * larger.basis.size + np.arange(model.basis.size) for layer in (0, 1)])
    np.testing.assert_array_equal(larger.basis.vectors[: model.basis.size], model.basis.vectors)
    k = np.array([0.3, -0.7])
    whole = larger.hamiltonian(k)
    np.testing.assert_array_equal(coupling.toarray(), whole[np.ix_(rows, kept)])
    np.testing.assert_allclose(model.dropped_energies(k), np.diag(whole)[rows].real, rtol=1e-12)
    beyond = np.setdiff1d(np.arange(len(whole)), np.concatenate([rows, kept]))
    assert not whole[np.ix_(beyond, kept)].any()  # none is forgotten


CASES = [
    pytest.param("WANG_2023", 0.5, (6, 7), 10, marks=pytest.mark.slow),
    ("WANG_2023", 1.0, (4, 5, 6), 8),
    ("WANG_2023", 2.0, (3, 4, 5), 7),
    ("WANG_2023", 3.89, (2, 3, 4), 6),
    ("WANG_2023", 5.0, (2, 3), 5),
    ("REDDY_2023", 0.7, (5, 6), 8),
    ("REDDY_2023", 2.0, (3, 4), 6),
    ("WU_2019", 1.2, (3, 4, 5), 7),
    ("DEVAKUL_2021", 1.43, (3, 4), 6),
    ("XU_2024", 2.0, (2, 3, 4), 6),
]


@pytest.mark.parametrize(("name", "twist_deg", "shells", "converged"), CASES)
def test_the_estimate_bounds_the_error(name, twist_deg, shells, converged):
    exact, _, _ = solve(name, twist_deg, converged)
    for n in shells:
        levels, shifts, weight = solve(name, twist_deg, n)
        errors = exact - levels  # more waves below only raise a valence band
        assert errors.min() > -1e-9
        worst = shifts.max()
        assert worst < 20 * weight  # without weight on the outermost shell there is no error
        if worst <= CUTOFF_TOLERANCE_MEV:  # no warning
            assert errors.max() < 0.015
            assert 0.95 * worst < errors.max() < 1.6 * worst
        else:
            assert errors.max() > CUTOFF_TOLERANCE_MEV
            assert 0.95 * worst < errors.max() < 2.2 * worst


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in ("WANG_2023", "XU_2024") else pytest.mark.slow) for name in PUBLISHED],
)
def test_the_default_cutoff_is_converged(name):
    parameters = PUBLISHED[name]
    for twist_deg in (0.6, 1.55):
        assert solve(name, twist_deg, default_plane_wave_shells(parameters, twist_deg))[1].max() < CONVERGED_MEV
    angles = np.linspace(1.6, 6.0, 45)
    assert {default_plane_wave_shells(parameters, float(angle)) for angle in angles} == {5}
    shells = [default_plane_wave_shells(parameters, float(angle)) for angle in np.linspace(0.2, 6.0, 100)]
    assert shells == sorted(shells, reverse=True)
    assert shells[0] > 8


def test_too_few_shells_are_told_once_with_the_cutoff_that_would_do():
    models = [model_of("WANG_2023", 0.5, 5, valley) for valley in (1, -1)]
    grid = mo.MomentumGrid.regular(models[0].lattice, 2, 2)
    with pytest.warns(mo.CutoffWarning) as caught:
        few = mo.solve_bands(models, grid, 1)
    assert [str(warning.message) for warning in caught] == [
        "The plane-wave cutoff is too small for WANG_2023, theta = 0.5 deg, D = 0 meV, valley K', 5 shells: waves "
        "beyond it move band 0 by about 0.2 meV (weight 0.02 on the outermost shell); 8 plane_wave_shells would do."
    ]
    assert caught[0].filename == __file__
    assert few.width() > 0.01  # of a band that is flat
    enough = model_of("WANG_2023", 0.5, default_plane_wave_shells(WANG_2023, 0.5))
    assert mo.solve_bands(enough, grid, 1).width() < 5e-5


def test_paths_adaptive_meshes_and_regions_warn_too():
    model = model_of("WANG_2023", 3.89, 2)
    for route in (
        lambda: mo.solve_bands(model, mo.KPath.through(model.lattice, points_per_segment=2), 2),
        lambda: converged_chern(model, [0], start=6),
        lambda: interband_index(model, Disk((0.1, 0.2), 0.3), 0, 1),
        lambda: c3_eigenvalues(model, 2),
        lambda: parities(model, 2),
        lambda: mo.plane_wave_orbitals(model, mo.MomentumGrid.regular(model.lattice, 2, 2)),
    ):
        with pytest.warns(mo.CutoffWarning, match=r"2 shells: .*; \d plane_wave_shells would do") as caught:
            route()
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_enough_shells_and_other_models_are_silent(wang_3p89_bands):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mo.solve_bands(wang_3p89_bands.models[0], wang_3p89_bands.grid, 3)
        haldane = mo.models.HaldaneModel(0.25, 1000.0, 130.0, 70.0, 210.0)
        mo.solve_bands(haldane, mo.MomentumGrid.regular(haldane.lattice, 4, 4), 2)


def test_plans_points_and_families_take_the_default():
    def shells(**model):
        plan = {"tasks": ["bands"], "model": {"parameter_set": "WANG_2023", "twist_deg": [0.7, 3.7]} | model}
        return [request.point.plane_wave_shells for request in parse_plan(plan).requests()]

    assert shells() == shells(plane_wave_shells="auto") == [8, 5]
    assert shells(plane_wave_shells=6) == [6, 6]
    with pytest.raises(mo.InputError, match=r"`model.plane_wave_shells` must be .*, but is 'many'"):
        shells(plane_wave_shells="many")
    default, given = (
        Request(point=ModelPoint(parameters=WANG_2023, twist_deg=3.7, **options), task=BandsTask())
        for options in ({}, {"plane_wave_shells": 5.0})
    )
    assert default.key == given.key  # files of earlier sweeps are found again
    assert [twist_family(WANG_2023)(angle).basis.plane_wave_shells for angle in (0.7, 3.7)] == [8, 5]


class Upside:
    """The model with -H: its bands are the lowest ones, and dropped waves lie above."""

    top_band_first = False

    def __init__(self, model):
        self.model = model

    def dropped_energies(self, k):
        return -self.model.dropped_energies(k)

    def dropped_amplitudes(self, k, states):
        return -self.model.dropped_amplitudes(k, states)


def test_lowest_bands_are_pushed_down_as_far_as_highest_ones_are_pushed_up():
    model, points = model_of("WANG_2023", 2.0, 3), np.array([[0.1, 0.2], [0.4, -0.3]])
    levels, states = zip(*(extremal_eigenpairs(model.hamiltonian(k), 3, largest=True) for k in points), strict=True)
    levels, states = np.array(levels), np.array(states).reshape(2, 3, *model.state_shape)
    shifts = cutoff_shifts(model, points, levels, states)
    assert shifts.min() > 1e-6
    np.testing.assert_array_equal(cutoff_shifts(Upside(model), points, -levels, states), shifts)
