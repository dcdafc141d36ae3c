"""The one place that decides how kernels are compiled and where machine code is cached.

Numba's on-disk cache does not notice an edit in a jitted callee of another file, and it races when
many MPI ranks share a directory. So the directory is named by a hash of all kernel sources and
by the rank. A read-only home only costs a recompilation.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID")
_Kernel = Callable[..., Any]


def cache_directory() -> Path | None:
    """Directory of the compiled kernels of this rank; None if it cannot be written."""
    digest = hashlib.sha256(f"{numba.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    rank = next((os.environ[name] for name in _RANK_VARIABLES if name in os.environ), "0")
    try:
        user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        home = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(user_cache) / "moire")
        directory = home / f"kernels-{digest.hexdigest()[:12]}" / f"rank-{rank}"
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except (OSError, RuntimeError):  # no home, or one that cannot be written
        return None


_CACHE_DIRECTORY = cache_directory()


def jit(*, parallel: bool = False, inline: bool = False, fused: bool = False) -> Callable[[_Kernel], _Kernel]:
    """Compile a kernel: nopython, no interpreter lock, cached per rank and per kernel source.

    Parameters
    ----------
    parallel
        Threads over ``prange``.
    inline
        For small callees: let LLVM inline them; they are not cached on their own.
    fused
        Let the compiler fuse a product and a sum into one instruction, which rounds once.
    """
    fastmath = {"contract"} if fused else False

    def decorate(function: _Kernel) -> _Kernel:
        if inline or _CACHE_DIRECTORY is None:
            return numba.njit(nogil=True, parallel=parallel, fastmath=fastmath)(function)
        config: Any = numba.config
        previous = config.CACHE_DIR
        config.CACHE_DIR = str(_CACHE_DIRECTORY)
        try:
            return numba.njit(nogil=True, parallel=parallel, cache=True, fastmath=fastmath)(function)
        finally:
            config.CACHE_DIR = previous

    return decorate
