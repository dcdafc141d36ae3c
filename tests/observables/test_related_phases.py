"""Phases solved once: related ones are turned, neighbours start from one another, and no number depends on either."""

import dataclasses

import numpy as np
import pytest

import moire as mo
from moire.observables import ManifoldAtPhases, manifold_at_phases, many_body_chern, phase_spectra, spectral_flow
from moire.observables.manifold_counts import carriers_at, manifold_counts

SETTINGS = mo.SpectrumSettings(solver="lanczos")


@pytest.fixture(scope="module")
def problem(build_model, coulomb):
    """Return a function (shape, displacement in meV) -> problem at 3.7 degrees with 5 shells, |q| <= 2 |G_1|."""

    def build(shape, displacement=0.0):
        model = build_model("WANG_2023", 3.7, shells=5, displacement_mev=displacement)
        grid = mo.MomentumGrid.cluster(model.lattice, shape)
        return mo.project(mo.solve_bands(model, grid, n_bands=1), coulomb, "hole", 2.0)

    return build


def manifold_of(problem, settings=SETTINGS):
    fraction = mo.filling.one_band_filling((2, 3), problem.carrier)
    n_carriers = int(fraction * problem.grid.n_points)
    counts = manifold_counts(problem.orbitals, carriers_at(problem.orbitals, n_carriers, None))
    return ManifoldAtPhases(problem, fraction, counts, settings)


def products(states):
    return sum(int(found.n_products.sum()) for found in (states.spectrum, states.others) if found is not None)


@pytest.fixture
def counted(monkeypatch):
    """Phases at which sectors were solved, and their products."""
    found = []
    solve = ManifoldAtPhases._diagonalized

    def counting(self, phase, *others):
        states = solve(self, phase, *others)
        found.append((phase, products(states)))
        return states

    monkeypatch.setattr(ManifoldAtPhases, "_diagonalized", counting)
    return found


@pytest.mark.parametrize(
    ("shape", "displacement", "offset", "related"),
    [
        ([3, 4], 0.0, (0.3, 0.1), (-0.3, -0.1)),
        ([3, 4], 0.0, (0.3, 0.1), (0.7, 0.9)),
        ([3, 4], 2.0, (0.3, 0.1), (1.3, 0.1)),
        ([[4, 2], [-2, 2]], 0.0, (0.3, 0.0), (0.0, 0.3)),
        ([[4, 2], [-2, 2]], 2.0, (0.25, 0.0), (0.0, -0.25)),
    ],
)
def test_turned_states_are_those_solved_directly(problem, counted, shape, displacement, offset, related):
    manifold = manifold_of(problem(shape, displacement))
    manifold.solve(offset, 2, 1)
    turned = manifold.solve(related, 2, 1)
    assert [phase for phase, _ in counted] == [offset]
    direct = manifold_of(problem(shape, displacement)).solve(related, 2, 1)
    assert 0 < turned.related_mev < 1e-5
    for label in [*manifold.counts, *manifold.other_labels]:
        np.testing.assert_allclose(turned.energies(label), direct.energies(label), atol=1e-5)
    for label in manifold.counts:  # the vectors belong to the bands of these phases
        assert abs(np.linalg.det(manifold.overlap(turned, direct, label))) == pytest.approx(1, abs=1e-5)


def test_a_field_breaks_the_inversion(problem, counted):
    manifold = manifold_of(problem([3, 4], 2.0))
    for offset in ((0.25, 0.1), (-0.25, -0.1)):
        manifold.solve(offset, 2)
    assert len(counted) == 2


