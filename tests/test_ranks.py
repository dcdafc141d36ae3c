"""What the environment says of a launcher and of threads."""

import os
import sys
from types import SimpleNamespace

import numba
import pytest

from moire import ranks, resources
from moire.ranks import find_communicator, is_launched, launched_rank, launched_size, limit_threads

HYDRA = {"PMI_RANK": "1", "PMI_SIZE": "4", "PMI_FD": "9", "MPI_LOCALNRANKS": "2", "HYDI_CONTROL_FD": "8"}
OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1", "PMIX_RANK": "1"}
JOB = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
STEP = JOB | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"}
SHELL = STEP | {"SLURM_PROCID": "0", "SLURM_PTY_PORT": "40000", "PMI_FD": "5", "PMI_SIZE": "4", "PMI_RANK": "0"}


@pytest.fixture
def environment(monkeypatch):
    """Return a function that sets the variables of a launcher, and whether standard input is a terminal."""

    def be(variables, terminal=False):
        for name in list(os.environ):
            if name.startswith(("PMI", "OMPI", "MV2", "SLURM", "MPI_", "HYDI", "PALS")):
                monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: terminal))

    return be


@pytest.mark.parametrize(
    ("variables", "terminal", "size"),
    [
        ({}, False, 1),
        ({}, True, 1),
        (JOB, False, 1),  # the script of sbatch
        (JOB | {"SLURM_STEP_NUM_TASKS": "1"}, True, 1),  # salloc with a shell on the node
        (SHELL, True, 1),  # srun -n 4 --pty bash
        (SHELL | HYDRA, True, 4),  # mpiexec in that shell
        (STEP, False, 4),  # srun --mpi=none
        (STEP | {"PMIX_RANK": "1"}, False, 4),
        (HYDRA, False, 4),
        (HYDRA, True, 4),
        (OPEN_MPI, True, 4),
        ({"OMPI_COMM_WORLD_SIZE": "many"}, False, 1),
    ],
)
def test_the_size_that_a_launcher_reports(environment, variables, terminal, size):
    environment(variables, terminal)
    assert launched_size() == size
    if size == 1 and "OMPI_COMM_WORLD_SIZE" not in variables:
        assert not is_launched()
        assert find_communicator() == (None, "One process; start it under `mpiexec -n N` for more.")
    if size > 1:
        assert is_launched()
        assert launched_rank() == 1


@pytest.mark.parametrize(
    ("asked", "expected"), [("1", 1), ("2", 2), ("2,1", 2), ("99", 3), ("", 1), ("0", 1), ("all", 1), (None, 1)]
)
def test_threads_are_those_of_the_environment_where_it_says(monkeypatch, asked, expected):
    """Three cores and two processes: one thread each unless OMP_NUM_THREADS says otherwise."""
    set_to = []
    monkeypatch.setattr(ranks, "core_ids", lambda: {0, 1, 2})
    monkeypatch.setattr(resources, "available_cores", lambda: 3)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    monkeypatch.setattr(numba, "set_num_threads", set_to.append)
    monkeypatch.setattr(numba, "get_num_threads", lambda: set_to[-1])
    monkeypatch.setattr(resources, "threadpool_limits", set_to.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert limit_threads(None, n_processes=2) == expected
    assert set_to == [expected, expected]  # of numba and of BLAS
    assert resources.threads() == expected  # as the files of the points say
