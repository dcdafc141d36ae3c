"""Signals that end a run, and limits of time: each becomes one exception, and is remembered where that gets lost.

An exception that a signal handler raises can be swallowed, in a callback of a library, or turned into another one, as
by numba while it compiles. So the signal is kept, and loops ask for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SENTENCES = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
_received: list[int] = []


class TimeLimitReached(BaseException):
    """A computation took longer than :func:`time_limit` allows; not an Exception, so that no solver handles it."""


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


class TimeLimit:
    """Whether a limit was reached; the exception may have arrived as another one."""

    reached = False


@contextmanager
def time_limit(seconds: float | None) -> Iterator[TimeLimit]:
    """Raise :class:`TimeLimitReached` in the block after some seconds, once a second until it ends.

    The exception comes between two steps of Python: a compiled kernel runs to its end. Without effect outside the main
    thread, where no signals arrive, and where `seconds` is None.
    """
    limit = TimeLimit()
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield limit
        return
    active = True

    def ring(*_: Any) -> None:
        limit.reached = True
        if active:
            raise TimeLimitReached

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield limit
    finally:
        active = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
