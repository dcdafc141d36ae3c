"""Composite Fermi liquids: predicted momenta in spectra of the lowest Landau level and of the moire band."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import composite_fermi_liquid
from moire.predictions import composite_fermi_seas, expected_momenta
from tests.flavour_cases import flavour_problem
from tests.reference.lowest_landau_level import landau_level


@pytest.fixture(scope="module")
def band(build_model):
    """Return a function shape -> WANG_2023 at 3.7 degrees with the bare Coulomb interaction, 3 shells."""
    model = build_model("WANG_2023", 3.7, shells=3)

    def build(shape):
        bands = mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, shape), 1)
        return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gates="none"), q_cutoff=4.0)

    return build


def levels_needed(grid):
    return max(Counter(composite_fermi_seas(grid).momenta).values()) + 1


@pytest.mark.parametrize("shape", [[3, 4], [3, 5], [[3, 0], [1, 4]]], ids=str)
def test_the_landau_level_has_the_degenerate_laughlin_states(band, shape):
    # The labels of the reference: any error of a phase moves or splits these three.
    problem = landau_level(band(shape))
    spectrum = mo.solve_all_sectors(problem, (1, 3), 2)
    manifold = spectrum.manifold
    assert manifold.momenta == expected_momenta(problem.grid, Fraction(1, 3))
    assert manifold.is_signature
    assert manifold.splitting < 1e-9
    assert manifold.gap > 1.0


@pytest.mark.parametrize(
    ("shape", "n_states"),
    [
        ([2, 4], 2),
        ([2, 5], 4),
        ([[3, 1], [2, 4]], 4),
        ([3, 4], 2),
        ([[4, 2], [-2, 2]], 12),
        ([2, 6], 4),
        ([4, 4], 12),
        pytest.param([3, 6], 16, marks=pytest.mark.slow),
        pytest.param([4, 5], 2, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_compact_seas_are_the_ground_states(band, shape, n_states):
    problem = band(shape)
    n_levels = levels_needed(problem.grid) + 3  # levels of the Landau level are exactly twofold; leave room
    ideal = composite_fermi_liquid(mo.solve_all_sectors(landau_level(problem), (1, 2), n_levels))
    assert len(ideal.prediction.momenta) == n_states
    assert ideal.agrees
    assert ideal.gap > ideal.splitting
    real = composite_fermi_liquid(mo.solve_all_sectors(problem, (1, 2), n_levels))
    assert real.agrees
    assert real.gap > 0.1
    assert real.verdict.startswith(f"Composite-Fermi-liquid momenta: the {n_states} lowest states")


@pytest.mark.slow
def test_nearly_degenerate_seas_are_told(band):
    problem = band([[4, 1], [2, 5]])  # two seas of 18 cells differ by 0.2 % in their moment
    prediction = composite_fermi_seas(problem.grid)
    assert prediction.excess == pytest.approx(0.002, abs=0.001)
    result = composite_fermi_liquid(mo.solve_all_sectors(landau_level(problem), (1, 2), 5))
    assert not result.agrees
    assert "the next sea is only 0.2 % larger" in str(result)


def test_the_seas_of_both_valleys_are_those_of_one():
    """Their states are those of all carriers in one valley; levels of other polarisations are outside."""
    both, alone = (
        mo.solve_all_sectors(flavour_problem((2, 3), 1, valleys, phase=(0, 0)), "1/2", 4) for valleys in ((1, -1), (1,))
    )
    found, expected = composite_fermi_liquid(both), composite_fermi_liquid(alone)
    assert found.splitting == pytest.approx(expected.splitting, abs=1e-8)
    highest = sorted(alone.energies[np.isfinite(alone.energies)])[0] + expected.splitting
    partial = both.energies[np.abs(both.polarisation) < 3]
    lowest = np.nanmin(partial) - highest
    assert lowest < expected.gap - 0.1
    assert found.gap == pytest.approx(lowest, abs=1e-8)


def test_bad_input(band):
    problem = band([3, 4])
    with pytest.raises(mo.InputError, match="`spectrum` must be at filling 1/2, but is at 1/3"):
        composite_fermi_liquid(mo.solve_all_sectors(problem, (1, 3), 1))
    few = composite_fermi_liquid(mo.solve_all_sectors(problem, (1, 2), 1))
    assert few.verdict.startswith("Undecided")
    assert np.isnan(few.gap)
