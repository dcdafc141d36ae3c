"""The command that tells what this machine and this launcher give."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numba
import psutil
from threadpoolctl import threadpool_info

from moire._text import Number
from moire.cli.ranks import together
from moire.cli.self_test import checks
from moire.io.provenance import provenance
from moire.kernels._cache import cache_directory
from moire.ranks import asked_threads, find_communicator, is_launched, limit_threads, ranks_here
from moire.resources import available_bytes, available_cores, human_bytes, threads


@click.command()
@click.option("--mpi/--no-mpi", default=None, help="Initialise MPI or not; by default where a launcher is found.")
def doctor(mpi: bool | None) -> None:
    """What this machine and this launcher give: versions, MPI, ranks, threads, caches, memory, and a self-test.

    The numbers of the self-test are compared with stored ones; exit code 1 if one differs. Under mpiexec one of them is
    a product over all ranks.
    """
    communicator, situation = find_communicator(mpi)
    with together(communicator):
        limit_threads(communicator)
        ranks = ranks_here(communicator)
        here = (socket.gethostname(), available_cores(), threads())
        every = [here] if communicator is None else communicator.allgather(here)
        leading = communicator is None or communicator.rank == 0
        if leading:
            for name, text in (*_machine(), *_versions(), *_launch(communicator, situation, ranks, every), *_caches()):
                click.echo(f"{name:>12}  {text}")
        found = checks(communicator)
        if leading:
            click.echo("\n".join(map(str, found)))
    wrong = sum(not check.passed for check in found)
    if leading and wrong:
        click.echo(f"Error: {wrong} of {len(found)} numbers differ from the stored ones.", err=True)
    if wrong:
        sys.exit(1)


def _machine() -> Iterator[tuple[str, str]]:
    memory = psutil.virtual_memory()
    yield "machine", f"{socket.gethostname()}, {platform.platform()}"
    yield "cores", f"{available_cores()} of {os.cpu_count()} may be used by this process"
    yield "memory", f"{human_bytes(memory.total)}, {human_bytes(available_bytes())} available"
    if hasattr(os, "getloadavg"):
        yield "load", f"{Number(os.getloadavg()[0]):.1f} processes in the last minute"


def _versions() -> Iterator[tuple[str, str]]:
    told = provenance(0.0)
    yield "versions", ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    yield "python", f"{told['python']}, source {told['git']}"
    libraries = {
        f"{pool['internal_api']} {pool['version']}" for pool in threadpool_info() if pool["user_api"] == "blas"
    }
    yield "BLAS", ", ".join(sorted(libraries)) or "unknown"


def _launch(
    communicator: Any | None, situation: str, ranks: int, every: list[tuple[str, int, int]]
) -> Iterator[tuple[str, str]]:
    yield "launcher", "found" if is_launched() else "none"
    yield "ranks", situation
    if communicator is not None:
        from mpi4py import MPI

        yield "MPI", " ".join(MPI.Get_library_version().splitlines()[0].split())
        hosts = Counter(host for host, _, _ in every)
        yield "hosts", ", ".join(f"{host} ({number} ranks)" for host, number in hosts.items())
        yield "of a host", f"{ranks} ranks share its memory and cores"
    asked = asked_threads()
    limits = sorted({number for _, _, number in every})
    source = "a share of the cores" if asked is None else f"OMP_NUM_THREADS = {os.environ['OMP_NUM_THREADS']}"
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    yield "threads", f"{' or '.join(map(str, limits))} of each rank, {source}; numba may use {most}"


def _caches() -> Iterator[tuple[str, str]]:
    directory = cache_directory()
    if directory is None:
        yield "kernels", "cannot be kept, as no folder can be written; set NUMBA_CACHE_DIR"
    else:
        yield "kernels", f"{len(list(directory.glob('*.nbc')))} compiled in {directory}"
    yield "folder", f"{Path.cwd()}, {human_bytes(psutil.disk_usage('.').free)} free"
