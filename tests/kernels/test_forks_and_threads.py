"""Kernels after a fork and from several Python threads: the right numbers, in every threading layer of numba.

Each case is a process of its own with a time limit, because what failed was an abort or a pool that hung.
"""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing
import os
import threading

import numba
import numpy as np

import moire as mo
from moire.kernels import _jit
from moire.resources import set_threads, threads

wang = mo.parameters.WANG_2023
lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)


def solve(displacement_mev):
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 2), +1, displacement_mev)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(lattice, 3, 3), n_bands=1)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30), "hole", 2.0)
    return mo.solve_all_sectors(problem, (2, 3), n_eigenstates=2).energies


FIELDS = [0.0, 2.0, 4.0, 6.0]


def pool(function):  # hangs where a child is killed
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map_async(function, FIELDS).get(timeout=100)


def in_threads():
    found = {}
    workers = [threading.Thread(target=lambda D=D: found.update({D: solve(D)})) for D in FIELDS]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [found[D] for D in FIELDS]


def before_kernels(D):
    return solve(D), _jit._threads_lost


def in_a_fork(D):
    set_threads(2)
    return solve(D), in_threads(), threads(), _jit._threads_lost


print("a fork before any kernel")
children = pool(before_kernels)
assert not any(lost for _, lost in children)  # these start threads of their own
expected = [solve(D) for D in FIELDS]
np.testing.assert_array_equal([energies for energies, _ in children], expected)

print("threads")
numba.threading_layer()  # raises unless those of numba have started
np.testing.assert_array_equal(in_threads(), expected)

print("a fork after kernels, and threads in it")
children = pool(in_a_fork)
for energies, (own, threaded, n_threads, lost) in zip(expected, children, strict=True):
    np.testing.assert_array_equal(own, energies)
    np.testing.assert_array_equal(threaded, expected)
    assert n_threads >= 1
    assert lost
assert not _jit._threads_lost
print("done")
"""


@pytest.mark.parametrize("layer", ["default", pytest.param("workqueue", marks=pytest.mark.slow)])
def test_kernels_give_the_same_bits_after_a_fork_and_in_threads(layer):
    environment = {
        **os.environ,
        "NUMBA_THREADING_LAYER": layer,
        "NUMBA_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-u", "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.endswith("done\n"), done.stdout + done.stderr[-2000:]
    assert done.returncode == 0
