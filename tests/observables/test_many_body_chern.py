"""Many-body Chern numbers: by links, by pumping, and against those of bands."""

import dataclasses
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.observables import (
    LabelShift,
    ManifoldAtPhases,
    StatesAtPhase,
    at_boundary_phase,
    manifold_at_phases,
    many_body_chern,
    orbital_overlaps,
)
from moire.observables.carried_vectors import in_bands
from moire.topology import chern_number
from tests.flavour_cases import flavour_problem
from tests.reference.twisted_overlaps import determinant_overlap


@pytest.fixture(scope="module")
def problem(build_model, coulomb):
    """Return a function shape -> problem at 3.7 degrees with 3 shells, |q| <= 2 |G_1|."""
    model = build_model("WANG_2023", 3.7, shells=3)

    def build(shape, carrier="hole", boundary_phase=(0.0, 0.0)):
        grid = mo.MomentumGrid.cluster(model.lattice, shape, boundary_phase)
        return mo.project(mo.solve_bands(model, grid, n_bands=1), coulomb, carrier, 2.0)

    return build


def manifold_of(problem, filling, momenta, particle_hole=None):
    settings = mo.SpectrumSettings(particle_hole=particle_hole, tolerance_mev=1e-9)
    return ManifoldAtPhases(problem, Fraction(*filling), Counter(momenta), settings)


def carriers(manifold, state, label, level):
    """Amplitudes of a state by the occupation of the carriers; sign of d_j1 .. d_jm acting on the full band."""
    n = manifold.grid.n_points
    amplitudes = {}
    for word, amplitude in zip(
        manifold.basis(label).states.tolist(), state.vectors(label, level + 1)[level], strict=True
    ):
        if manifold.transformed:
            empty = [k for k in range(n) if word >> k & 1]
            amplitude *= (-1) ** sum(empty)
            word ^= (1 << n) - 1
        amplitudes[word] = amplitude
    return amplitudes


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("particle_hole", [False, True])
def test_overlaps_are_those_of_antisymmetrised_plane_waves(problem, carrier, particle_hole):
    start = problem([2, 2], carrier)
    manifold = manifold_of(start, (1, 2), [(0, 1), (0, 1)], particle_hole)
    offsets = (0.0, 0.0), (0.3, 0.2)
    states = [manifold.solve(offset, 2) for offset in offsets]
    overlap = manifold.overlap(*states, (0, 1))
    bands = [state.bands for state in states]
    levels = [[carriers(manifold, state, (0, 1), level) for level in range(2)] for state in states]
    hole = carrier == "hole"
    expected = [[determinant_overlap(*bands, left, right, hole) for right in levels[1]] for left in levels[0]]
    np.testing.assert_allclose(overlap, expected, atol=1e-12)
    assert 0.5 < abs(np.linalg.det(overlap)) < 0.9
    other = manifold_of(start, (1, 2), [(1, 1)], particle_hole)
    foreign = carriers(other, other.solve(offsets[1], 1), (1, 1), 0)
    assert abs(determinant_overlap(*bands, levels[0][0], foreign, hole)) < 1e-14  # labels are orthogonal


def amplitudes(manifold, state, label, level):
    return dict(zip(manifold.basis(label).states.tolist(), state.vectors(label, level + 1)[level], strict=True))


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize(
    ("n_bands", "valleys", "polarisation"), [(2, (+1,), None), (3, (+1,), None), (1, (+1, -1), 1), (2, (+1, -1), 1)]
)
def test_overlaps_of_several_bands_are_determinants(n_bands, valleys, polarisation, carrier):
    start = flavour_problem((1, 3), n_bands, valleys, carrier)
    settings = mo.SpectrumSettings(tolerance_mev=1e-9)
    manifold = ManifoldAtPhases(start, Fraction(1), Counter([(0, 1), (0, 1)]), settings, polarisation)
    states = [manifold.solve(offset, 2) for offset in ((0.0, 0.0), (0.3, 0.2))]
    overlap = manifold.overlap(*states, (0, 1))
    bands = [state.bands for state in states]
    levels = [[amplitudes(manifold, state, (0, 1), level) for level in range(2)] for state in states]
    expected = [
        [determinant_overlap(*bands, left, right, carrier == "hole") for right in levels[1]] for left in levels[0]
    ]
    np.testing.assert_allclose(overlap, expected, atol=1e-11)
    assert 0.01 < abs(np.linalg.det(overlap)) < 0.95


