"""Sums over components are made in one place: parts of vectors, added up, give what whole vectors give."""

import itertools
import threading

import numpy as np
import pytest

from moire.linalg import vectors
from moire.linalg.krylov import KrylovBasis
from moire.linalg.vectors import VectorSpace

DIMENSION = 20_001


@pytest.fixture(scope="module")
def block():
    rng = np.random.default_rng(1)
    return rng.standard_normal((5, DIMENSION)) + 1j * rng.standard_normal((5, DIMENSION))


def parts(n):
    edges = np.linspace(0, DIMENSION, n + 1).astype(int)
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("n", [2, 7])
def test_sums_over_parts_are_sums_over_the_whole(block, n):
    whole = VectorSpace(DIMENSION)
    spaces = [VectorSpace(DIMENSION, part=part) for part in parts(n)]
    assert sum(space.held for space in spaces) == DIMENSION
    partial = sum(space.overlaps(block[:3, space.part], block[:, space.part]) for space in spaces)
    np.testing.assert_allclose(partial, whole.overlaps(block[:3], block), rtol=1e-12)
    np.testing.assert_allclose(partial, block[:3].conj() @ block.T, rtol=1e-12)
    squares = sum(space.norms(block[:, space.part]) ** 2 for space in spaces)
    np.testing.assert_allclose(np.sqrt(squares), np.linalg.norm(block, axis=1), rtol=1e-13)


def test_what_the_other_parts_hold_is_added(block):
    first, second = parts(2)
    other = VectorSpace(DIMENSION, part=second)
    there = iter([other.norm(block[0, second]) ** 2, other.overlaps(block[:, second], block[:, second]).conj().T])
    here = VectorSpace(DIMENSION, part=first, add_up=lambda sums: sums + next(there))
    assert here.norm(block[0, first]) == pytest.approx(np.linalg.norm(block[0]), rel=1e-13)
    np.testing.assert_allclose(here.overlaps(block[:, first], block[:, first]), block.conj() @ block.T, rtol=1e-11)


def test_the_number_of_threads_does_not_change_the_bits(monkeypatch):
    n, used = (1 << 16) + 5, set()
    rng = np.random.default_rng(2)
    known, start = (rng.standard_normal((m, 2 * n)).view(complex) for m in (20, 2))
    unitary = np.linalg.qr(rng.standard_normal((20, 20)))[0].astype(complex)
    work = vectors.in_pieces

    def noted(piece_work, *sizes):
        def seen(piece):
            used.add(threading.get_ident())
            return piece_work(piece)

        return work(seen, *sizes)

    monkeypatch.setattr(vectors, "in_pieces", noted)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr(vectors, "threads", lambda count=count: count)
        space, block, turned = VectorSpace(n), start.copy(), known.copy()
        used.clear()
        overlaps = space.overlaps(known, block)
        space.subtract(block, known, overlaps)
        space.rotate(turned, unitary[:, :7])
        found.append((overlaps, block, turned[:7]))
        assert (used == {threading.get_ident()}) == (count == 1)
    np.testing.assert_allclose(found[0][0], known.conj() @ start.T, rtol=1e-11)
    np.testing.assert_allclose(found[0][1], start - found[0][0].T @ known, rtol=1e-9)
    np.testing.assert_allclose(found[0][2], unitary[:, :7].T @ known, rtol=1e-11, atol=1e-12)
    for several in found[1:]:
        for one, other in zip(found[0], several, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("drawn", [vectors._DRAWN, 3000])
def test_random_vectors_do_not_depend_on_the_parts(drawn, monkeypatch):
    monkeypatch.setattr(vectors, "_DRAWN", drawn)
    whole = VectorSpace(DIMENSION).random((3, 1))
    np.testing.assert_array_equal(
        np.concatenate([VectorSpace(DIMENSION, part=part).random((3, 1)) for part in parts(3)]), whole
    )
    assert len(np.unique(whole)) == DIMENSION
    first = np.random.default_rng([3, 1]).standard_normal(min(drawn, DIMENSION))
    np.testing.assert_array_equal(whole.real[:drawn], first)


def test_the_method_sums_through_its_space_alone():
    sums = []

    def counted(found):
        sums.append(found)
        return found

    levels = np.linspace(0, 30, 400)
    basis = KrylovBasis(VectorSpace(400, add_up=counted), 30, 2, (0,))
    for _ in range(5):
        basis.expand(lambda x: levels[:, None] * x)
    held = basis.vectors[: basis.n_held]
    np.testing.assert_allclose(held.conj() @ held.T, np.eye(basis.n_held), atol=1e-12)
    assert len(sums) > 50
