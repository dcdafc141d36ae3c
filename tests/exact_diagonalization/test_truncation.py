"""Spectra with few promoted particles: the projected Hamiltonian, and an upper bound that falls."""

from math import comb

import numpy as np
import pytest

import moire as mo
from moire.errors import MemoryRefusedError
from moire.exact_diagonalization import (
    MomentumSector,
    PairHamiltonian,
    SectorHamiltonian,
    Truncation,
    halves,
    promotion_sequence,
    sector_dimensions,
)
from moire.io import read_record, read_spectrum, spectrum_record, write_record
from moire.observables import momentum_occupation
from moire.orbitals import Orbitals
from moire.parameters import WANG_2023

LATTICE = mo.MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm)


def problem(shape=(2, 3), n_bands=2, valleys=(+1,), displacement=3.0):
    models = [mo.ContinuumModel(WANG_2023, mo.PlaneWaveBasis(LATTICE, 4), valley, displacement) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(LATTICE, shape), n_bands)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2)


@pytest.mark.parametrize(
    ("given", "numbers", "truncation"),
    [
        (problem(), (4,), Truncation(0)),
        (problem(), (4,), Truncation(1)),
        (problem(), (4,), Truncation(2)),
        (problem(n_bands=3), (3,), Truncation(2, (1, 2))),
        (problem(shape=(2, 2), valleys=(+1, -1)), (2, 2), Truncation(2)),
        (problem(shape=(2, 2), n_bands=3, valleys=(+1, -1)), (2, 1), Truncation(2, (2, 1))),
    ],
)
@pytest.mark.parametrize("n_low", [2, 16])
def test_it_is_the_hamiltonian_between_the_states_kept(given, numbers, truncation, n_low, monkeypatch):
    monkeypatch.setattr(halves, "ACTIVE_LOW", n_low)
    halves.halves_of.cache_clear()
    pairs = PairHamiltonian.from_problem(given)
    rng = np.random.default_rng(0)
    total = 0
    for momentum in range(given.grid.n_points):
        whole = MomentumSector(given.orbitals, numbers, momentum)
        kept = MomentumSector(given.orbitals, numbers, momentum, truncation)
        limits = truncation.limits(given.orbitals)
        occupied = whole.occupations(slice(None))
        by_band = np.stack(
            [(occupied * (given.orbitals.band == b + 1)).sum(axis=1) for b in range(len(limits))], axis=1
        )
        inside = (by_band.sum(axis=1) <= truncation.max_promoted) & (by_band <= np.array(limits)).all(axis=1)
        order = kept.rank(whole.states[inside])
        np.testing.assert_array_equal(np.sort(order), np.arange(kept.dimension))
        np.testing.assert_array_equal(kept.states[order], whole.states[inside])
        assert kept.dimension == sector_dimensions(given.orbitals, numbers, truncation)[momentum]
        total += kept.dimension
        matrix = SectorHamiltonian(pairs, whole, "csr").to_csr().toarray()[np.ix_(inside, inside)]
        product = SectorHamiltonian(pairs, kept)
        assert not product.is_stored
        x = rng.standard_normal((kept.dimension, 3)) + 1j * rng.standard_normal((kept.dimension, 3))
        np.testing.assert_allclose(product.matmat(x)[order], matrix @ x[order], atol=1e-9)
        np.testing.assert_allclose(product.diagonal[order], matrix.diagonal().real, atol=1e-9)
        np.testing.assert_allclose(product.to_csr().toarray()[np.ix_(order, order)], matrix, atol=1e-9)
    assert total > 0
    halves.halves_of.cache_clear()


def test_without_promotion_it_is_the_active_band():
    two, one = problem(), problem(n_bands=1)
    truncated = mo.solve_all_sectors(two, "-2/3", 2, max_promoted=0)
    alone = mo.solve_all_sectors(one, "-2/3", 2, settings=mo.SpectrumSettings(particle_hole=False))
    np.testing.assert_allclose(truncated.energies, alone.energies, atol=1e-8)
    assert truncated.dimensions.sum() == comb(6, 4)


def test_energies_never_rise_and_reach_those_of_all_states():
    given = problem((3, 3), 2)
    energies = [mo.solve_all_sectors(given, "-1/3", 1, max_promoted=most).ground_energy for most in range(4)]
    assert all(np.diff(energies) < 0)
    assert energies[3] == pytest.approx(mo.solve_all_sectors(given, "-1/3", 1).ground_energy, abs=1e-8)