@pytest.mark.parametrize(("shape", "sectors"), [([3, 5], "all"), ([3, 6], "manifold")])
def test_a_flow_does_not_depend_on_starts_and_relations(problem, counted, monkeypatch, shape, sectors):
    start = problem(shape)
    arguments = {"direction": 2, "n_steps": 6, "sectors": sectors, "settings": SETTINGS}
    warm = spectral_flow(start, (2, 3), **arguments)
    assert len(counted) == 4  # 0, 1/6, 1/3 and 1/2; the others by inversion, and the last by a shift of labels
    n_warm = sum(number for _, number in counted)
    counted.clear()
    monkeypatch.setattr(manifold_at_phases, "REACH", -1.0)
    cold = spectral_flow(start, (2, 3), **arguments | {"settings": dataclasses.replace(SETTINGS, use_symmetry=False)})
    assert len(counted) == 7
    assert n_warm < 0.5 * sum(number for _, number in counted)
    np.testing.assert_allclose(warm.tracked, cold.tracked, atol=1e-5)  # (1e-3 meV)**2 over a distance of 0.1 meV
    # Without the other sectors the next level keeps its residual: (0.01 meV)**2 over a distance of 0.2 meV.
    np.testing.assert_allclose(warm.gap, cold.gap, atol=1e-5 if sectors == "all" else 5e-4)
    np.testing.assert_allclose(warm.energies, cold.energies, atol=0.01)  # the residual bounds the error
    assert warm.permutation == cold.permutation
    assert warm.min_link == pytest.approx(cold.min_link, abs=1e-5)
    assert warm.verdict == cold.verdict


def test_a_chern_number_does_not_depend_on_starts_and_relations(problem, counted, monkeypatch):
    start = problem([3, 5])
    warm = many_body_chern(start, (2, 3), (6, 3), settings=SETTINGS)
    assert len(counted) == 10  # 18 phases, of which two are their own inverses
    counted.clear()
    monkeypatch.setattr(manifold_at_phases, "REACH", -1.0)
    settings = dataclasses.replace(SETTINGS, use_symmetry=False)
    cold = many_body_chern(start, (2, 3), (6, 3), settings=settings)
    assert len(counted) == 18
    np.testing.assert_allclose(warm.flux, cold.flux, atol=1e-4)
    assert warm.value == pytest.approx(cold.value, abs=1e-9)
    assert (warm.min_link, warm.min_gap) == pytest.approx((cold.min_link, cold.min_gap), abs=1e-4)


def test_the_next_level_is_solved_to_the_tolerance(problem):
    """Sectors are bounded to 0.01 meV; those that could hold the lowest level outside are solved like the manifold."""
    manifold = manifold_of(problem([3, 6]))
    states = manifold.solve((0.2, 0.1), 4, 1)
    fine = phase_spectra.vector_tolerance(SETTINGS.tolerance_mev)
    assert fine == pytest.approx(1e-3)
    own, others = states.spectrum, states.others
    assert own.residuals[0, :3].max() <= fine
    lowest = min(own.energies[0, 3], others.energies[:, 0].min())
    near = others.energies[:, 0] - others.residuals[:, 0] <= lowest
    assert others.residuals[near, 0].max(initial=0.0) <= fine
    assert (others.residuals[:, 0] <= 0.01).all()
    exact = mo.solve_all_sectors(manifold_at_phases.at_boundary_phase(manifold.problem, (0.2, 0.1)), (2, 3), 4)
    expected = np.sort(exact.energies.ravel())[:4]
    np.testing.assert_allclose(np.sort([*own.energies[0, :3], lowest]), expected, atol=2e-6)


def test_states_of_a_spectrum_begin_the_phases(problem, counted):
    start = problem([3, 4])
    manifold = manifold_of(start)
    manifold.begin(mo.solve_all_sectors(start, (2, 3), 3, keep_vectors=True))
    manifold.solve_all([(0.0, 0.0), (1.0, 0.0)], 2, 1)
    assert not counted
    with pytest.raises(mo.InputError, match="`spectrum` must hold vectors of every momentum, once, but holds 0"):
        manifold.begin(mo.solve_all_sectors(start, (2, 3), 3))
    with pytest.raises(mo.InputError, match="`solved` must belong to this problem and the manifold"):
        spectral_flow(problem([3, 6]), (2, 3), 1, solved=manifold)
