"""Meshes of regions: they tile the region, and inner edges cancel, whatever the polygon."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import Disk, Polygon, Zone

LATTICE = mo.MoireLattice.from_twist(3.89, 0.352)


def directed_edges(mesh):
    corners = mesh.faces
    pairs = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1).reshape(-1, 2)
    return Counter((int(a), int(b)) for a, b in pairs if a != b)


def area_of(mesh):
    x, y = mesh.points[mesh.source][mesh.faces].transpose(2, 0, 1)
    return 0.5 * np.sum(x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1), axis=1)


def assert_the_faces_tile_the_inside_of_the_boundary(mesh):
    edges = directed_edges(mesh)
    assert set(edges.values()) == {1}
    unpaired = {edge for edge in edges if edge[::-1] not in edges}
    loop = mesh.boundary[mesh.boundary != np.roll(mesh.boundary, 1)]
    assert unpaired == set(zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True))
    assert area_of(mesh).min() > 0


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 9), clockwise=st.booleans())
def test_star_shaped_polygons_are_tiled(seed, count, clockwise):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count
    corners = rng.uniform(0.3, 1.0, count)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    polygon = Polygon(corners[::-1] if clockwise else corners)
    x, y = corners.T
    shoelace = 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    mesh = polygon.mesh(0)
    assert_the_faces_tile_the_inside_of_the_boundary(mesh)
    assert area_of(mesh).sum() == pytest.approx(shoelace, rel=1e-9)
    turns = np.diff(np.unwrap(np.arctan2(mesh.tangents[:, 1], mesh.tangents[:, 0])))
    assert abs(turns).max() < np.pi / 8 + 1e-9


def test_a_spiral_that_is_not_star_shaped_is_tiled():
    spiral = [(0, 0), (4, 0), (4, 4), (1, 4), (1, 2), (2, 2), (2, 3), (3, 3), (3, 1), (0, 1)]
    polygon = Polygon(spiral)
    assert_the_faces_tile_the_inside_of_the_boundary(polygon.mesh(0))
    assert polygon.contains((3.5, 3.5))
    assert not polygon.contains((1.5, 1.5))
    assert polygon.inverted().contains((-3.5, -3.5))


def test_a_disk_is_tiled_and_its_area_tends_to_the_circle():
    disk = Disk((0.3, -0.2), 0.7)
    assert_the_faces_tile_the_inside_of_the_boundary(disk.mesh(0))
    errors = [np.pi * 0.49 - area_of(disk.mesh(level)).sum() for level in (0, 1, 2)]
    assert 0 < errors[2] < errors[1] / 3.5 < errors[0] / 3.5**2  # falls by four


def test_the_zone_has_no_boundary_and_every_edge_is_paired_over_the_torus():
    mesh = Zone(LATTICE).mesh(0)
    assert len(mesh.boundary) == 0
    assert area_of_zone(mesh) == pytest.approx(LATTICE.zone_area)
    corners = mesh.source[mesh.faces]
    pairs = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges = Counter(map(tuple, pairs.tolist()))
    assert all(edges[b, a] == count for (a, b), count in edges.items())
    with pytest.raises(mo.InputError, match="have a boundary"):
        Zone(LATTICE).boundary_at(0.5)


def area_of_zone(mesh):
    points = mesh.points[mesh.source] + mesh.shift @ LATTICE.reciprocal
    x, y = points[mesh.faces].transpose(2, 0, 1)
    return 0.5 * np.sum(x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1))


@pytest.mark.parametrize("region", [Disk((0.1, 0.2), 0.5), Polygon([(0, 0), (1, 0.1), (0.8, 0.9), (0.3, 0.4)])])
def test_the_boundary_parameter_gives_the_vertices_and_tangents_of_the_mesh(region):
    mesh = region.mesh(0)
    for vertex, tangent, t in zip(mesh.boundary, mesh.tangents, mesh.parameters, strict=True):
        k, direction = region.boundary_at(float(t))
        np.testing.assert_allclose(k, mesh.points[vertex], atol=1e-12)
        at_corner = np.count_nonzero(mesh.boundary == vertex) > 1
        assert at_corner or tangent @ direction == pytest.approx(1)
    fine = region.mesh(1)
    assert {tuple(np.round(p, 9)) for p in mesh.points} <= {tuple(np.round(p, 9)) for p in fine.points}
