"""MPI if present: one communicator, checked against the launcher, and the number of threads per rank."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from moire.errors import EnvironmentMismatchError, MoireError
from moire.resources import core_ids, set_threads

Result = TypeVar("Result")

_SIZE_VARIABLES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS")


def launched_size() -> int:
    """Number of processes that the launcher reports; 1 without a launcher."""
    sizes = [os.environ[name] for name in _SIZE_VARIABLES if name in os.environ]
    return max([int(size) for size in sizes if size.isdigit()], default=1)


def find_communicator() -> tuple[Any | None, str]:
    """Return COMM_WORLD, or None if this process works alone, and a sentence for the user.

    Raises
    ------
    EnvironmentMismatchError
        If a launcher started several processes that MPI does not connect: they would all do the
        same work.
    """
    size = launched_size()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # mpi4py raises RuntimeError without an MPI library
        if size > 1:
            raise EnvironmentMismatchError(
                f"`mpiexec` started {size} processes, but mpi4py finds no MPI library in them ({error}); "
                "install the extra 'mpi', or 'mpi-site' with the MPI of this site."
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
        return None, "One process; start it under `mpiexec -n N` for more."
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


def limit_threads(communicator: Any | None) -> int:
    """Give every rank its share of the cores of its node, numba and BLAS alike; return the share."""
    mine = core_ids()
    ranks, cores = 1, mine
    if communicator is not None:
        from mpi4py import MPI

        node = communicator.Split_type(MPI.COMM_TYPE_SHARED)
        ranks, cores = node.size, set().union(*node.allgather(mine))
        node.Free()
    n_threads = max(1, len(cores) // ranks)  # whether the launcher bound the ranks to cores or not
    set_threads(n_threads)
    return n_threads
