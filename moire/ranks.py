"""MPI if present: one communicator, checked against the launcher, and the number of threads per rank."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from moire.errors import EnvironmentMismatchError, MoireError
from moire.resources import core_ids, set_threads, threads

Result = TypeVar("Result")

_SHORTEST_PAUSE, _LONGEST_PAUSE = 1e-6, 1e-3

_SIZE_VARIABLES = (
    "PMI_SIZE",
    "PMIX_SIZE",
    "OMPI_COMM_WORLD_SIZE",
    "MV2_COMM_WORLD_SIZE",
    "MPI_LOCALNRANKS",
    "SLURM_STEP_NUM_TASKS",
)
_STARTED_BY_MPIEXEC = ("OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "HYDI_CONTROL_FD")
_STARTED_BY_ANY = ("PMI_SIZE", "PMI_RANK", "PMI_FD", "PMI_PORT", "PMIX_RANK", "PMIX_NAMESPACE", "PALS_RANKID")


def is_launched() -> bool:
    """Whether a launcher started this process as one of several that MPI may connect.

    In the interactive shell of a SLURM job (``srun --pty``, ``salloc``) the variables are those of the shell: they do
    not count where standard input is a terminal, which neither mpiexec nor srun gives a rank.
    """
    if any(name in os.environ for name in _STARTED_BY_MPIEXEC):
        return True
    in_a_step = "SLURM_JOB_ID" in os.environ and sys.stdin is not None and sys.stdin.isatty()
    launched = any(name in os.environ for name in _STARTED_BY_ANY) or _number("SLURM_STEP_NUM_TASKS") > 1
    return launched and not in_a_step


def _number(name: str) -> int:
    """Value of a variable of the environment; 1 if it is missing or not a positive integer."""
    value = os.environ.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else 1


def launched_rank() -> int:
    """Rank of this process that the launcher reports, known before MPI is; 0 without a launcher."""
    names = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")
    return next((int(os.environ[name]) for name in names if os.environ.get(name, "").isdigit()), 0)


def launched_size() -> int:
    """Number of processes that the launcher reports; 1 without a launcher."""
    return max(map(_number, _SIZE_VARIABLES)) if is_launched() else 1


def find_communicator(use_mpi: bool | None = None) -> tuple[Any | None, str]:
    """Return COMM_WORLD, or None if this process works alone, and a sentence for the user.

    MPI is imported, which initialises it, only in a process that a launcher started: where there is none, such as on a
    login node, MPI may end the process instead of raising an error.

    Parameters
    ----------
    use_mpi
        True to initialise MPI whatever the environment says, False not to; None to decide by the environment.

    Raises
    ------
    EnvironmentMismatchError
        If a launcher started several processes that MPI does not connect: they would all do the
        same work.
    """
    if use_mpi is False or (use_mpi is None and not is_launched()):
        return None, "One process; start it under `mpiexec -n N` for more."
    size = launched_size()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # mpi4py raises RuntimeError without an MPI library
        if size > 1 or use_mpi:
            raise EnvironmentMismatchError(
                f"`mpiexec` started {size} process{'es' * (size > 1)}, but mpi4py finds no MPI library in them "
                f"({error}); install the extra 'mpi', or 'mpi-site' with the MPI of this site."
            ) from None
        return None, "No MPI library was found: the sweep runs in this one process."
    communicator = MPI.COMM_WORLD
    if communicator.size == 1 and size > 1:
        vendor = MPI.Get_library_version().splitlines()[0].strip()
        raise EnvironmentMismatchError(
            f"`mpiexec` started {size} processes that are not connected by MPI, because mpi4py uses another MPI "
            f"({vendor}); use the mpiexec that belongs to it."
        )
    if communicator.size == 1:
        return None, "One MPI rank; start more with `mpiexec -n N`."
    return communicator, f"{communicator.size} MPI ranks."


def on_leader(communicator: Any | None, action: Callable[[], Result]) -> Result:
    """Call `action` on rank 0; every rank returns its result, or raises its MoireError."""
    result, error = None, None
    if communicator is None or communicator.rank == 0:
        try:
            result = action()
        except MoireError as failure:
            error = failure
    if communicator is not None:
        result, error = communicator.bcast((result, error))
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def limit_threads(communicator: Any | None, n_processes: int = 1) -> int:
    """Give every process its share of the cores of its node, numba and BLAS alike; return the number of threads.

    ``OMP_NUM_THREADS`` takes the place of the share where it is set, up to the threads that numba may use.

    Parameters
    ----------
    communicator
        MPI communicator, or None.
    n_processes
        Processes among which each rank divides its share.
    """
    mine = core_ids()
    ranks, cores = 1, mine
    if communicator is not None:
        from mpi4py import MPI

        node = communicator.Split_type(MPI.COMM_TYPE_SHARED)
        ranks, cores = node.size, set().union(*node.allgather(mine))
        node.Free()
    share = max(1, len(cores) // (ranks * n_processes))  # whether the launcher bound the ranks to cores or not
    set_threads(asked_threads() or share)
    return threads()


def asked_threads() -> int | None:
    """Threads that ``OMP_NUM_THREADS`` asks for, the first of a list by level; None if it is not set."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


def on_all(communicator: Any | None, action: Callable[[], Result]) -> Result:
    """Call `action`, which does not communicate, on every rank; a MoireError of any rank is raised on all of them."""
    result, error = None, None
    try:
        result = action()
    except MoireError as failure:
        error = failure
    if communicator is not None:
        error = next(filter(None, communicator.allgather(error)), None)
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def ranks_here(communicator: Any | None) -> int:
    """Ranks that share the memory of this machine; call it on all of them."""
    if communicator is None:
        return 1
    from mpi4py import MPI

    node = communicator.Split_type(MPI.COMM_TYPE_SHARED)
    size = int(node.size)
    node.Free()
    return size


def finish(request: Any) -> None:
    """Wait for a nonblocking operation without taking the core from other processes, as MPI itself does."""
    pause = 0.0
    while not request.Test():
        time.sleep(pause)
        pause = min(2 * pause + _SHORTEST_PAUSE, _LONGEST_PAUSE)
