"""Signals that end a run, and limits of time and memory: each becomes one exception, and is remembered in any case.

An exception that a signal handler raises can be swallowed, in a callback of a library, or turned into another one, as
by numba while it compiles. So the signal is kept, and loops ask for it.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SENTENCES = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
_received: list[int] = []
_LOOK_SECONDS = 0.1  # between two looks at the memory of the process


class LimitReached(BaseException):
    """A computation passed one of its :func:`limits`; not an Exception, so that no solver handles it."""


@contextmanager
def stopping_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM alike, and remember the signal, until the end of the block."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: Any) -> None:
        _received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in _SENTENCES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_signals() -> None:
    """Raise KeyboardInterrupt if a signal came, even if its exception was lost."""
    if _received:
        raise KeyboardInterrupt


def was_stopped() -> bool:
    """Whether SIGINT or SIGTERM came."""
    return bool(_received)


def exit_code() -> int:
    """Exit code of an interrupted run, 128 and the number of the signal: 130 or 143."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def farewell() -> str:
    """Sentence about an interrupted run."""
    word = _SENTENCES[signal.Signals(exit_code() - 128)]
    return f"{word}; a sweep keeps its finished points, and the same command resumes it."


class Limits:
    """Which limit was reached; the exception may have arrived as another one."""

    too_long = False
    too_large = False

    @property
    def reached(self) -> bool:
        """Whether one of them was."""
        return self.too_long or self.too_large


@contextmanager
def limits(seconds: float | None, n_bytes: float | None = None) -> Iterator[Limits]:
    """Raise :class:`LimitReached` in the block after some seconds, or once the process holds more than some bytes.

    The exception comes between two steps of Python, again until the block ends: a compiled kernel runs to its end.
    Without effect outside the main thread, where no signals arrive, and where both are None.
    """
    found = Limits()
    if (seconds is None and n_bytes is None) or threading.current_thread() is not threading.main_thread():
        yield found
        return
    import psutil  # only where a point is limited

    active, end, process = True, time.monotonic() + (math.inf if seconds is None else seconds), psutil.Process()

    def look(*_: Any) -> None:
        found.too_long |= time.monotonic() >= end
        found.too_large |= n_bytes is not None and process.memory_info().rss > n_bytes
        if active and found.reached:
            raise LimitReached

    every = 1.0 if n_bytes is None else _LOOK_SECONDS
    first = every if seconds is None else min(seconds, math.inf if n_bytes is None else every)
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, first, every)
    try:
        yield found
    finally:
        active = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
