"""Charge gaps and finite-size scaling."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import plot
from moire.observables import charge_gap, finite_size_scaling
from tests.flavour_cases import flavour_problem
from tests.reference import jordan_wigner

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)


@pytest.fixture(scope="module")
def full_fock_space(small_problem):
    """Problem of 2x3 cells and its Hamiltonian on all 64 states."""
    problem = small_problem([2, 3])
    return problem, jordan_wigner.from_form_factors(problem).toarray()


@pytest.mark.parametrize("n_carriers", [1, 2, 3, 4, 5])
def test_against_the_full_fock_space(full_fock_space, n_carriers):
    problem, full = full_fock_space
    gap = charge_gap(problem, (n_carriers, 6))
    ground = []
    for n in (n_carriers - 1, n_carriers, n_carriers + 1):
        words = [word for word in range(64) if word.bit_count() == n]
        ground.append(np.linalg.eigvalsh(full[np.ix_(words, words)]))
    np.testing.assert_allclose(gap.energies, [levels[0] for levels in ground], atol=1e-9)
    assert gap.charge_gap == pytest.approx(ground[2][0] + ground[0][0] - 2 * ground[1][0], abs=1e-8)
    assert abs(gap.charge_gap) > 0.1
    lower, upper = gap.chemical_potentials
    assert upper - lower == pytest.approx(gap.charge_gap)
    if n_carriers in (1, 3, 5):  # no manifold is predicted there
        assert gap.neutral_gap == pytest.approx(ground[1][1] - ground[1][0], abs=1e-8)


@pytest.mark.parametrize(
    ("n_carriers", "options"),
    [(3, {"shape": (1, 2)}), (2, {"n_bands": 1}), (3, {"n_bands": 1, "phase": (0, 0), "shells": 6})],
    ids=["two bands", "one band", "time reversal"],
)
def test_both_valleys_against_the_full_fock_space(n_carriers, options):
    """Lowest energies of every polarisation; without a boundary phase time reversal leaves out half of them."""
    problem = flavour_problem(**options)
    full = jordan_wigner.from_form_factors(problem).tocsc()
    orbitals = problem.orbitals
    lowest = {}
    for n in (n_carriers - 1, n_carriers, n_carriers + 1):
        words = np.array([word for word in range(1 << orbitals.size) if word.bit_count() == n])
        bits = words[:, None] >> np.arange(orbitals.size) & 1
        polarisations = bits @ np.where(orbitals.flavour == 0, 1, -1)
        for polarisation in np.unique(polarisations).tolist():
            chosen = words[polarisations == polarisation]
            levels = np.linalg.eigvalsh(full[np.ix_(chosen, chosen)].toarray())
            lowest[n, polarisation] = levels[0]
    gap = charge_gap(problem, (n_carriers, problem.grid.n_points))
    assert (len(gap.polarised[1]) < n_carriers + 1) == ("phase" in options)
    grounds = [min(e for (n, _), e in lowest.items() if n == n_carriers + step) for step in (-1, 0, 1)]
    np.testing.assert_allclose(gap.energies, grounds, atol=1e-8)
    own = gap.polarisations[1]
    assert lowest[n_carriers, own] == pytest.approx(grounds[1], abs=1e-8)
    infinite = float("inf")
    pairs = [
        lowest.get((n_carriers + 1, own + s), infinite) + lowest.get((n_carriers - 1, own - s), infinite)
        for s in (1, -1)
    ]
    assert gap.gap_without_flip == pytest.approx(min(pairs) - 2 * grounds[1], abs=1e-6)
    assert gap.gap_without_flip >= gap.charge_gap - 1e-9
    flipped = min(lowest.get((n_carriers, own + step), infinite) for step in (2, -2))
    assert gap.flip_gap == pytest.approx(flipped - grounds[1], abs=1e-6)
    assert "charge gap without flips" in str(gap)


def test_without_interaction_it_is_a_level_spacing(small_problem):
    problem = small_problem([3, 4], interaction=mo.ScreenedCoulomb(epsilon_r=1e14))
    levels = np.sort(problem.one_body[0, :, 0])
    gap = charge_gap(problem, (7, 12))
    assert gap.charge_gap == pytest.approx(levels[7] - levels[6], abs=1e-9)
    assert gap.neutral_gap == pytest.approx(levels[7] - levels[6], abs=1e-9)
    assert levels[7] - levels[6] > 1e-3


def test_the_uniform_part_is_the_charging_energy(small_problem):
    blind = mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30)
    dropped, kept, exchange = (
        charge_gap(small_problem([2, 3], zero_momentum=rule, interaction=blind), (2, 3))
        for rule in ("drop", "keep", "exchange")
    )
    assert kept.charge_gap - dropped.charge_gap == pytest.approx(kept.charging_mev, abs=1e-8)
    assert exchange.charge_gap == pytest.approx(dropped.charge_gap, abs=1e-8)
    assert kept.charging_mev > 1.0
    assert "'keep': the gap holds" in str(kept)
    assert "'drop': the gap lacks" in str(dropped)
    bare = small_problem([2, 3], interaction=mo.ScreenedCoulomb(epsilon_r=10, gates="none"))
    assert charge_gap(bare, (1, 3)).charging_mev == np.inf


def test_a_fractional_chern_insulator_has_both_gaps(build_model, coulomb):
    model = build_model("WANG_2023", 3.7, shells=3)
    problem = mo.project(mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 3, 4), 1), coulomb, q_cutoff=2.0)
    gap = charge_gap(problem, "-2/3")
    spectrum = mo.solve_all_sectors(problem, "-2/3", 2)
    assert gap.neutral_gap == spectrum.manifold.gap
    assert gap.energies[1] == pytest.approx(spectrum.ground_energy, abs=1e-9)
    assert gap.charge_gap > gap.neutral_gap > 1.0
    assert gap.converged
    for word in ("7 carriers", "8 carriers", "9 carriers", "mu+ ="):
        assert word in str(gap)


def grids(*shapes):
    return [mo.MomentumGrid.cluster(LATTICE, shape) for shape in shapes]


def test_scaling_is_the_least_squares_line(tmp_path):
    clusters = grids([3, 4], [3, 5], [[5, 1], [-1, 4]], [4, 6])
    sizes = np.array([12, 15, 21, 24])
    values = 1.5 - 7.0 / sizes + np.array([0.02, -0.03, 0.01, 0.005])
    scaling = finite_size_scaling(clusters, values, "charge gap")
    coefficients, covariance = np.polyfit(1 / sizes, values, 1, cov=True)
    assert scaling.limit == pytest.approx(coefficients[1])
    assert scaling.slope == pytest.approx(coefficients[0])
    np.testing.assert_allclose([scaling.slope_error, scaling.limit_error], np.sqrt(np.diag(covariance)), rtol=1e-9)
    exact = finite_size_scaling(clusters, 1.5 - 7.0 / sizes)
    assert exact.limit == pytest.approx(1.5)
    assert exact.limit_error < 1e-12
    assert "charge gap at infinite size" in str(scaling)
    assert "21 [[5, 1], [-1, 4]]" in scaling.table()
    ax = plot.plot_scaling(scaling, Figure().subplots())
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), 1 / sizes)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), values)
    assert ax.lines[1].get_ydata()[0] == scaling.limit
    assert [text.get_text() for text in ax.texts] == list(scaling.clusters)


def test_bad_input(small_problem):
    with pytest.raises(mo.InputError, match=r"`filling` must leave room for one more carrier, but is 1 on 2x3"):
        charge_gap(small_problem([2, 3]), 1)
    for clusters, values, match in (
        (grids([3, 4], [3, 5]), [1.0, 2.0], "`grids` must be at least three"),
        (grids([3, 4], [4, 3], [2, 6]), [1.0, 2.0, 3.0], "`grids` must have at least two sizes"),
        (grids([3, 4], [3, 5], [3, 6]), [1.0, 2.0], "`values` must be one number for each of the 3 clusters"),
        (grids([3, 4], [3, 5], [3, 6]), [1.0, 2.0, np.nan], "`values` must be finite"),
    ):
        with pytest.raises(mo.InputError, match=match):
            finite_size_scaling(clusters, values)