def test_missing_carriers_of_both_valleys_have_the_same_links():
    """Also around the end of a turn, up to a sign there: that of moving the full bands."""
    start = flavour_problem((1, 3), 1)
    links = []
    for choice in (False, True):
        settings = mo.SpectrumSettings(tolerance_mev=1e-9, particle_hole=choice)
        manifold = ManifoldAtPhases(start, Fraction(4, 3), Counter([(0, 0), (0, 1), (0, 2)]), settings, 2)
        assert manifold.transformed == choice
        late, early, between = (manifold.solve(offset, 1) for offset in ((0.0, 0.8), (0.0, 0.0), (0.1, 0.0)))
        around = manifold.link(late, early, LabelShift(start.grid, 2))
        links.append([abs(around), manifold.link(early, between) * manifold.link(between, early)])
    np.testing.assert_allclose(links[0], links[1], atol=1e-9)
    assert 0.1 < links[0][0] < 0.99
    assert 0.01 < abs(links[0][1]) < 0.99


@pytest.mark.parametrize(("n_bands", "valleys"), [(2, (+1,)), (2, (+1, -1))])
def test_bands_may_be_mixed_at_every_phase(n_bands, valleys, monkeypatch):
    """A random unitary of the bands at each momentum of each phase leaves every link: the state is the same."""
    start = flavour_problem((1, 3), n_bands, valleys)
    settings = mo.SpectrumSettings(tolerance_mev=1e-9)
    manifold = ManifoldAtPhases(start, Fraction(1), Counter([(0, 1)]), settings)
    states = [manifold.solve(offset, 1) for offset in ((0.0, 0.0), (0.3, 0.2))]
    rng = np.random.default_rng(5)
    rotated = []
    for state in states:
        bands = state.bands
        random = rng.normal(size=(*bands.states.shape[:2], 2, 2)) + 1j * rng.normal(
            size=(*bands.states.shape[:2], 2, 2)
        )
        unitary, _ = np.linalg.qr(random)
        mixed = dataclasses.replace(bands, states=np.einsum("fkmn,fknlg->fkmlg", unitary, bands.states))
        factors = orbital_overlaps(mixed, bands)
        basis = manifold.basis((0, 1))
        vectors = in_bands(state.spectrum.vectors[0], basis, manifold.transformed, factors.conj())
        spectrum = dataclasses.replace(state.spectrum, vectors=(vectors,))
        assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-10)
        rotated.append(StatesAtPhase(mixed, spectrum))
    assert np.abs(rotated[0].spectrum.vectors[0] - states[0].spectrum.vectors[0]).max() > 0.1
    for shift in (None, LabelShift(start.grid, 2)):
        expected = manifold.link(*states, shift)
        assert abs(expected) > 1e-3
        assert manifold.link(*rotated, shift) == pytest.approx(expected, abs=1e-10)


def test_two_full_bands_have_the_chern_number_of_the_group():
    problem = flavour_problem((2, 2), 2, (+1,), phase=(0.0, 0.0), shells=5)
    fine = mo.solve_bands(problem.bands.models[0], mo.MomentumGrid.regular(problem.grid.lattice, 12, 12), 2)
    group = chern_number(fine, [0, 1])
    assert chern_number(fine, [0]).rounded == -1
    result = many_body_chern(problem, 2, (4, 4), momenta=[(0, 0)])  # every momentum twice: the sum vanishes
    assert result.value == pytest.approx(group.rounded, abs=1e-9)
    assert result.pumped == pytest.approx(group.rounded, abs=1e-9)


@pytest.mark.parametrize("valleys", [(+1,), (+1, -1)])
def test_a_third_of_two_bands(valleys):
    problem = flavour_problem((2, 3), 2, valleys, phase=(0.0, 0.0), shells=5)
    result = many_body_chern(problem, "1/3", (5, 3))
    assert result.value == pytest.approx(-1, abs=1e-9)
    assert result.pumped == pytest.approx(-1, abs=1e-9)
    assert result.min_link > 0.7
    assert result.min_gap > 3.0 > result.max_splitting


