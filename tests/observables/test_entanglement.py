"""Particle entanglement: Slater determinants, an obvious partial trace, and the counting of levels."""

from collections import Counter
from dataclasses import replace
from math import comb

import numba
import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import plot, resources
from moire.errors import MemoryRefusedError
from moire.observables import entanglement_spectrum, manifold_states, structure_factor
from moire.observables.reduced_density import density_blocks
from tests.fractional_cases import problem_on, solved
from tests.reference import jordan_wigner


@pytest.fixture(scope="module")
def spectrum_3x5():
    return solved((3, 5))


def determinant(spectrum, row, level):
    """Return the spectrum with one vector replaced by a single Fock state."""
    vectors = [array.copy() for array in spectrum.vectors]
    vectors[row][level] = 0
    vectors[row][level, 7] = 1
    return replace(spectrum, vectors=tuple(vectors))


@pytest.mark.parametrize("n_kept", [1, 2, 3, 5])
def test_slater_determinant_has_equal_levels(spectrum_3x5, n_kept):
    result = entanglement_spectrum(determinant(spectrum_3x5, 1, 0), n_kept, states=[(1, 0)])
    n_levels = comb(5, n_kept)
    finite = result.levels[np.isfinite(result.levels)]
    np.testing.assert_allclose(finite, np.full(n_levels, np.log(n_levels)), atol=1e-12)
    assert result.counted == n_levels
    assert result.widest_gap[0] == np.inf
    assert f"{n_levels} levels" in result.verdict


def test_density_matrix_is_that_of_an_explicit_partial_trace():
    """<psi| c^+_a' c_a |psi> from Jordan-Wigner matrices, averaged over two states of different sectors."""
    spectrum = solved((2, 3), (1, 2), 2, everywhere=True)
    grid = spectrum.grid
    words = jordan_wigner.sector_states(grid, 3)
    states = [(1, 0), (4, 1)]
    c = jordan_wigner.annihilators(6)
    for n_kept in (1, 2):
        blocks = [block.matrix for block in density_blocks(spectrum, states, n_kept)]
        assert sum(np.trace(block).real for block in blocks) == pytest.approx(comb(3, n_kept), abs=1e-12)
        kept = jordan_wigner.sector_states(grid, n_kept)
        for momentum, block in enumerate(blocks):
            expected = np.zeros_like(block)
            for row, level in states:
                psi = np.zeros(64, dtype=complex)
                psi[words[grid.index_of(spectrum.labels[row])]] = spectrum.vectors[row][level]
                removed = []
                for word in kept[momentum]:
                    vector = psi
                    for orbital in [k for k in range(6) if word >> k & 1]:
                        vector = c[orbital] @ vector
                    removed.append(vector)
                removed = np.array(removed).reshape(len(kept[momentum]), 64)
                expected += (removed @ removed.conj().T) / 2
            np.testing.assert_allclose(block, expected, atol=1e-12)
        assert max(np.abs(np.triu(block, 1)).max(initial=0) for block in blocks) > 1e-3 or n_kept == 1


def test_averages_do_not_depend_on_the_basis_of_a_degenerate_sector():
    spectrum = solved((3, 6))
    states = manifold_states(spectrum)
    assert states == ((0, 0), (0, 1), (0, 2))
    rotation, _ = np.linalg.qr(np.random.default_rng(4).standard_normal((3, 3)) + 0.3j)
    rotated = replace(spectrum, vectors=(rotation @ spectrum.vectors[0][:3],))
    first, second = (entanglement_spectrum(each, 2, states=states) for each in (spectrum, rotated))
    np.testing.assert_allclose(first.eigenvalues, second.eigenvalues, atol=1e-12)
    alone = entanglement_spectrum(spectrum, 2, states=[(0, 0)])
    assert np.nanmax(np.abs(alone.eigenvalues - first.eigenvalues)) > 1e-4


@pytest.mark.parametrize(
    ("shape", "n_kept", "total"),
    [
        ((3, 5), 2, 75),
        ((3, 4), 2, 42),
        ((3, 6), 3, 330),
        (((3, 1), (0, 4)), 2, 42),
        pytest.param(((5, 1), (4, 5)), 3, 637, marks=pytest.mark.slow),
    ],
    ids=["3x5", "3x4", "3x6", "12 tilted", "21 tilted"],
)
def test_laughlin_counting_in_every_sector(shape, n_kept, total):
    """Also where N_A divides N_1 or N_2 (3x4, 3x6) and on tilted clusters."""
    result = entanglement_spectrum(solved(shape), n_kept)
    assert np.nansum(result.eigenvalues) == pytest.approx(1, abs=1e-12)
    assert result.counted == total == result.predicted.sum()
    np.testing.assert_array_equal(result.counted_by_sector, result.predicted)
    assert result.gap == pytest.approx(result.widest_gap[0])
    assert result.gap > 2
    assert result.is_signature
    assert f"Laughlin counting: {total} levels" in str(result)
    assert result.species == "missing carriers"


def test_symmetry_may_leave_a_wider_gap_above():
    """On the hexagonal cluster of 12 cells one level that symmetry forbids lies far above the rest."""
    result = entanglement_spectrum(solved(((4, 2), (2, 4))), 2)
    assert result.is_signature
    assert result.gap > 5
    assert result.widest_gap[0] > result.gap
    assert result.counted == 65
    assert "42 levels below" in result.verdict
    assert result.verdict.endswith("lies above 65 levels.")


