"""Cores, threads and memory of this process, and reservations of memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import psutil
from threadpoolctl import threadpool_limits

from moire.errors import MemoryRefusedError

logger = logging.getLogger("moire")

_MEMORY_SHARE = 0.9


def core_ids() -> set[int]:
    """Cores that this process may run on (its affinity mask, not the size of the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def available_cores() -> int:
    """Number of cores that this process may run on."""
    return len(core_ids())


def set_threads(n_threads: int) -> None:
    """Let numba and BLAS use `n_threads` in this process; called once, at start, by each rank."""
    n_threads = max(1, min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    numba.set_num_threads(n_threads)
    threadpool_limits(n_threads)


def threads() -> int:
    """Threads that a parallel loop of this process uses."""
    return min(available_cores(), int(numba.get_num_threads()))


def in_threads(action: Callable[[Any], Any], items: Sequence[Any], n_threads: int | None = None) -> list[Any]:
    """Results of an action on every item, in the order of the items, from a pool of threads; or in this one alone."""
    n_threads = min(n_threads or threads(), len(items))
    if n_threads < 2:
        return [action(item) for item in items]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(action, items))


def available_bytes() -> int:
    """Memory in bytes that can be allocated now without swapping."""
    return int(psutil.virtual_memory().available)


def human_bytes(n_bytes: float) -> str:
    """Return a byte count as a short text, ``"1.5 GiB"``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(n_bytes) < 1024:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.3g} TiB"


def fits_in_memory(n_bytes: float) -> bool:
    """Whether `n_bytes` more would leave a tenth of the available memory free."""
    return n_bytes <= _MEMORY_SHARE * available_bytes()


def would_fit_times(n_bytes: float) -> float:
    """Number of times that `n_bytes` fit, below one if they do not; used in the advice of the error."""
    return _MEMORY_SHARE * available_bytes() / n_bytes


def reserve(what: str, n_bytes: float, would_fit: str) -> None:
    """Log the memory of `what`, and raise MemoryRefusedError if it does not fit.

    Parameters
    ----------
    what
        What is allocated, as the subject of a sentence.
    n_bytes
        Memory in bytes.
    would_fit
        Advice to the user, the last clause of the error message.

    Raises
    ------
    MemoryRefusedError
        If more than 90 % of the available memory would be used.
    """
    logger.debug("%s: %s", what, human_bytes(n_bytes))
    if not fits_in_memory(n_bytes):
        needed, there = human_bytes(n_bytes), human_bytes(available_bytes())
        raise MemoryRefusedError(f"{what} would take {needed}, but {there} are available; {would_fit}.")