@pytest.mark.slow
def test_one_filled_band_of_each_valley_has_no_hall_conductivity():
    """One band kept of each valley, both full: C_K + C_K' = 0 by two routes; all carriers in K or K' give -1 and +1."""
    problem = flavour_problem((2, 2), 1, (+1, -1), phase=(0.0, 0.0), shells=5)
    for polarisation, filling, expected in ((None, 1, -1), (-4, 1, 1), (0, 2, 0)):
        momenta = [(0, 0)] if filling == 2 else None
        result = many_body_chern(problem, filling, (4, 4), polarisation=polarisation, momenta=momenta)
        assert result.value == pytest.approx(expected, abs=1e-9)
        assert result.pumped == pytest.approx(expected, abs=1e-9)
    assert ", S_z = 0" in str(result)
    with pytest.raises(mo.InputError, match=r"`polarisation` must be given for 6 carriers, .*, but is None\."):
        many_body_chern(problem, "3/2", (4, 4), momenta=[(0, 0)])
    with pytest.raises(mo.InputError, match=r"at filling 1/2 with 1 and 1 carriers in the flavours, where no manifold"):
        many_body_chern(problem, "1/2", (4, 4), polarisation=0)


def test_a_turn_is_a_shift_of_labels(build_model, coulomb):
    # Momenta exactly; energies up to the disk of plane waves, which does not move with the momenta.
    for direction, offset in ((1, (1.0, 0.0)), (2, (0.0, 1.0))):
        errors = []
        for shells in (3, 5):
            model = build_model("WANG_2023", 3.7, shells=shells)
            grid = mo.MomentumGrid.cluster(model.lattice, [[2, 1], [-1, 2]])
            start = mo.project(mo.solve_bands(model, grid, 1), coulomb, q_cutoff=1.0)
            moved, shift = at_boundary_phase(start, offset), LabelShift(grid, direction)
            points = grid.points[shift.target] + shift.reciprocal @ grid.lattice.reciprocal
            np.testing.assert_allclose(moved.grid.points, points, atol=1e-12)
            errors.append(np.abs(moved.one_body - start.one_body[:, shift.target]).max())
            assert np.abs(moved.one_body - start.one_body).max() > 0.1
        assert errors[1] < 1e-3 * errors[0]


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("particle_hole", [None, False])
def test_a_full_band_has_the_chern_number_of_the_band(problem, carrier, particle_hole):
    start = problem([2, 3], carrier)
    result = many_body_chern(start, 1, (4, 4), settings=mo.SpectrumSettings(particle_hole=particle_hole))
    model = start.bands.models[0]
    fine = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 8, 12), 1)
    band = chern_number(fine, [0])
    assert band.rounded == -1
    assert result.value == pytest.approx(band.value, abs=1e-9)
    assert result.pumped == pytest.approx(band.value, abs=1e-9)
    assert result.electron_value == pytest.approx(band.value if carrier == "electron" else -band.value, abs=1e-9)
    # The flux of a plaquette of phases is that of the band through the plaquettes it moves over.
    tiled = band.flux.reshape(2, 4, 3, 4).sum(axis=(0, 2))
    np.testing.assert_allclose(result.flux, tiled, atol=1e-3)
    assert np.ptp(tiled) > 0.02


@pytest.mark.parametrize(
    ("shape", "filling", "per_state"),
    [
        ([3, 4], (2, 3), -2 / 3),
        pytest.param([3, 4], (1, 3), -1 / 3, marks=pytest.mark.slow),
        pytest.param([3, 5], (3, 5), -3 / 5, marks=pytest.mark.slow),
        ([[4, 2], [-2, 2]], (2, 3), -2 / 3),  # 12 sites, C6
        pytest.param([3, 3], (2, 3), -2 / 3, marks=pytest.mark.slow),  # three states in one sector
        pytest.param([3, 6], (1, 3), -1 / 3, marks=pytest.mark.slow),
    ],
)
def test_fractional_chern_numbers(problem, shape, filling, per_state):
    result = many_body_chern(problem(shape), filling)
    assert result.per_state == pytest.approx(per_state, abs=1e-9)
    assert result.pumped == pytest.approx(result.value, abs=1e-9)
    assert result.is_reliable
    assert result.converged
    assert result.min_link > 0.7
    assert result.min_gap > 3.0 > result.max_splitting
    assert f"{per_state:+.6f} per state" in str(result)


