"""Result files changed at random, by seed: every change is damage, in one sentence, at once and without a crash."""

import re

import h5py
import numpy as np
import pytest

from moire.errors import FileFormatError
from moire.io import FileStatus, file_status, read_record
from moire.sweep import ResultsFolder, collect
from tests.stored_points import request_at, store


def flip(content, rng):
    for place in rng.integers(len(content), size=rng.integers(1, 4)):
        content[place] ^= 1 << int(rng.integers(8))


def clear(content, rng):
    start = int(rng.integers(len(content)))
    length = len(content[start : start + 512])
    content[start : start + length] = bytes(length)


def fill(content, rng):
    start, value = int(rng.integers(len(content) - 8)), int(rng.choice([0x00, 0x7F, 0xFF]))
    content[start : start + 8] = bytes([value]) * 8


def scramble(content, rng):
    start = int(rng.integers(len(content) - 64))
    content[start : start + 64] = rng.bytes(64)


def move(content, rng):
    source, target = rng.integers(len(content) - 256, size=2)
    content[target : target + 256] = content[source : source + 256]


def cut(content, rng):
    del content[int(rng.integers(len(content))) :]


def remove(content, rng):
    start = int(rng.integers(len(content)))
    del content[start : start + int(rng.integers(1, 600))]


def insert(content, rng):
    start = int(rng.integers(len(content)))
    content[start:start] = rng.bytes(int(rng.integers(1, 600)))


CHANGES = [flip, clear, fill, scramble, move, cut, remove, insert]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder with one point, its path and its bytes."""
    folder = ResultsFolder(tmp_path_factory.mktemp("fuzz"))
    folder.open_for_writing()
    path = store(folder, request_at(3.7))
    return folder, path, path.read_bytes()


def changed(content, seed):
    content, rng = bytearray(content), np.random.default_rng([13, seed])
    CHANGES[seed % len(CHANGES)](content, rng)
    return bytes(content)


def check(whole, seeds):
    folder, path, before = whole
    found = []
    for seed in seeds:
        content = changed(before, seed)
        path.write_bytes(content)
        if content == before:
            continue
        assert file_status(path) is FileStatus.DAMAGED, seed
        with pytest.raises(FileFormatError) as error:
            read_record(path)
        assert re.fullmatch(r"`\S+` must [^\n]*\.", str(error.value)), seed
        ((name, _),) = collect(folder).failures
        assert name == path.name, seed
        found.append(seed)
    path.write_bytes(before)
    assert file_status(path) is FileStatus.FINISHED
    return found


def test_changed_files_are_damaged(whole):
    assert len(check(whole, range(48))) > 40


@pytest.mark.slow
def test_four_hundred_changed_files_are_damaged(whole):
    assert len(check(whole, range(48, 560))) >= 400


@pytest.mark.slow
def test_changed_files_without_digest_are_read_or_damaged(whole):
    """Of earlier versions: no hang and no crash; a change outside the arrays may remain unseen.

    Except eight bytes of ones, which may reach a length and the bytes that lead to it: HDF5 then asks for 4 GiB.
    """
    _, path, _ = whole
    found = []
    with_digest = path.read_bytes()
    with h5py.File(path, "r+") as file:
        del file.attrs["digest"]
    before = path.read_bytes()
    for seed in range(460):
        if CHANGES[seed % len(CHANGES)] is not fill:
            path.write_bytes(changed(before, seed))
            found.append(file_status(path))
    path.write_bytes(with_digest)
    assert found.count(FileStatus.DAMAGED) > 150
    assert FileStatus.ABSENT not in found
