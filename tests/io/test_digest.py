"""The digest behind a file: any change is seen before HDF5 reads a byte, and earlier files stay readable."""

import os
import socket
from pathlib import Path

import h5py
import numpy as np
import pytest

from moire import _digest
from moire.cli import cli
from moire.errors import FileFormatError, InputError
from moire.io import Dataset, FileStatus, Record, check_target, file_status, read_record, write_record
from moire.linalg.checkpoint import Checkpoint


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "file.h5"
    write_record(target, Record("test", {"gap": Dataset(2.5, "meV", (), "a scalar has no checksum of HDF5")}))
    return target


@pytest.fixture
def never_parsed(monkeypatch):
    """HDF5 must not be asked."""

    def opened(*_, **__):
        pytest.fail("HDF5 has parsed a damaged file")

    monkeypatch.setattr(h5py, "File", opened)


def test_the_last_line_is_the_sha256_of_all_before_it(path):
    whole = path.read_bytes()
    assert whole.endswith(b"\n")
    mark, kind, digest = whole.splitlines()[-1].split()
    assert (mark, kind) == (b"moire", b"sha256")
    assert len(digest) == 64
    assert _digest.check_digest(path) == _digest.read_digest(path) == digest.decode()
    with h5py.File(path) as file:  # HDF5 ignores it
        assert file["gap"][()] == 2.5


def test_one_flipped_bit_is_seen_wherever_it_is(path, never_parsed):
    whole = path.read_bytes()
    place = whole.find(np.float64(2.5).tobytes())
    assert place > 0
    for byte in [place, *range(0, len(whole) - _digest.LENGTH, 97), *range(len(whole) - _digest.LENGTH, len(whole))]:
        path.write_bytes(whole[:byte] + bytes([whole[byte] ^ 4]) + whole[byte + 1 :])
        assert file_status(path) is FileStatus.DAMAGED, byte
    with pytest.raises(FileFormatError, match=r"^`.*file\.h5` must have \d+ bytes, but is damaged: it has \d+\.$"):
        read_record(path)
    path.write_bytes(whole[:place] + b"\x01" + whole[place + 1 :])
    sentence = r"^`.*file\.h5` must have the SHA-256 that it was written with, but is damaged\.$"
    with pytest.raises(FileFormatError, match=sentence):
        read_record(path)


def test_a_block_of_zeros_is_seen_and_does_not_hang(path, never_parsed):
    whole = path.read_bytes()
    for start in range(0, len(whole), 512):
        block = whole[start : start + 512]
        if any(block):
            path.write_bytes(whole[:start] + bytes(len(block)) + whole[start + 512 :])
            assert file_status(path) is FileStatus.DAMAGED, start


def test_a_file_longer_or_shorter_than_it_says(path, never_parsed):
    whole = path.read_bytes()
    for other in (whole + b"\n", whole[:-1], whole[: -_digest.LENGTH - 1], b"", whole[:8], whole[:50]):
        path.write_bytes(other)
        assert file_status(path) is FileStatus.DAMAGED, len(other)


def test_a_file_of_an_earlier_version_is_read():
    path = Path(__file__).parents[2] / "data" / "reference" / "hf_nu1.h5"
    assert not _digest.read_digest(path)
    record = read_record(path)
    assert record.kind == "summary"
    assert len(record["hf/gap"]) == 78


def test_a_file_opened_for_writing_by_another_program_counts_as_changed(path):
    with h5py.File(path, "r+") as file:
        file["gap"][()] = 3.0
    sentence = r"must end with its digest, but is damaged: it was changed later\.$"
    with pytest.raises(FileFormatError, match=sentence):
        read_record(path)


def old(path, change):
    """Make a file as earlier versions wrote it, without digest, and change its bytes."""
    with h5py.File(path, "r+") as file:
        del file.attrs["digest"]
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def test_a_damaged_array_in_a_file_without_digest_is_seen_by_its_checksum(path):
    write_record(path, Record("test", {"e": Dataset(np.arange(100.0), "meV", ("k",), "")}))

    def flip(content):
        content[content.find(np.float64(50.0).tobytes()) + 6] ^= 1

    old(path, flip)
    with pytest.raises(FileFormatError, match="must be a whole HDF5 file, but is damaged or unreadable"):
        read_record(path)


def test_a_heap_of_zeros_in_a_file_without_digest_does_not_hang(path):
    def clear(content):
        heap = content.find(b"GCOL")
        content[heap + 64 : heap + 576] = bytes(512)

    old(path, clear)
    with pytest.raises(FileFormatError, match=r"must hold whole texts, but is damaged at byte \d+"):
        read_record(path)


def test_a_text_that_claims_gigabytes_in_a_file_without_digest_is_not_allocated(path):
    def lengthen(content):
        heap = content.find(b"GCOL").to_bytes(8, "little")
        place = content.find(b"\x01" + bytes(7) + b"\x04\0\0\0" + heap)  # kind = "test", a space without axes
        assert place > 0
        content[place + 8 : place + 16] = b"\xff" * 8

    old(path, lengthen)
    with pytest.raises(FileFormatError, match=r"must hold whole texts, but is damaged at byte \d+"):
        read_record(path)


def special(tmp_path, kind):
    path = tmp_path / "x.h5"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as node:
            node.bind(str(path))
    return path


@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a device", "a socket"])
def test_special_files_are_refused_at_once(tmp_path, monkeypatch, kind):
    path = special(tmp_path, kind)
    monkeypatch.chdir(tmp_path)
    path = Path(path.name)  # a socket has a short name
    assert file_status(path) is FileStatus.DAMAGED
    with pytest.raises(FileFormatError, match=rf"^`x\.h5` must be a file, but is {kind}\.$"):
        read_record(path)
    with pytest.raises(InputError, match=rf"^`output` must be a new file or an earlier result, but x\.h5 is {kind}\.$"):
        check_target(path, "bands")
    if kind != "a folder":
        with pytest.raises(FileFormatError, match=rf"is {kind}"):
            cli.main(["show", str(path)], standalone_mode=False)


def test_a_damaged_earlier_result_is_not_written_over(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"^`output` must be a new file or an earlier result, but .* is damaged \("):
        check_target(path, "test")


def test_a_flipped_bit_in_a_checkpoint_is_seen(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run", "key")
    for value in (1.0, 2.0):
        checkpoint.save({"a": np.array([value])})
    newest = tmp_path / "run.0.h5"
    content = newest.read_bytes()
    place = content.find(np.float64(2.0).tobytes())
    assert place > 0
    newest.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
    assert Checkpoint(tmp_path / "run", "key").load()["a"] == 1.0