@pytest.mark.slow
def test_neither_mesh_nor_species_nor_corner_matters(problem):
    start = problem([3, 4])
    reference = many_body_chern(start, (2, 3), (6, 4))
    direct = many_body_chern(start, (2, 3), (6, 4), settings=mo.SpectrumSettings(particle_hole=False))
    np.testing.assert_allclose(direct.flux, reference.flux, atol=1e-6)
    assert direct.min_link == pytest.approx(reference.min_link, abs=1e-6)
    for changed in (
        many_body_chern(start, (2, 3), (7, 3)),
        many_body_chern(problem([3, 4], boundary_phase=(0.2, 0.4)), (2, 3), (6, 3)),
    ):
        assert changed.value == pytest.approx(-2.0, abs=1e-9)
        assert changed.pumped == pytest.approx(-2.0, abs=1e-9)


@pytest.mark.slow
def test_phases_of_the_bands_do_not_matter(problem, monkeypatch):
    start = problem([3, 4])
    reference = many_body_chern(start, (2, 3), (6, 4))
    rng = np.random.default_rng(3)

    def at_any_phase(problem, offset):
        moved = at_boundary_phase(problem, offset)
        bands = moved.bands
        phases = np.exp(2j * np.pi * rng.random(bands.states.shape[:3]))
        states = bands.states * phases[..., None, None]
        gauged = mo.BandStructure(bands.momenta, bands.energies, bands.names, True, bands.models, states)
        return mo.project(gauged, problem.interaction, problem.carrier, problem.q_cutoff)

    monkeypatch.setattr(manifold_at_phases, "at_boundary_phase", at_any_phase)
    gauged = many_body_chern(start, (2, 3), (6, 4))
    np.testing.assert_allclose(gauged.flux, reference.flux, atol=1e-6)


@pytest.mark.slow
def test_opposite_valley_has_the_opposite_sign(build_model, coulomb):
    model = build_model("WANG_2023", 3.7, shells=3, valley=-1)
    grid = mo.MomentumGrid.regular(model.lattice, 3, 4)
    result = many_body_chern(mo.project(mo.solve_bands(model, grid, 1), coulomb, q_cutoff=2.0), (2, 3))
    assert result.value == pytest.approx(2.0, abs=1e-9)


def test_coarse_twists_are_told(problem):
    with pytest.warns(mo.errors.MeshWarning, match="too coarse"):
        result = many_body_chern(problem([3, 4]), (2, 3), (2, 2))
    assert not result.is_reliable
    assert "too coarse for any Chern number except 0" in str(result)
    assert result.largest_shown == 0


def test_a_zero_that_a_grid_must_give_is_not_reliable(problem):
    """With every figure within its bounds, 2x2 and 2x6 phases still sum to 0 for any manifold."""
    with pytest.warns(mo.errors.MeshWarning):
        result = many_body_chern(problem([3, 3]), (2, 3), (2, 2))
    trivial = {"value": 0.0, "pumped": 0.0, "min_link": 0.9, "max_flux": 1.0, "max_step": 1.0}
    for mesh, largest in (((2, 2), 0), ((2, 6), 0), ((3, 3), 1), ((6, 6), 2)):
        zero = dataclasses.replace(result, mesh=mesh, **trivial)
        assert zero.largest_shown == largest
        assert zero.is_reliable == (largest > 0)


def test_bad_input(problem):
    start = problem([3, 4])
    with pytest.raises(mo.InputError, match=r"`mesh` must have two integer sides of at least 2, but is \(1, 6\)"):
        many_body_chern(start, (2, 3), (1, 6))
    with pytest.raises(mo.InputError, match=r"`momenta` must be given at filling 1/2"):
        many_body_chern(start, (1, 2))
    with pytest.raises(mo.InputError, match=r"mapped onto themselves by one flux quantum along L_1"):
        many_body_chern(start, (2, 3), momenta=[(0, 0)])
    with pytest.raises(mo.InputError, match=r"at most 1 states of sector \(1, 0\), all it has, but asks for 2"):
        many_body_chern(problem([2, 3]), 1, momenta=[(1, 0), (1, 0)])
    with pytest.raises(mo.InputError, match=r"`momentum` must be a label"):
        many_body_chern(start, (2, 3), momenta=[(3, 0)])
    bands = start.bands
    foreign = mo.BandStructure(bands.momenta, bands.energies + 1.0, bands.names, True, bands.models, bands.states)
    with pytest.raises(mo.InputError, match=r"at each boundary phase, but holds others \(up to 1 meV away\)"):
        many_body_chern(mo.project(foreign, start.interaction), (2, 3))
