"""Journal of the runs in a results folder: what each was asked for, and when each point ended.

Nothing depends on it: which points are finished is read from their files alone. It tells how long points take, which
orders the next run, and what `moire status` shows, without opening any result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moire.sweep.costs import CostModel, estimates
from moire.tasks.request import Request


@dataclass(frozen=True)
class Entry:
    """A point that ended: its file, task, estimated and true seconds, error (empty if it is finished), and when."""

    file: str
    task: str
    estimate: float
    seconds: float
    error: str
    at: float


@dataclass(frozen=True)
class Asked:
    """A point that was asked for: its file, task and estimated seconds."""

    file: str
    task: str
    estimate: float


class Journal:
    """Journal in one folder; where it cannot be written it is not.

    Parameters
    ----------
    path
        The folder of the journal, within a results folder that exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        name = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns():x}"
        self._mine = path / f"{name}.jsonl"  # of this process alone: two cannot append to one file over a network

    def ask(self, requests: Sequence[Request]) -> None:
        """Note the requests of a run; equal lists are written once."""
        rows = [
            [request.file_name, request.task.name, estimate]
            for request, estimate in zip(requests, estimates(requests), strict=True)
        ]
        text = json.dumps(rows, indent=0)
        target = self.path / f"asked-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        with contextlib.suppress(OSError):
            self.path.mkdir(exist_ok=True)
            if not target.exists():
                temporary = self._mine.with_suffix(".tmp")
                temporary.write_text(text)
                temporary.replace(target)

    def note(self, entry: Entry) -> None:
        """Append a point that ended."""
        with contextlib.suppress(OSError):
            self.path.mkdir(exist_ok=True)
            with self._mine.open("a") as file:
                file.write(json.dumps(vars(entry)) + "\n")

    def asked(self) -> dict[str, Asked]:
        """Every point that any run was asked for, by its file."""
        found = {}
        for path in sorted(self.path.glob("asked-*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.update({row[0]: Asked(*row) for row in json.loads(path.read_text())})
        return found

    def entries(self) -> Iterator[Entry]:
        """Every point that ended, in no order; lines that a kill cut are left out."""
        for path in sorted(self.path.glob("*.jsonl")):
            with contextlib.suppress(OSError), path.open(errors="replace") as lines:
                for line in lines:
                    with contextlib.suppress(ValueError, TypeError):
                        yield _entry(json.loads(line))

    def teach(self, model: CostModel) -> None:
        """Let a model learn from all finished points."""
        for entry in self.entries():
            if not entry.error:
                model.learn(entry.task, entry.estimate, entry.seconds)


def _entry(found: dict[str, Any]) -> Entry:
    entry = Entry(**found)
    numbers = (entry.estimate, entry.seconds, entry.at)
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError
    return entry
