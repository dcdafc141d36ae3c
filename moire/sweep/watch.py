"""A small process beside each MPI rank, which says on standard error that its rank was killed, and in which point.

A launcher that loses one rank kills the others: none of them is left to say what happened. The watcher reads from a
pipe what its rank does, and its end is the end of the rank. All watchers note the time in one file of the results
folder; the first one speaks.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from moire.ranks import is_launched, launched_rank

_WATCH = r"""
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
who, log, doing = sys.argv[1], None, ""
for line in sys.stdin:
    verb, _, rest = line.rstrip("\n").partition(" ")
    if verb == "done":
        sys.exit()
    if verb == "log":
        log = rest
    if verb == "doing":
        doing = rest
mine = f"{time.time_ns()} {who}\n"
if log:
    try:
        with open(log, "a") as file:
            file.write(mine)
        time.sleep(0.3)
        if min(open(log)) != mine:
            sys.exit()
    except OSError:
        pass
work = f" in '{doing}'" if doing else ""
sys.stderr.write(f"{who} died{work}; finished points are kept, and the same command resumes the sweep.\n")
"""


class Watcher:
    """Watcher of this rank; silent without a launcher.

    It is started before MPI, as some networks do not allow new processes afterwards.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._log: Path | None = None
        if is_launched():
            who = f"Rank {launched_rank()} (process {os.getpid()} on {socket.gethostname()})"
            with contextlib.suppress(OSError):  # no more processes are allowed: then nobody watches
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _WATCH, who],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,  # so that signals to the rank spare it
                )

    def share(self, folder: Path, communicator: Any | None) -> None:
        """Name the file in which the watchers of all ranks agree on the first death."""
        if communicator is not None:
            number = communicator.bcast(os.getpid())
            self._log = (folder / f".deaths-{number}.tmp").absolute()
            if communicator.rank == 0:
                self._log.unlink(missing_ok=True)
            self._tell(f"log {self._log}")

    def doing(self, title: str) -> None:
        """Tell what this rank works on."""
        self._tell(f"doing {' '.join(title.split())}")

    def all_leave(self) -> None:
        """Say that this rank is about to end all others, which is then no death that anyone has to report."""
        if self._log is not None:
            with contextlib.suppress(OSError), self._log.open("a") as file:
                file.write("0 all leave\n")

    def done(self) -> None:
        """Dismiss the watcher."""
        self._tell("done")
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
