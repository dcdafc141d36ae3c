import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from moire import KPath, MomentumGrid
from moire.grids import smith_normal_form
from moire.lattice import TriangularLattice

LATTICE = TriangularLattice(5.0)
entries = st.integers(-9, 9)
matrices = st.tuples(entries, entries, entries, entries).map(lambda t: np.array(t).reshape(2, 2))


@st.composite
def clusters(draw, max_size=40):
    matrix = draw(matrices)
    size = abs(round(np.linalg.det(matrix)))
    assume(0 < size <= max_size)
    return MomentumGrid(LATTICE, matrix, draw(st.tuples(st.floats(-1, 1), st.floats(-1, 1))))


@given(matrices)
def test_smith_normal_form(t):
    assume(round(np.linalg.det(t)) != 0)
    u, d, v = smith_normal_form(t)
    np.testing.assert_array_equal(u @ t @ v, d)
    assert d[0, 1] == d[1, 0] == 0
    assert d[0, 0] > 0
    assert d[1, 1] > 0
    assert d[1, 1] % d[0, 0] == 0
    assert abs(round(np.linalg.det(u))) == abs(round(np.linalg.det(v))) == 1
    assert d[0, 0] == np.gcd.reduce(t, axis=None)  # the first invariant factor is the gcd of the entries


@given(clusters())
def test_group_axioms(grid):
    n, total, difference = grid.n_points, grid.sum_index, grid.difference_index
    identity = np.arange(n)
    np.testing.assert_array_equal(total[:, 0], identity)
    np.testing.assert_array_equal(total, total.T)
    np.testing.assert_array_equal(np.sort(total, axis=1), np.tile(identity, (n, 1)))
    assert np.all(difference[total, identity[None]] == identity[:, None])  # (k + q) - q = k
    np.testing.assert_array_equal(total[total[:, :, None], identity], total[identity[:, None, None], total[None]])
    assert [grid.index_of(label) for label in grid.labels] == identity.tolist()


@given(clusters())
def test_momenta_are_those_of_the_cluster(grid):
    # k . L_i = 2 pi (integer + phi_i) and all momenta differ by more than a reciprocal vector.
    phases = grid.points @ (grid.matrix @ LATTICE.primitive).T / (2 * np.pi) - np.array(grid.boundary_phase)
    np.testing.assert_allclose(phases, np.round(phases), atol=1e-10)
    assert grid.n_points == abs(round(np.linalg.det(grid.matrix)))
    reduced = np.round(grid.fractional * grid.n_points).astype(int) % grid.n_points
    assert len({tuple(row) for row in reduced}) == grid.n_points


@given(clusters())
def test_umklapp_identity(grid):
    untwisted = grid.fractional @ LATTICE.reciprocal
    left = grid.points[:, None] + untwisted[None]
    right = grid.points[grid.sum_index] + grid.umklapp @ LATTICE.reciprocal
    np.testing.assert_allclose(left, right, atol=1e-11)


def test_rectangle_labels_and_order():
    grid = MomentumGrid.regular(LATTICE, 3, 4, boundary_phase=(0.25, -0.5))
    expected = [((i + 0.25) / 3, (j - 0.5) / 4) for i in range(3) for j in range(4)]
    np.testing.assert_allclose(grid.points, np.array(expected) @ LATTICE.reciprocal, atol=1e-14)
    assert grid.labels[7].tolist() == [1, 3]
    assert grid.index_of((1, 3)) == 7
    assert grid.is_regular
    assert grid.name == "3x4"
    assert not MomentumGrid(LATTICE, np.array([[3, 0], [1, 4]])).is_regular
    assert MomentumGrid.cluster(LATTICE, [[6, 3], [-3, 3]]).name == "27 [[6, 3], [-3, 3]]"
    assert MomentumGrid.cluster(LATTICE, [3, 4]).name == "3x4"
    assert MomentumGrid(LATTICE, np.array([[6, 3], [-3, 3]])).moduli == (3, 9)


def test_a_full_twist_moves_to_the_next_momentum():
    grid = MomentumGrid.regular(LATTICE, 3, 4)
    moved = MomentumGrid.regular(LATTICE, 3, 4, boundary_phase=(1.0, 0.0))
    step = grid.index_of((1, 0))
    left, right = moved.points, grid.points[grid.sum_index[:, step]] + grid.umklapp[:, step] @ LATTICE.reciprocal
    np.testing.assert_allclose(left, right, atol=1e-13)


def test_path():
    path = KPath.through(LATTICE, points_per_segment=10)
    corners = LATTICE.corners
    assert path.tick_labels == ("gamma", "m", "kappa_+", "kappa_-", "gamma")
    for index, label in zip(path.tick_indices, path.tick_labels, strict=True):
        np.testing.assert_allclose(path.points[index], corners[label], atol=1e-14)
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    np.testing.assert_allclose(np.diff(path.distances), steps, rtol=1e-12)
    assert path.n_points == 41
    assert path.distances[0] == 0


def test_arrays_are_read_only():
    grid = MomentumGrid.regular(LATTICE, 2, 3)
    for array in (grid.points, grid.labels, grid.sum_index, grid.umklapp, grid.matrix):
        assert not array.flags.writeable