def test_charge_order_counts_determinants():
    spectrum = solved((3, 6), (1, 3), 2, everywhere=True, displacement_mev=60.0, epsilon_r=5.0)
    states = [(spectrum.labels.index(label), 0) for label in ((0, 3), (1, 5), (2, 1))]
    result = entanglement_spectrum(spectrum, 2, states)
    assert result.counted == result.determinant_count == 3 * comb(6, 2)
    assert not result.is_signature
    assert "as many as 3 determinants have (charge order)" in result.verdict


@pytest.mark.slow
@pytest.mark.parametrize(("n_kept", "total"), [(3, 1088), (4, 2730)])
def test_24_cells(n_kept, total):
    result = entanglement_spectrum(solved((4, 6), n_eigenstates=1), n_kept)
    assert result.counted == total
    np.testing.assert_array_equal(result.counted_by_sector, result.predicted)
    assert result.is_signature
    assert len(Counter(result.predicted.tolist())) == n_kept - 1  # the sectors are not alike


def test_one_particle_kept_is_the_occupation(spectrum_3x5):
    result = entanglement_spectrum(spectrum_3x5, 1)
    assert result.eigenvalues.shape == (15, 1)
    assert result.eigenvalues.sum() == pytest.approx(1, abs=1e-12)
    assert np.ptp(result.eigenvalues) > 1e-3


def test_no_prediction_for_hierarchy_states_and_large_cuts(spectrum_3x5):
    assert (
        "Undecided: no prediction" in entanglement_spectrum(spectrum_3x5, 3).verdict
    )  # the rank of the smaller part limits it
    spectrum = solved((3, 5), (3, 5), 1)
    result = entanglement_spectrum(spectrum, 2)
    assert result.predicted is None
    assert np.isnan(result.gap)
    assert not result.is_signature
    assert "not for 2 of 6 on 15 cells" in result.verdict
    assert len(result.table().splitlines()) == 16


def test_random_states_fail(spectrum_3x5):
    rng = np.random.default_rng(1)
    shapes = [held.shape for held in spectrum_3x5.vectors]
    draws = [rng.standard_normal(shape) + 1j * rng.standard_normal(shape) for shape in shapes]
    random = tuple(draw / np.linalg.norm(draw, axis=1)[:, None] for draw in draws)
    result = entanglement_spectrum(replace(spectrum_3x5, vectors=random), 2)
    assert np.nansum(result.eigenvalues) == pytest.approx(1, abs=1e-12)
    assert not result.is_signature
    assert result.gap < 0
    assert "No Laughlin counting: 75 levels are predicted" in result.verdict


def test_same_levels_on_any_number_of_threads():
    spectrum, runs = solved((3, 5)), []
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        runs.append(entanglement_spectrum(spectrum, 3).eigenvalues)
    np.testing.assert_array_equal(*runs)


def test_memory_is_refused_before_it_is_taken(spectrum_3x5, monkeypatch):
    monkeypatch.setattr(resources, "available_bytes", lambda: 2**20)
    for call in (
        lambda: entanglement_spectrum(spectrum_3x5, 2),
        lambda: structure_factor(spectrum_3x5, problem_on((3, 5))),
    ):
        with pytest.raises(
            MemoryRefusedError, match=r"of \d particles? kept on 3x5 would take .*; fewer .* would fit\."
        ):
            call()


def test_figure():
    result = entanglement_spectrum(solved((3, 4)), 2)
    ax = plot.plot_entanglement(result, Figure().subplots())
    assert len(ax.lines[1].get_ydata()) == 42
    assert len(ax.lines[0].get_ydata()) == 24
    assert "42 predicted" in ax.get_title()


def test_bad_input(spectrum_3x5):
    with pytest.raises(mo.InputError, match=r"`n_kept` must be an integer, but is 1\.5\."):
        entanglement_spectrum(spectrum_3x5, 1.5)
    for n_kept, value in ((6, "6"), (0, "0")):
        with pytest.raises(mo.InputError, match=rf"`n_kept` must .* 1..5, .* missing carriers .*, but is {value}\."):
            entanglement_spectrum(spectrum_3x5, n_kept)
    bare = replace(spectrum_3x5, vectors=())
    with pytest.raises(mo.InputError, match=r"`spectrum` must be solved with keep_vectors=True, but holds no vectors"):
        entanglement_spectrum(bare, 2)
    partial = solved((3, 6), n_eigenstates=2)
    with pytest.raises(mo.InputError, match=r"`spectrum` must hold the 3 states .*, but holds 2 of them\."):
        entanglement_spectrum(partial, 2)
    half = solved((2, 3), (1, 2), 1, everywhere=True)
    with pytest.raises(mo.InputError, match=r"`states` must be given where .*, but is None at filling 1/2 on 2x3\."):
        manifold_states(half)
    for states, value in (([(0, 9)], r"\(0, 9\)"), ([(7, 0)], r"\(7, 0\)"), ([], "empty"), ([(0, 0)] * 2, r"\[.*\]")):
        with pytest.raises(mo.InputError, match=rf"`states` must .*, but .* {value}\."):
            entanglement_spectrum(spectrum_3x5, 2, states=states)
