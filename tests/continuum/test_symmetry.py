"""C3, C2y T and hermiticity of tables of harmonics, and the components that they leave free."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.continuum import Harmonic, HarmonicTable, harmonic_table, with_conjugates
from moire.continuum.symmetry import (
    asymmetry,
    mirrored,
    rotated,
    star,
    symmetric_components,
    symmetrised,
    with_amplitudes,
)
from moire.errors import InputError
from moire.parameters import PUBLISHED, WANG_2023

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
K = np.array([0.31, 0.17])
HALF = np.sqrt(3) / 2
ROTATION = np.array([[-0.5, -HALF], [HALF, -0.5]])
ROWS = st.builds(
    Harmonic,
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
    st.integers(0, 1),
    st.integers(0, 1),
    st.complex_numbers(min_magnitude=0.5, max_magnitude=4.0),
    st.sampled_from([(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0)]),
)


def levels(rows, k, valley=1):
    """Largest levels at a momentum; many plane waves, so that the cutoff breaks no symmetry visibly."""
    model = mo.ContinuumModel(HarmonicTable("test", tuple(rows)), mo.PlaneWaveBasis(LATTICE, 6), valley)
    return np.linalg.eigvalsh(model.hamiltonian(np.asarray(k)))[-4:]


@pytest.mark.parametrize("parameters", PUBLISHED.values(), ids=lambda p: p.name)
def test_published_sets_have_every_symmetry(parameters):
    assert asymmetry(harmonic_table(parameters)) < 1e-12


@given(ROWS)
def test_the_images_form_a_group(row):
    for image in (rotated(rotated(rotated(row))), mirrored(mirrored(row))):
        assert image.transfer == row.transfer
        assert image.amplitude_mev == pytest.approx(row.amplitude_mev)
    there, back = mirrored(rotated(row)), rotated(rotated(mirrored(row)))  # M R = R^-1 M
    assert (there.transfer, there.to, there.source) == (back.transfer, back.to, back.source)
    assert there.amplitude_mev == pytest.approx(back.amplitude_mev)


@given(ROWS)
def test_a_symmetrised_row_stays_as_it_is(row):
    once = symmetrised([row])
    assert HarmonicTable("hermitian", once).rows == once
    assert asymmetry(HarmonicTable("once", once)) < 1e-12


@given(st.lists(ROWS, min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_symmetric_tables_have_symmetric_bands(rows):
    slow = [row for row in rows if sum(row.powers) < 3]  # a cubic term is not bounded by the kinetic energy
    small = [Harmonic(r.transfer, r.to, r.source, 0.02 * r.amplitude_mev, r.powers) for r in slow]
    table = [*harmonic_table(WANG_2023).rows, *symmetrised(small)]
    here = levels(table, K)
    np.testing.assert_allclose(levels(table, ROTATION @ K), here, atol=2e-6)
    np.testing.assert_allclose(levels(table, K * [1, -1]), here, atol=2e-6)
    np.testing.assert_allclose(levels(table, -K, valley=-1), here, atol=2e-6)


def test_a_row_that_breaks_the_symmetry_breaks_that_of_the_bands():
    table = [*harmonic_table(WANG_2023).rows, *with_conjugates([Harmonic((1, 0), 0, 0, 2.0)])]
    assert asymmetry(HarmonicTable("broken", tuple(table))) == pytest.approx(2 * 5 / 6, abs=1e-9)
    assert np.abs(levels(table, ROTATION @ K) - levels(table, K)).max() > 0.005


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (Harmonic((0, 0), 0, 0, 1.0, (1, 1)), ["x"]),
        (Harmonic((0, 0), 0, 0, 1.0, (1, 0)), []),
        (Harmonic((0, 0), 0, 0, 1.0, (3, 0)), ["Re x", "Im x"]),
        (Harmonic((1, 0), 0, 0, 1.0), ["Re x", "Im x"]),
        (Harmonic((0, 0), 0, 1, 1.0), ["Re x", "Im x"]),
    ],
)
def test_free_parameters_of_a_star(row, names):
    assert [component.name for component in symmetric_components(row, "x")] == names


def test_components_times_values_are_the_published_model():
    phase = np.radians(WANG_2023.potential_phase_deg)
    kinetic, potential, tunnelling = (
        symmetric_components(row, "x")
        for row in (Harmonic((0, 0), 0, 0, 1.0, (1, 1)), Harmonic((1, 0), 0, 0, 1.0), Harmonic((0, 0), 0, 1, 1.0))
    )
    expected = harmonic_table(WANG_2023)
    mass = next(row.amplitude_mev.real for row in expected.rows if row.powers == (1, 1))
    values = [mass, WANG_2023.potential_mev * np.cos(phase), WANG_2023.potential_mev * np.sin(phase)]
    table = with_amplitudes([*kinetic, *potential, tunnelling[0]], [*values, WANG_2023.tunnelling_mev], "built")
    np.testing.assert_allclose(levels(table.rows, K), levels(expected.rows, K), atol=1e-10)


def test_a_star_repeats_its_row_and_refuses_a_forbidden_amplitude():
    rows = star(Harmonic((1, 0), 0, 0, 3.0 - 1.0j))
    assert {row.transfer for row in rows} == {(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)}
    assert next(r.amplitude_mev for r in rows if r.transfer == (1, 0) and r.to == 0) == pytest.approx(3.0 - 1.0j)
    with pytest.raises(InputError, match="`amplitude_mev` must be 0, the part that C3 and C2y T allow, but is"):
        star(Harmonic((0, 0), 0, 0, 1.0, (1, 0)))
