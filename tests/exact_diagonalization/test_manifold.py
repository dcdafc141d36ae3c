"""The predicted manifold in made-up spectra and in those of clusters."""

from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization.manifold import find_manifold
from moire.predictions import expected_momenta

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("matrix", "filling"),
    [
        ([[4, 2], [-2, 2]], (2, 3)),  # 12 sites, C6
        ([[2, 2], [-2, 4]], (2, 3)),
        ([[2, 2], [-2, 4]], (1, 3)),
        ([[3, 0], [1, 4]], (1, 3)),  # 12 sites, momenta off zero
        ([[4, 1], [1, 4]], (2, 3)),  # 15 sites
        ([[2, 3], [3, -3]], (3, 5)),  # 15 sites, negative determinant
        ([[5, 1], [-1, 4]], (2, 3)),  # 21 sites, C6
    ],
)
def test_exact_diagonalization_of_tilted_clusters(build_model, coulomb, matrix, filling):
    # 3 shells and |q| <= 2 |G_1| move energies by less than the splittings; only momenta and order are asked here.
    model = build_model("WANG_2023", 3.7, shells=3)
    grid = mo.MomentumGrid.cluster(model.lattice, matrix)
    problem = mo.project(mo.solve_bands(model, grid, n_bands=1), coulomb, q_cutoff=2.0)
    q, fraction = filling[1], Fraction(*filling)
    predicted = expected_momenta(grid, fraction)
    if grid.n_points > 15:  # the sectors of the manifold and two others: enough to see a wrong prediction
        momenta = [*sorted(set(predicted)), (0, 1), (0, 5)]
        spectrum = mo.solve_all_sectors(problem, filling, 2, momenta=momenta)
    else:
        spectrum = mo.solve_all_sectors(problem, filling, q + 1)
        assert spectrum.manifold.is_signature
    rows, levels = np.nonzero(np.isfinite(spectrum.energies))
    order = np.argsort(spectrum.energies[rows, levels])
    lowest = sorted(spectrum.labels[rows[i]] for i in order[:q])
    assert tuple(lowest) == predicted
    energies = spectrum.energies[rows, levels][order]
    assert energies[q] - energies[q - 1] > energies[q - 1] - energies[0]


def verdict(energies, *, filling=THIRD, labels=None, shape=(1, 3), dimensions=None):
    """Of a made-up spectrum: one row of energies per sector."""
    grid = mo.MomentumGrid.regular(LATTICE, *shape)
    labels = labels or tuple(tuple(map(int, label)) for label in grid.labels)
    energies = np.array(energies, dtype=float)
    dimensions = np.full(len(labels), 100) if dimensions is None else np.array(dimensions)
    return find_manifold(grid, filling, labels, dimensions, energies)


def test_signature():
    found = verdict([[0.0, 2.0], [0.1, 2.1], [0.2, 1.9]])
    assert found.is_signature
    assert found.splitting == pytest.approx(0.2)
    assert found.gap == pytest.approx(1.7)
    assert found.verdict == (
        "FCI signature: the 3 lowest states lie at the predicted momenta (0, 0) (0, 1) (0, 2); "
        "splitting 0.2000 meV, gap above 1.7000 meV."
    )


def test_no_signature():
    found = verdict([[0.0, 0.1], [0.1, 2.1], [0.2, 1.9]])
    assert not found.is_signature
    assert found.gap == pytest.approx(-0.1)
    assert found.verdict.startswith(
        "No FCI signature: a state outside the 3 predicted at (0, 0) (0, 1) (0, 2) lies lower"
    )


def test_weak():
    found = verdict([[0.0, 2.0], [0.5, 2.1], [1.2, 1.9]])
    assert not found.is_signature
    assert found.verdict.startswith("Weak: the 3 lowest states")
    assert 0 < found.gap < found.splitting


def test_states_with_multiplicity():
    rows = np.full((9, 4), 5.0)
    rows[0] = [0.0, 0.1, 0.2, 3.0]
    found = verdict(rows, shape=(3, 3))
    assert found.is_signature
    assert found.gap == pytest.approx(2.8)
    assert "(0, 0) x3" in found.verdict


@pytest.mark.parametrize(
    ("energies", "labels", "dimensions"),
    [
        ([[0.0], [0.1], [0.2]], None, None),  # the next level of no sector is known
        ([[0.0, 2.0], [0.1, np.nan], [0.2, 1.9]], None, None),  # one level not converged
        ([[0.0, 2.0], [0.1, 2.0]], ((0, 0), (0, 1)), None),  # a sector of the manifold was not solved
        ([[0.0, 2.0], [np.nan, np.nan], [0.2, 1.9]], None, None),  # nor converged
    ],
)
def test_undecided(energies, labels, dimensions):
    found = verdict(energies, labels=labels, dimensions=dimensions)
    assert not found.is_signature
    assert np.isnan(found.gap)
    assert found.verdict.startswith("Undecided")
    assert found.verdict.endswith("ask for more states or sectors.")


def test_an_exhausted_sector_is_known():
    found = verdict([[0.0, 2.0], [0.1, np.nan], [0.2, np.nan]], dimensions=[5, 1, 1])
    assert found.is_signature
    assert found.gap == pytest.approx(1.8)


def test_too_few_levels_or_sectors_of_a_real_spectrum(build_model, coulomb):
    model = build_model("WANG_2023", 3.7, shells=3)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 3, 4), n_bands=1)
    problem = mo.project(bands, coulomb, q_cutoff=2.0)
    one = mo.solve_all_sectors(problem, (2, 3), 1).manifold
    two = mo.solve_all_sectors(problem, (2, 3), 2).manifold
    some = mo.solve_all_sectors(problem, (2, 3), 2, momenta=[(0, 0), (1, 0), (2, 0), (1, 1)]).manifold
    assert two.is_signature
    assert not one.is_signature
    assert not some.is_signature
    assert "next state is known in only 9 of 12 sectors" in one.verdict
    assert "next state is known in only 4 of 12 sectors" in some.verdict
    assert one.splitting == pytest.approx(two.splitting, rel=1e-9)
    half = mo.solve_all_sectors(problem, (1, 2), 1)
    assert half.manifold is None
    assert "No incompressible state is predicted" in str(half)
