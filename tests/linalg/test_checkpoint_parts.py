"""Checkpoints of runs over ranks: one file for each, read on any other number of ranks."""

from itertools import pairwise

import numpy as np
import pytest

from moire.errors import InputError
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.vectors import VectorSpace

DIMENSION = 10
VECTORS = np.arange(3.0 * DIMENSION).reshape(3, DIMENSION)


def spaces(*cuts):
    return [VectorSpace(DIMENSION, part=slice(a, b)) for a, b in pairwise(cuts)]


def save(folder, parts, number):
    """State `number` of a run whose ranks hold these parts; each has come as far as the one before."""
    for space in parts:
        checkpoint = Checkpoint(folder / "run", "key")
        checkpoint._count = number - 1
        checkpoint.save({"vectors": number * VECTORS[:, space.part], "step": np.array(number)}, space)


def load(folder, parts):
    states = [Checkpoint(folder / "run", "key").load(space) for space in parts]
    assert len({int(state["step"]) for state in states}) == 1
    return int(states[0]["step"]), np.concatenate([state["vectors"] for state in states], axis=1)


@pytest.mark.parametrize("cuts", [(0, 10), (0, 3, 10), (0, 0, 5, 5, 10), (0, 1, 4, 9, 10)])
@pytest.mark.parametrize("written", [(0, 10), (0, 5, 10), (0, 2, 2, 8, 10)])
def test_any_parts_are_read_from_any_others(tmp_path, written, cuts):
    for number in (1, 2, 3):
        save(tmp_path, spaces(*written), number)
    step, vectors = load(tmp_path, spaces(*cuts))
    assert step == 3
    np.testing.assert_array_equal(vectors, 3 * VECTORS)
    assert len(list(tmp_path.iterdir())) == 2 * (len(written) - 1)


def test_a_state_that_one_rank_did_not_write_is_passed_over(tmp_path):
    parts = spaces(0, 4, 10)
    save(tmp_path, parts, 1)
    save(tmp_path, parts, 2)
    save(tmp_path, parts[:1], 3)
    assert load(tmp_path, spaces(0, 5, 10))[0] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"run.0-4.2.h5", "run.4-10.2.h5"}


def test_a_damaged_file_of_one_rank_leaves_the_state_before(tmp_path):
    parts = spaces(0, 4, 10)
    save(tmp_path, parts, 1)
    save(tmp_path, parts, 2)
    damaged = tmp_path / "run.4-10.2.h5"
    content = bytearray(damaged.read_bytes())
    content[-200] ^= 1
    damaged.write_bytes(content)
    assert load(tmp_path, [VectorSpace(DIMENSION)])[0] == 1


def test_a_run_on_other_ranks_replaces_the_files(tmp_path):
    save(tmp_path, spaces(0, 4, 10), 1)
    new = [Checkpoint(tmp_path / "run", "key") for _ in range(3)]
    parts = spaces(0, 3, 6, 10)
    states = [checkpoint.load(space) for checkpoint, space in zip(new, parts, strict=True)]
    for checkpoint, space, state in reversed(list(zip(new, parts, states, strict=True))):
        checkpoint._resumed = space is parts[0]  # the leader removes, once all have written
        checkpoint.save(state, space)
    assert {path.name for path in tmp_path.iterdir()} == {"run.0-3.2.h5", "run.3-6.2.h5", "run.6-10.2.h5"}
    Checkpoint(tmp_path / "run", "key").remove()
    assert not list(tmp_path.iterdir())


def test_parts_of_another_problem_are_refused(tmp_path):
    parts = spaces(0, 4, 10)
    save(tmp_path, parts, 1)
    for space in (*parts, VectorSpace(DIMENSION)):
        with pytest.raises(InputError, match=r"`checkpoint` must belong to this problem"):
            Checkpoint(tmp_path / "run", "other").load(space)
