"""Clusters: counted, reduced, ranked, and their momenta against those of the grid."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.exact_diagonalization import cluster_shapes, clusters_for, sector_dimensions, suggest_clusters
from moire.exact_diagonalization.cluster_shapes import SIXTH_TURN
from moire.orbitals import Orbitals

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)


def test_the_turn_is_one_by_sixty_degrees():
    turned = SIXTH_TURN @ LATTICE.primitive
    angle = np.pi / 3
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(turned, LATTICE.primitive @ rotation, atol=1e-12)


def orbits_of_sublattices(n):
    """Number of sublattices of index n up to rotations, by Burnside: sum of divisors and fixed points of C3."""
    total = sum(d for d in range(1, n + 1) if n % d == 0)
    character = (0, 1, -1)  # of the Eisenstein integers: number of ideals of norm n
    fixed = sum(character[d % 3] for d in range(1, n + 1) if n % d == 0)
    return (total + 2 * fixed) // 3


@pytest.mark.parametrize("n", [*range(1, 40), 48, 63])
def test_every_cluster_once(n):
    shapes = cluster_shapes(n)
    assert len(shapes) == orbits_of_sublattices(n)
    assert all(shape.n_sites == n for shape in shapes)
    assert sum(shape.has_sixfold_axis for shape in shapes) == sum(
        (0, 1, -1)[d % 3] for d in range(1, n + 1) if n % d == 0
    )
    assert [shape.aspect for shape in shapes] == sorted(shape.aspect for shape in shapes)


@given(st.sampled_from([6, 9, 12, 15, 16, 21, 27, 28, 36, 39]), st.data())
@settings(max_examples=40)
def test_a_shape_is_what_its_grid_says(n, data):
    shape = data.draw(st.sampled_from(cluster_shapes(n)))
    grid = mo.MomentumGrid.cluster(LATTICE, shape.matrix)
    assert grid.name == shape.name
    for name, corners in (("gamma", ["gamma"]), ("kappa", ["kappa_+", "kappa_-"])):
        held = 0
        for corner in corners:
            distance = (grid.points - LATTICE.corners[corner]) @ LATTICE.primitive.T / (2 * np.pi)
            held += bool(np.isclose(np.abs(distance - np.round(distance)).sum(axis=1), 0, atol=1e-9).any())
        assert shape.holds(name) == held
    halves = [grid.index_of(tuple(label)) for label in grid.labels if not (2 * label % grid.moduli).any()]
    assert shape.holds("m") == len(halves) - 1
    vectors = np.array(shape.matrix) @ LATTICE.primitive
    combinations = [i * vectors[0] + j * vectors[1] for i in range(-6, 7) for j in range(-6, 7) if (i, j) != (0, 0)]
    lengths = np.sort(np.linalg.norm(combinations, axis=1))
    assert shape.aspect >= 1.0
    assert np.linalg.norm(vectors, axis=1).min() >= lengths[0] * (1 - 1e-12)
    if shape.has_sixfold_axis:
        assert lengths[5] == pytest.approx(lengths[0])


def test_sixfold_clusters():
    for n, m, kappa in ((9, 0, 2), (12, 3, 2), (21, 0, 2), (27, 0, 2), (28, 3, 0), (36, 3, 2), (39, 0, 2)):
        best = cluster_shapes(n)[0]
        assert best.symmetry == "C6"
        assert best.aspect == pytest.approx(1.0)
        assert (best.holds("m"), best.holds("kappa")) == (m, kappa)
    assert cluster_shapes(36)[0].name == "6x6"
    names = [shape.name for shape in cluster_shapes(12)]
    assert {"3x4", "4x3", "2x6"} < set(names)
    assert "6x2" not in names  # 2x6 turned by 120 degrees


def test_suggestions():
    suggestions = suggest_clusters("-2/3", max_sites=27)
    sizes = {cluster.shape.n_sites for cluster in suggestions.clusters}
    assert sizes == set(range(6, 28, 3))
    ranks = [cluster.rank for cluster in suggestions.clusters]
    assert ranks == sorted(ranks)
    (best, *_) = suggestions.of_size(27)
    assert best.shape.symmetry == "C6"
    assert best.n_carriers == 18
    assert best.largest_dimension == 173613
    assert best.shared_sector == 3
    rectangle = next(cluster for cluster in suggestions.of_size(12) if cluster.shape.name == "3x4")
    grid = mo.MomentumGrid.regular(LATTICE, 3, 4)
    assert rectangle.largest_dimension == sector_dimensions(Orbitals(grid), 4).max()
    assert rectangle.shared_sector == 1
    text = str(suggestions)
    assert "6,3,-3,3" in text
    assert "and 66 more" in text
    assert len(suggestions.table().splitlines()) == len(suggestions.clusters) + 1
    assert all(cluster.shared_sector == 0 for cluster in suggest_clusters("1/2", 12).clusters)


def test_refusals_name_clusters_that_fit():
    assert clusters_for(Fraction(2, 3), 13)[:2] == ["12 [[4, 2], [-2, 2]]", "3x4"]
    assert clusters_for(Fraction(1, 65), 13) == []
    with pytest.raises(mo.InputError, match=r"3/5 x 16 = 48/5 on 4x4; 15 \[\[4, 1\], \[1, 4\]\], .* would fit"):
        mo.exact_diagonalization.carriers_on(mo.MomentumGrid.regular(LATTICE, 4, 4), "-3/5")
    with pytest.raises(mo.InputError, match=r"`max_sites` must satisfy .*, but is 65, with min_sites = 6"):
        suggest_clusters("1/3", 65)
    with pytest.raises(
        mo.InputError, match=r"`max_sites` must allow a multiple of 7 cells from min_sites = 8 on, but is 13"
    ):
        suggest_clusters("1/7", 13, 8)
