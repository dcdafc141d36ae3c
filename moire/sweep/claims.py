"""Claims on points, so that any number of jobs may work in one folder and none does what another is doing.

The claim on a point is a file that can be created once. Its owner touches it while it computes. The claim of an owner
that is gone (on this machine), or has not touched it for five minutes (on another one), is taken over by creating the
file of the next generation, which again only one process can.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from moire.errors import writing
from moire.interrupts import check_signals
from moire.tasks.request import Request

STALE_SECONDS = 300.0
HEARTBEAT_SECONDS = 20.0
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Owner:
    """Process that holds a claim: machine, number and start of the process, what it computes, and since when."""

    host: str
    machine: str
    pid: int
    born: float
    title: str
    since: float

    @classmethod
    def this_process(cls, title: str) -> Self:
        """Owner that this process is of a point."""
        return cls(socket.gethostname(), machine(), os.getpid(), psutil.Process().create_time(), title, time.time())

    def is_gone(self) -> bool:
        """Whether the process is known to have ended; False for one on another machine."""
        if self.machine != machine():
            return False
        try:
            process = psutil.Process(self.pid)
            another = abs(process.create_time() - self.born) > 5  # with the number of one that ended
            return bool(another or process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:  # a process that may not be looked at lives
            return False


def machine() -> str:
    """Name of this machine since it started, and of the processes that see each other on it."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            parts.append(str(Path(path).readlink()) if path.endswith("pid") else Path(path).read_text().strip())
    return " ".join(parts)


class Claim:
    """A claim that this process holds."""

    def __init__(self, path: Path, older: Sequence[Path]) -> None:
        self.path = path
        self._older = tuple(older)

    def touch(self) -> None:
        """Show that the owner lives."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def release(self, done: bool) -> None:
        """Give the claim up; with the point done, those that it took over go too, the latest first."""
        for path in (self.path, *reversed(self._older)) if done else (self.path,):
            with contextlib.suppress(OSError):
                path.unlink()


class Claims:
    """The claims of one folder, as this process sees them, and the thread that keeps its own alive.

    Parameters
    ----------
    path
        Folder of the claims; created when the first one is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: set[Claim] = set()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._stop.clear()
        self._heart = threading.Thread(target=self._beat, name="moire-claims", daemon=True)
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._heart is not None:
            self._heart.join()
        with contextlib.suppress(OSError):  # claims of others remain, or the folder is gone
            self.path.rmdir()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            for claim in tuple(self._held):
                claim.touch()

    @contextmanager
    def held(self, request: Request) -> Iterator[bool]:
        """Hold the claim on a point for the block, if no other process does: True or False.

        Raises
        ------
        OutputError
            If no file can be created.
        """
        with writing(self.path / request.key):
            claim = self._take(request)
        if claim is None:
            yield False
            return
        self._held.add(claim)
        done = False
        try:
            yield True
            done = True
        finally:
            self._held.discard(claim)
            claim.release(done)

    def _take(self, request: Request) -> Claim | None:
        older: list[Path] = []
        while True:
            path = self._file(request, len(older))
            owner = self._owner(path)
            if owner is None:
                if self._create(path, Owner.this_process(request.title)):
                    return Claim(path, older)
            elif self._is_stale(path, owner):
                older.append(path)
            else:
                return None

    def _file(self, request: Request, generation: int) -> Path:
        return self.path / f"{request.key}.{generation}"

    def owner(self, request: Request) -> Owner | None:
        """Owner of the claim on a point; None if nobody holds one that is valid."""
        generation = 0
        while (owner := self._owner(path := self._file(request, generation))) is not None:
            if not self._is_stale(path, owner):
                return owner
            generation += 1
        return None

    def owners(self) -> list[Owner]:
        """Owners of all valid claims."""
        found = []
        with contextlib.suppress(OSError):
            for path in sorted(self.path.iterdir()):
                owner = self._owner(path) if not path.name.startswith(".") else None
                if owner is not None and not self._is_stale(path, owner):
                    found.append(owner)
        return found

    def clean(self, finished: Sequence[Request]) -> None:
        """Remove what dead processes left: claims on finished points, and temporary files.

        The claims of the dead on other points stay, as they number the generations.
        """
        keys = {request.key for request in finished}
        try:
            left = sorted(self.path.iterdir(), reverse=True)  # the latest generation first
        except OSError:
            return
        for path in left:
            owner = self._owner(path)
            over = path.name.startswith(".") or path.name.partition(".")[0] in keys
            if over and owner is not None and self._is_stale(path, owner):
                with contextlib.suppress(OSError):
                    path.unlink()

    def wait(self, requests: Sequence[Request], is_done: Callable[[Request], bool]) -> list[Request]:
        """Wait until some points are done or their claims free, and return them."""
        while True:
            check_signals()
            free = [request for request in requests if is_done(request) or self.owner(request) is None]
            if free:
                return free
            time.sleep(_POLL_SECONDS)

    def _owner(self, path: Path) -> Owner | None:
        """Owner in a claim; None if there is no file, an unknown one if it cannot be read."""
        try:
            return Owner(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return Owner("an unknown machine", "", 0, 0.0, "", 0.0)

    def _is_stale(self, path: Path, owner: Owner) -> bool:
        if owner.is_gone():
            return True
        if owner.machine == machine():
            return False
        try:
            with tempfile.TemporaryFile(dir=self.path) as probe:  # by the clock of the file system
                now = os.fstat(probe.fileno()).st_mtime
        except OSError:
            now = time.time()
        try:
            return abs(now - path.stat().st_mtime) > STALE_SECONDS
        except FileNotFoundError:
            return False

    def _create(self, path: Path, owner: Owner) -> bool:
        """Create a claim with its content at once; False if another process was first."""
        while True:
            try:
                self.path.mkdir(exist_ok=True)
                handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".tmp", dir=self.path)
                break
            except FileNotFoundError:  # another process removed the folder of claims, empty until now
                self.path.parent.stat()  # raises if the results folder is gone
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(asdict(owner), file)
            temporary.chmod(0o644)
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                return self._create_in_place(path, owner)
            return True
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _create_in_place(self, path: Path, owner: Owner) -> bool:
        try:
            with path.open("x") as file:
                json.dump(asdict(owner), file)
        except FileExistsError:
            return False
        return True
