"""Progress of long loops: bars on a terminal, and a line a minute where stderr is a file or a pipe."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

EVERY_S = 60.0
"""Seconds between two lines."""


class _Loop:
    """A loop under way: its name, its steps, and those done."""

    def __init__(self, label: str, n_steps: int) -> None:
        self.label, self.n_steps, self.n_done, self.start = label, n_steps, 0, time.monotonic()

    def __str__(self) -> str:
        return f"{self.label}: {self.n_done} of {self.n_steps}" if self.label else ""


class _Lines:
    """The loops that are under way, the outermost first, and the thread that tells of them."""

    def __init__(self) -> None:
        self.title = ""
        self.loops: list[_Loop] = []
        self._ended = threading.Event()

    def open(self, loop: _Loop) -> None:
        self.loops.append(loop)
        if len(self.loops) == 1:
            self._ended = threading.Event()
            threading.Thread(target=self._tell, args=(self._ended,), name="moire-progress", daemon=True).start()

    def close(self, loop: _Loop) -> None:
        if loop in self.loops:
            del self.loops[self.loops.index(loop) :]  # an error may have left inner ones
        if not self.loops:
            self._ended.set()

    def _tell(self, ended: threading.Event) -> None:
        while not ended.wait(EVERY_S):
            with contextlib.suppress(OSError, ValueError, IndexError):  # stderr is closed, or a loop has just ended
                sys.stderr.write(f"{self.line()}\n")
                sys.stderr.flush()

    def line(self) -> str:
        """Title, loops, time, and the time left if their steps take equally long."""
        loops, fraction = list(self.loops), 0.0
        for loop in reversed(loops):
            fraction = min(loop.n_done + fraction, loop.n_steps) / max(loop.n_steps, 1)
        seconds = time.monotonic() - loops[0].start
        parts = [*filter(None, map(str, loops)), f"{tqdm.format_interval(seconds)} elapsed"]
        if fraction:
            parts.append(f"about {tqdm.format_interval(seconds * (1 / fraction - 1))} left")
        return ": ".join(filter(None, [self.title, ", ".join(parts)]))


class _OfThread(threading.local):
    """Loops of one thread: points of a sweep may be computed in several."""

    def __init__(self) -> None:
        self.lines = _Lines()
        self.counts: dict[str, Callable[[], object]] = {}


_own = _OfThread()


@contextmanager
def stage(label: str, n_steps: int, shown: bool = True) -> Iterator[Callable[[], object]]:
    """Show a loop of `n_steps` steps; what is yielded is called after each, or :func:`done` with the label."""
    if not shown:
        yield lambda: None
        return
    close: Callable[[], object]
    if sys.stderr.isatty() and not _own.lines.title:
        bar = tqdm(total=n_steps, desc=label, leave=False)
        count, close = bar.update, bar.close
    else:
        loop = _Loop(label, n_steps)
        _own.lines.open(loop)
        count, close = lambda: setattr(loop, "n_done", loop.n_done + 1), lambda: _own.lines.close(loop)
    outer = _own.counts.get(label)
    _own.counts[label] = count
    try:
        yield count
    finally:
        close()
        _own.counts.pop(label)
        if outer is not None:
            _own.counts[label] = outer


def done(label: str) -> None:
    """Count a step of the stage of this name, if there is one."""
    _own.counts.get(label, lambda: None)()


def counted(items: Sequence[Item], label: str, shown: bool | None = None) -> Iterator[Item]:
    """Return the items of a loop, which is shown; by default where an outer one is."""
    with stage(label, len(items), bool(_own.counts) if shown is None else shown) as count:
        for item in items:
            yield item
            count()


@contextmanager
def titled(title: str) -> Iterator[None]:
    """Tell of all loops in lines that begin with a title, as several points of a sweep do at once."""
    _own.lines.title = title
    try:
        with stage("", 1):
            yield
    finally:
        _own.lines.title = ""
