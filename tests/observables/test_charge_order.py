"""Charge order against the fractional Chern insulator: the peak at K and the tower of states."""

from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire.observables import charge_order, structure_factor
from moire.orbitals import Species
from tests.flavour_cases import flavour_problem
from tests.fractional_cases import problem_on, solved

ORDERED = {"displacement_mev": 60.0, "epsilon_r": 5.0}  # a trivial flat band: the carriers crystallise
TOWER = ((0, 3), (1, 5), (2, 1))


def lowest(spectrum, momenta):
    return [(spectrum.labels.index(label), 0) for label in momenta]


@pytest.fixture(scope="module")
def crystal():
    """Spectrum and structure factor of the tower at 1/3 on 3x6."""
    spectrum = solved((3, 6), (1, 3), 2, everywhere=True, **ORDERED)
    return spectrum, structure_factor(spectrum, problem_on((3, 6), **ORDERED), lowest(spectrum, TOWER))


def test_crystal_of_a_trivial_band(crystal):
    """Two routes to one order: S(K) and the momenta of the three lowest states, which are not those of an FCI."""
    result = charge_order(*crystal)
    assert result.momenta == TOWER
    energies = np.sort(crystal[0].energies, axis=None)
    assert sorted(result.energies) == pytest.approx(energies[:3])
    assert result.gap == pytest.approx(energies[3] - energies[2])
    assert result.splitting < 0.01
    assert result.gap > 10
    assert result.peak_ratio > 5
    assert result.largest_at in ((1, 2), (2, 4))
    assert result.is_ordered
    assert result.verdict.startswith("Charge-density wave: full S(K) = ")
    assert not crystal[0].manifold.is_signature


def test_the_tower_of_both_valleys_is_that_of_one():
    """Levels of other polarisations count as others: they lower the gap, and leave the tower and the peak."""
    both, alone = (
        charge_order(spectrum, structure_factor(spectrum, problem))
        for problem in (flavour_problem((3, 3), 1, valleys, phase=(0, 0)) for valleys in ((+1, -1), (+1,)))
        for spectrum in [mo.solve_all_sectors(problem, "1/3", 4, keep_vectors=True)]
    )
    assert both.momenta == alone.momenta
    np.testing.assert_allclose(both.energies, alone.energies, atol=1e-8)
    assert both.splitting == pytest.approx(alone.splitting, abs=1e-8)
    assert both.corner_peak == pytest.approx(alone.corner_peak, abs=1e-8)
    assert both.gap < alone.gap - 0.1
    spectrum = mo.solve_all_sectors(flavour_problem((1, 3)), "4/3", 1, polarisation=0, keep_vectors=True)
    order = charge_order(spectrum, structure_factor(spectrum, flavour_problem((1, 3)), [(0, 0)]))
    assert order.momenta is None  # no tower is predicted beyond one carrier per cell
    assert order.decision.answer is None


def test_incompressible_liquid():
    spectrum = solved((3, 6), (2, 3), 4, everywhere=True)
    assert spectrum.manifold.is_signature
    result = charge_order(spectrum, structure_factor(spectrum, problem_on((3, 6))))
    assert result.momenta == ((0, 0), (1, 2), (2, 4))
    assert 0.5 < result.peak_ratio < 1.5
    assert result.gap < 0
    assert not result.has_peak
    assert not result.has_tower
    assert result.verdict.startswith("No charge-density wave")
    assert str(result).endswith(f"the gap above the FCI manifold is {spectrum.manifold.gap:.4f} meV.")


@pytest.mark.slow
def test_what_cannot_be_decided(crystal):
    spectrum = solved((3, 4))
    result = charge_order(spectrum, structure_factor(spectrum, problem_on((3, 4))))
    assert np.isnan(result.corner_peak)
    assert not result.is_ordered
    assert "does not hold K and K'" in result.verdict
    partial = solved((3, 6))
    result = charge_order(partial, structure_factor(partial, problem_on((3, 6))))
    assert result.verdict.startswith("Undecided: the states of the tower")
    shallow = solved((3, 6), (1, 3), 1, everywhere=True, **ORDERED)
    assert np.isnan(charge_order(shallow, crystal[1]).gap)
    half = solved((3, 6), (1, 2), 1, everywhere=True)
    result = charge_order(half, structure_factor(half, problem_on((3, 6)), [(0, 0)]))
    assert result.momenta is None
    assert "no tower to compare at this filling" in result.verdict
    strict = charge_order(*crystal, peak_threshold=100.0)
    assert strict.has_tower
    assert strict.verdict.startswith("Undecided: full S(K)")


def test_bad_input(crystal):
    spectrum, structure = crystal
    with pytest.raises(mo.InputError, match=r"`peak_threshold` must be positive, but is 0"):
        charge_order(spectrum, structure, 0)
    with pytest.raises(mo.InputError, match=r"`structure` must have the cluster of the spectrum, but has another\."):
        charge_order(replace(spectrum, species=Species(problem_on((3, 4)).orbitals)), structure)