def test_more_orbitals_than_a_word_has():
    given = problem((4, 6), 3)  # 72 orbitals
    spectrum = mo.solve_all_sectors(given, "-1/8", 1, momenta=[(0, 0)], max_promoted=1)
    lower = mo.solve_all_sectors(given, "-1/8", 1, momenta=[(0, 0)], max_promoted=2)
    assert all(lower.converged)
    assert lower.ground_energy < spectrum.ground_energy
    alone = problem((4, 6), 1)
    assert spectrum.ground_energy < mo.solve_all_sectors(alone, "-1/8", 1, momenta=[(0, 0)]).ground_energy


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Truncation(-1), "`max_promoted` must be at least 0, an integer, but is -1."),
        (
            lambda: mo.solve_all_sectors(problem(n_bands=1), "-2/3", 1, max_promoted=1),
            "`max_promoted` must be left out for one band, without bands to promote to, but is 1.",
        ),
        (
            lambda: mo.solve_all_sectors(problem(n_bands=3), "-2/3", 1, max_promoted=[2, 1]),
            "`per_band` must hold 2 numbers, for the bands above band 0, but is (1,).",
        ),
        (
            lambda: mo.solve_all_sectors(problem((4, 6), 3), "-1/3", 1),
            "`cluster` must have at most 64 orbitals without a truncation, but has 72 (3 bands on 4x6); "
            "max_promoted = 3 would fit.",
        ),
        (
            lambda: mo.solve_all_sectors(
                problem(), "-2/3", 1, max_promoted=1, settings=mo.SpectrumSettings(storage="csr")
            ),
            "`storage` must be 'matrix-free' or 'auto' under a truncation, but is 'csr'.",
        ),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(mo.InputError) as caught:
        call()
    assert str(caught.value) == sentence


def test_a_truncated_spectrum_comes_back_from_its_file(tmp_path):
    spectrum = mo.solve_all_sectors(problem(n_bands=3), "-2/3", 2, max_promoted=(2, 1, 2), keep_vectors=True)
    write_record(tmp_path / "s.h5", spectrum_record(spectrum))
    back = read_spectrum(read_record(tmp_path / "s.h5"))
    assert back.truncation == spectrum.truncation == Truncation(2, (1, 2))
    assert str(back) == str(spectrum)
    assert ", at most 2 promoted (1, 2 by band)" in str(back)
    with pytest.raises(mo.InputError, match="`spectrum` must "):
        momentum_occupation(back)


def test_the_sequence_of_promotions_is_printed_and_extrapolated():
    given = problem((3, 3), 2)
    found = promotion_sequence(given, "-1/3", 5)
    assert found.is_complete  # three carriers
    assert len(found.spectra) == 4
    assert all(np.diff(found.energies) <= 0)
    assert found.extrapolated_mev == found.energies[-1]
    assert "the last step holds all states" in str(found)
    assert np.isnan(promotion_sequence(given, "-1/3", 2, momenta=[(0, 0)]).extrapolated_mev)
    given = problem((3, 3), 2)
    part = promotion_sequence(given, "-5/9", 3)
    gains = -np.diff(part.energies)
    assert part.ratio == pytest.approx(gains[2] / gains[1])
    assert part.extrapolated_mev == pytest.approx(part.energies[3] - gains[2] * part.ratio / (1 - part.ratio))
    every = mo.solve_all_sectors(given, "-5/9", 1).ground_energy
    assert abs(part.extrapolated_mev - every) < part.energies[3] - every
    assert "upper bounds; geometric limit of the gains, an estimate: " in str(part)


@pytest.mark.parametrize("truncation", [Truncation(0), Truncation(2), Truncation(3, (1, 2)), Truncation(4, (4, 0))])
@pytest.mark.parametrize("n_flavours", [1, 2])
def test_configurations_are_counted_without_a_list(truncation, n_flavours):
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 2, 3), n_flavours, 3)
    assert truncation.n_configurations(orbitals) == len(truncation.configurations(orbitals))


def test_a_list_that_does_not_fit_is_refused_before_it_is_made():
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 4, 6), 1, 3)
    with pytest.raises(
        MemoryRefusedError, match=r"A list of remote configurations .*; fewer promoted particles would fit"
    ):
        Truncation(16).configurations(orbitals)
    valleys = Orbitals(mo.MomentumGrid.regular(LATTICE, 4, 5), 2, 2)  # 40 active orbitals: 24 of them in the high half
    with pytest.raises(MemoryRefusedError, match="fewer promoted particles or cells would fit"):
        sector_dimensions(valleys, (4, 4), Truncation(3))
