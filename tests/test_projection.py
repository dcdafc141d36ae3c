import dataclasses

import numpy as np
import pytest

import moire as mo
from tests.reference.elements import one_band
from tests.reference.overlaps import layer_overlap


@pytest.mark.parametrize("shape", [[2, 3], [[2, 1], [-1, 2]]])
@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_two_body_elements_by_plain_loops(small_problem, shape, carrier):
    problem = small_problem(shape, carrier, boundary_phase=(0.2, 0.6))
    bands, grid, transfers = problem.bands, problem.grid, problem.form_factors.transfers
    area = grid.n_points * grid.lattice.cell_area_nm2
    expected = np.zeros((grid.n_points,) * 3, dtype=complex)
    for q, vector in enumerate(transfers.vectors):
        modulus = np.linalg.norm(vector)
        if modulus == 0:
            continue
        v, d = problem.interaction(modulus) / area, transfers.group_index[q]
        forward = [layer_overlap(bands, 0, k, 0, grid.sum_index[k, d], 0, vector) for k in range(grid.n_points)]
        backward = [
            layer_overlap(bands, 0, k, 0, grid.difference_index[k, d], 0, -vector) for k in range(grid.n_points)
        ]
        if carrier == "hole":
            forward, backward = np.conj(forward), np.conj(backward)
        for k1 in range(grid.n_points):
            for k2 in range(grid.n_points):
                expected[k1, k2, d] += forward[k1] @ v @ backward[k2]
    np.testing.assert_allclose(one_band(problem), expected, atol=1e-11)
    assert np.abs(expected).max() > 1
    sign = -1 if carrier == "hole" else 1
    np.testing.assert_array_equal(problem.one_body, sign * bands.energies)


def test_symmetries_of_the_elements(small_problem):
    problem = small_problem([3, 3])
    w, grid = one_band(problem), problem.grid
    k, d = np.arange(9), np.arange(9)
    minus = grid.difference_index[0]
    # Exchange of the two particles: W(k1, k2, d) = W(k2, k1, -d).
    np.testing.assert_allclose(w, w.transpose(1, 0, 2)[:, :, minus], atol=1e-12)
    # Hermiticity: W(k1, k2, d) = W(k1 + d, k2 - d, -d)^*.
    k1, k2, step = np.meshgrid(k, k, d, indexing="ij")
    conjugate = w[grid.sum_index[k1, step], grid.difference_index[k2, step], minus[step]].conj()
    np.testing.assert_allclose(w, conjugate, atol=1e-12)


@pytest.mark.parametrize("distance", [0.0, 0.7])
def test_zero_momentum_rule(small_problem, distance):
    interaction = mo.ScreenedCoulomb(epsilon_r=10, layer_distance_nm=distance)
    dropped, kept = (small_problem([3, 3], zero_momentum=rule, interaction=interaction) for rule in ("drop", "keep"))
    difference = one_band(kept) - one_band(dropped)
    assert np.abs(difference[:, :, 1:]).max() == 0  # only d = 0 knows q = 0
    v0 = interaction(0.0) / dropped.area_nm2
    form = dropped.form_factors.values[0, dropped.form_factors.transfers.zero, :, 0, 0]
    np.testing.assert_allclose(difference[:, :, 0], form @ v0 @ form.T, atol=1e-12)
    if distance == 0:  # V(0) N (N - 1) / 2A
        energies = [mo.solve_all_sectors(p, (2, 3), 1).ground_energy for p in (dropped, kept)]
        assert energies[1] - energies[0] == pytest.approx(v0[0, 0] * 6 * 5 / 2, rel=1e-10)


def test_only_q_zero_is_dropped(small_problem):
    problem = small_problem([2, 3])
    zero = problem.form_factors.transfers.zero
    assert np.all(problem.coulomb[zero] == 0)
    others = np.delete(problem.coulomb, zero, axis=0)
    modulus = np.linalg.norm(np.delete(problem.form_factors.transfers.vectors, zero, axis=0), axis=1)
    np.testing.assert_allclose(others * problem.area_nm2, problem.interaction(modulus), rtol=1e-13)
    assert others.min() > 0
    assert problem.area_nm2 == pytest.approx(6 * problem.grid.lattice.cell_area_nm2)


def test_filled_band_of_holes_is_an_electron_vacuum(small_problem):
    # All orbitals filled: one state in either picture; E = sum e + 1/2 sum (W(k1,k2,0) - W(k1,k2,k2-k1)).
    problem = small_problem([2, 3])
    w, n = one_band(problem), 6
    exchange = sum(
        w[a, b, 0] - w[a, b, problem.grid.difference_index[b, a]] for a in range(n) for b in range(n) if a != b
    )
    expected = problem.one_body.sum() + exchange.real / 2
    for particle_hole in (True, False):
        spectrum = mo.solve_all_sectors(problem, (1, 1), 1, settings=mo.SpectrumSettings(particle_hole=particle_hole))
        assert spectrum.ground_energy == pytest.approx(expected, rel=1e-12)
        assert np.isfinite(spectrum.energies).sum() == 1


def test_description_names_every_approximation(small_problem):
    problem = small_problem([2, 3], zero_momentum="keep")
    text = str(problem)
    for word in ("WANG_2023", "2x3", "hole", "keep", "eps = 10", "q_cutoff", "2 shells"):
        assert word in text
    assert problem.describe()["q_cutoff"] == 2.0


def test_fields_are_frozen(small_problem):
    problem = small_problem([2, 3])
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.carrier = "electron"
    for array in (problem.one_body, problem.coulomb, problem.form_factors.values, problem.two_body_elements()):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("reference", "match"),
    [
        ("holes", "`reference` must be an array or one of vacuum, hole_vacuum"),
        (np.zeros((6, 2, 2)), "`reference` must have shape"),
        (np.full((6, 1, 1), 1j), "`reference` must be Hermitian"),
        (np.full((6, 1, 1), 1.5), "`reference` must have occupations in"),
    ],
)
def test_bad_references(small_problem, reference, match):
    with pytest.raises(mo.InputError, match=match):
        small_problem([2, 3], reference=reference)
