"""Sectors related by rotations: found on the matrix elements, against solving every sector."""

import dataclasses

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian
from moire.exact_diagonalization.symmetry import accepted_symmetries, find_symmetry, representatives, rotated_orbitals
from moire.orbitals import Orbitals
from tests.exact_diagonalization.test_sector_hamiltonian import random_pairs

C6_CLUSTER = [[2, -2], [2, 4]]  # 12 sites, L_1 and L_2 of equal length at 120 degrees


@pytest.fixture(scope="module")
def sharp_problem(build_model, layered_coulomb):
    """Return a function (shape, D, boundary_phase) -> problem of 6 shells, whose rotations hold to 1e-11 meV."""

    def build(shape, displacement_mev=0.0, boundary_phase=(0.0, 0.0), seed=None):
        model = build_model("WANG_2023", 3.7, shells=6, displacement_mev=displacement_mev)
        grid = mo.MomentumGrid.cluster(model.lattice, shape, boundary_phase)
        bands = mo.solve_bands(model, grid, n_bands=1)
        if seed is not None:  # another gauge
            phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((1, grid.n_points, 1, 1, 1)))
            bands = dataclasses.replace(bands, states=bands.states * phases)
        return mo.project(bands, layered_coulomb, "hole", 2.0)

    return build


@pytest.mark.parametrize(
    ("shape", "displacement", "boundary_phase", "expected"),
    [
        ([3, 4], 0.0, (0, 0), (180,)),
        ([3, 4], 0.0, (0.5, 0), (180,)),
        ([3, 4], 0.0, (0.3, 0), ()),
        ([3, 4], 5.0, (0, 0), ()),
        ([1, 7], 0.0, (0, 0), (180,)),
        ([3, 3], 5.0, (0, 0), (120, 240)),
        (C6_CLUSTER, 0.0, (0, 0), (60, 120, 180, 240, 300)),
        (C6_CLUSTER, 5.0, (0, 0), (120, 240)),
    ],
)
def test_rotations_that_are_accepted(sharp_problem, shape, displacement, boundary_phase, expected):
    problem = sharp_problem(shape, displacement, boundary_phase, seed=4)
    symmetries = accepted_symmetries(PairHamiltonian.from_problem(problem), 4, 1e-8)
    assert tuple(symmetry.angle_deg for symmetry in symmetries) == expected
    assert all(symmetry.energy_bound(4) < 1e-9 for symmetry in symmetries)


def test_nothing_is_accepted_of_a_random_hamiltonian():
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), C6_CLUSTER)
    pairs = random_pairs(grid, 3)
    assert accepted_symmetries(pairs, 4, 1e-6) == ()
    assert all(find_symmetry(pairs, n).pair_violation > 0.1 for n in range(1, 6))


def test_phases_that_were_put_in_are_found():
    # Average a random Hamiltonian over the powers of a rotation with phases: it is symmetric by construction.
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [3, 4])
    pairs, image = random_pairs(grid, 8), rotated_orbitals(Orbitals(grid), 3)
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, 12)
    phases = phases - phases[image]  # so that the square is the identity
    table, blocks = pairs.pairs, pairs.blocks.copy()
    for a, (a1, a2) in enumerate(table.members):
        for b in range(*table.range[a]):
            b1, b2 = table.members[b]
            c, d = table.index[image[a1], image[a2]], table.index[image[b1], image[b2]]
            sign = (-1.0) ** (int(image[a1] > image[a2]) + int(image[b1] > image[b2]))
            turn = np.exp(1j * (phases[a1] + phases[a2] - phases[b1] - phases[b2]))
            other = pairs.blocks[table.block_start[c] + d - table.range[c, 0]]
            index = table.block_start[a] + b - table.range[a, 0]
            blocks[index] = (pairs.blocks[index] + sign * turn * other) / 2
    one_body = pairs.orbitals.matrix((pairs.levels + pairs.levels[image]) / 2)
    symmetric = dataclasses.replace(pairs, blocks=blocks, one_body=one_body)
    symmetry = find_symmetry(symmetric, 3)
    assert symmetry.energy_bound(5) < 1e-11
    assert np.abs(symmetric.blocks - pairs.blocks).max() > 0.1


@pytest.mark.parametrize(
    ("shape", "displacement", "filling", "n_solved"),
    [([3, 4], 0.0, (2, 3), 7), (C6_CLUSTER, 0.0, (1, 3), 4), ([3, 5], 0.0, (2, 5), 8), ([3, 3], 5.0, (1, 3), 5)],
)
def test_energies_and_vectors_of_related_sectors(sharp_problem, shape, displacement, filling, n_solved):
    problem = sharp_problem(shape, displacement)
    all_solved = mo.solve_all_sectors(problem, filling, 3, settings=mo.SpectrumSettings(use_symmetry=False))
    related = mo.solve_all_sectors(problem, filling, 3, keep_vectors=True)
    np.testing.assert_allclose(related.energies, all_solved.energies, atol=1e-9)
    assert sum("rotated" not in reason for reason in related.stop_reason) == n_solved < problem.grid.n_points
    assert all_solved.rotations_deg == ()
    assert related.residuals.max() < 1e-6
    assert f"{n_solved} solved" in str(related)
    assert "related by" not in str(all_solved)
    form, n = PairHamiltonian.from_problem(problem), related.n_carriers
    if related.transformed:
        form, n = form.particle_hole_transformed(), problem.grid.n_points - n
    full = 0
    for orbital in range(problem.grid.n_points):
        full = int(problem.grid.sum_index[full, orbital])
    for row, label in enumerate(related.labels):
        momentum = problem.grid.index_of(label)
        if related.transformed:
            momentum = int(problem.grid.difference_index[full, momentum])
        h = SectorHamiltonian(form, MomentumSector(problem.orbitals, n, momentum))
        vectors, energies = related.vectors[row], related.energies[row] - form.constant
        assert np.linalg.norm(h @ vectors.T - vectors.T * energies) < 1e-6
        np.testing.assert_allclose(vectors.conj() @ vectors.T, np.eye(3), atol=1e-9)


def test_the_order_asked_for_does_not_change_the_bits(sharp_problem):
    problem = sharp_problem([3, 5])
    labels = [(0, 4), (0, 1), (2, 2)]
    forward = mo.solve_all_sectors(problem, (2, 5), 2, momenta=labels)
    backward = mo.solve_all_sectors(problem, (2, 5), 2, momenta=labels[::-1])
    np.testing.assert_array_equal(forward.energies, backward.energies[::-1])
    np.testing.assert_array_equal(forward.energies[0], forward.energies[1])  # k and -k


def test_every_sector_has_one_that_stands_for_it(sharp_problem):
    problem = sharp_problem(C6_CLUSTER)
    symmetries = accepted_symmetries(PairHamiltonian.from_problem(problem), 5, 1e-8)
    chosen = representatives(symmetries, problem.grid, (5,))
    assert sorted(chosen) == [((5,), momentum) for momentum in range(12)]
    for sector, (representative, symmetry) in chosen.items():
        assert representative <= sector
        assert chosen[representative] == (representative, None)
        if symmetry is not None:
            assert symmetry.image_sector(representative, problem.grid) == sector
