"""Compilation options of kernels, and serialization of the calls of parallel ones.

Numba's threads belong to the process that started them and, in one of its threading layers, to one caller at a
time: after a fork, or on a second caller, numba ends the process. So calls of parallel kernels are serialized, and
a child of a fork runs their serial variants.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

import numba

from moire.kernels._cache import KernelCache, cache_directory

_Kernel = Callable[..., Any]

_CACHE_DIRECTORY = cache_directory()

_turn = threading.Lock()
_threads_lost = False


def _after_fork() -> None:
    """In a child: note whether the parent had started threads, which a fork does not copy."""
    global _threads_lost
    try:
        numba.threading_layer()  # type: ignore[attr-defined]
    except ValueError:  # none were started: this process may start its own
        return
    _threads_lost = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def jit(*, parallel: bool = False, inline: bool = False, fused: bool = False) -> Callable[[_Kernel], _Kernel]:
    """Compile a kernel: nopython, no interpreter lock, cached per machine and per kernel source.

    Parameters
    ----------
    parallel
        Threads over ``prange``; in a child of a fork the same loop runs in one thread. To be called from
        Python, not from another kernel.
    inline
        For small callees: let LLVM inline them; they are not cached on their own.
    fused
        Let the compiler fuse a product and a sum into one instruction, which rounds once.
    """

    def compiled(function: _Kernel, parallel: bool) -> _Kernel:
        dispatcher: Any = numba.njit(nogil=True, parallel=parallel, fastmath={"contract"} if fused else False)(function)
        if not inline and _CACHE_DIRECTORY is not None:
            dispatcher._cache = KernelCache(function, f"{parallel=} {fused=}", _CACHE_DIRECTORY)
        return dispatcher  # type: ignore[no-any-return]

    def decorate(function: _Kernel) -> _Kernel:
        if not parallel:
            return compiled(function, parallel=False)
        threaded, serial = compiled(function, parallel=True), compiled(function, parallel=False)

        @functools.wraps(function)
        def kernel(*arguments: Any) -> Any:
            if _threads_lost:
                return serial(*arguments)
            with _turn:
                return threaded(*arguments)

        return kernel

    return decorate
