"""Machine code on disk: no state of its files or of the disk may cost more than a compilation."""

import hashlib
import os
import pickle
import subprocess
import sys

import numba
import numpy as np
import pytest

from moire.kernels import _cache
from moire.kernels._cache import KernelCache, cache_directory

VALUES = np.arange(5.0)


def weigh(x):
    total = 0.0
    for i in range(x.size):
        total += (i + 1) * x[i]
    return total


def hits_of_a_new_process(directory):
    """Compile or load the kernel as a new process does; return whether it was loaded."""
    dispatcher = numba.njit(nogil=True)(weigh)
    dispatcher._cache = KernelCache(weigh, "", directory)
    assert dispatcher(VALUES) == 40
    return sum(dispatcher.stats.cache_hits.values())


def flip(content, position):
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]


def whole(payload):
    return hashlib.sha256(payload).digest() + payload


DAMAGE = {
    "empty": lambda content: b"",
    "digest alone": lambda content: content[:32],
    "cut in the digest": lambda content: content[:10],
    "cut in half": lambda content: content[: len(content) // 2],
    "last byte missing": lambda content: content[:-1],
    "one bit of the code": lambda content: flip(content, 2 * len(content) // 3),
    "zeros of a crashed disk": lambda content: content[:4096] + bytes(len(content) - 4096),
    "another file": lambda content: b"not machine code\n",
    "no pickle": lambda content: whole(b"not a pickle"),
    "pickle of something else": lambda content: whole(pickle.dumps({"a": 1})),
    "pickle of a class that is gone": lambda content: whole(b"cabsent_module\nAbsent\n."),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_compiled_anew_and_rewritten(damage, tmp_path):
    assert hits_of_a_new_process(tmp_path) == 0
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    assert hits_of_a_new_process(tmp_path) == 1
    file.write_bytes(DAMAGE[damage](content))
    assert hits_of_a_new_process(tmp_path) == 0
    assert list(tmp_path.iterdir()) == [file]
    assert hits_of_a_new_process(tmp_path) == 1


def test_variants_and_signatures_have_files_of_their_own(tmp_path):
    for options, values in (("", VALUES), ("fused", VALUES), ("", VALUES.astype(np.float32))):
        dispatcher = numba.njit(weigh)
        dispatcher._cache = KernelCache(weigh, options, tmp_path)
        assert dispatcher(values) == 40
        assert not dispatcher.stats.cache_hits
    assert len(list(tmp_path.glob("test_kernel_cache.weigh-*.nbc"))) == 3


def test_a_directory_in_place_of_a_file_costs_a_compilation(tmp_path):
    hits_of_a_new_process(tmp_path)
    (file,) = tmp_path.iterdir()
    file.unlink()
    (file / "in").mkdir(parents=True)
    assert hits_of_a_new_process(tmp_path) == 0
    assert list(tmp_path.iterdir()) == [file]  # no temporary file is left


def test_a_folder_that_vanished_is_made_again(tmp_path):
    assert hits_of_a_new_process(tmp_path / "gone") == 0
    assert hits_of_a_new_process(tmp_path / "gone") == 1


def test_the_ranks_of_a_machine_share_their_code(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    found = set()
    for host, rank in [("node1", "0"), ("node1", "1"), ("node2", "0"), ("a/../b c", "0")]:
        monkeypatch.setattr(_cache.socket, "gethostname", lambda host=host: host)
        monkeypatch.setenv("PMI_RANK", rank)
        found.add(cache_directory())
    assert {path.name for path in found} == {"host-node1", "host-node2", "host-a_.._b_c"}
    assert len({path.parent for path in found}) == 1
    assert _cache.Path(found.pop()).parent.parent == tmp_path


def test_a_file_in_place_of_the_folder_costs_a_compilation(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert hits_of_a_new_process(blocked) == 0
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert cache_directory() is None
    assert blocked.read_text() == "in the way"


@pytest.mark.parametrize("step", ["read_bytes", "replace"])
@pytest.mark.parametrize("error", [PermissionError(13, "denied"), OSError(28, "no space left"), MemoryError()])
def test_an_error_of_the_file_system_costs_a_compilation(step, error, tmp_path, monkeypatch):
    def fail(*arguments):
        raise error

    hits_of_a_new_process(tmp_path)
    monkeypatch.setattr(_cache.Path, step, fail)
    if step == "replace":
        next(tmp_path.iterdir()).unlink()
    assert hits_of_a_new_process(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == (step == "read_bytes")


def test_another_layout_of_numba_costs_a_compilation(tmp_path, monkeypatch):
    hits_of_a_new_process(tmp_path)
    monkeypatch.setattr(_cache, "CompileResult", object)
    assert hits_of_a_new_process(tmp_path) == 0


REAL = """
import numpy as np
from moire.kernels.relabel import occupied_products

out = np.empty(3, complex)
occupied_products(np.array([0, 1, 3], np.uint64), np.array([2.0, 1j]), 1, out)
assert np.array_equal(out, [1, 2, 2j]), out
"""


def run(command, cache, **options):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False, **options)


@pytest.mark.slow  # every kind of damage is tried on a small kernel above
def test_a_real_kernel_survives_cut_files_and_a_full_disk(tmp_path):
    small_disk = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash"]  # no file may pass 8 KiB
    done = run([*small_disk, sys.executable, "-c", REAL], tmp_path)
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert run([sys.executable, "-c", REAL], tmp_path).returncode == 0
    (file,) = tmp_path.rglob("*.nbc")
    content = file.read_bytes()
    file.write_bytes(b"")
    done = run([sys.executable, "-c", REAL], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(file.read_bytes()) == len(content)


@pytest.mark.slow  # compiles the kernels of exact diagonalization twice
def test_a_command_survives_cut_files(tmp_path):
    command = [sys.executable, "-m", "moire", "ed", "--twist", "3.7", "--cluster", "2x3", "--filling", "-2/3"]
    first = run(command, tmp_path)
    assert first.returncode == 0, first.stderr
    files = sorted(tmp_path.rglob("*.nbc"))
    assert len(files) > 5
    for number, file in enumerate(files):
        os.truncate(file, number % 2 * file.stat().st_size // 2)
    again = run(command, tmp_path)
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert sorted(tmp_path.rglob("*.nbc")) == files
    assert all(file.stat().st_size > 1000 for file in files)
