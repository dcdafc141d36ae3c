"""Results folder: marker, finished points, and clean-up after an interrupted run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from moire._shown import Shown
from moire._types import checked
from moire.errors import FileFormatError, InputError, MoireError, OutputError, SchemaError, require, writing
from moire.io import FileStatus, Record, write_record
from moire.resources import logger
from moire.sweep.claims import Claims
from moire.sweep.index import update_index
from moire.sweep.journal import Journal
from moire.sweep.marker import check_marker, is_ours, write_marker
from moire.sweep.points import read_point
from moire.tasks.request import Request

_STALE_SECONDS = 3600
Stamp = tuple[int, int]


@checked
class ResultsFolder(Shown):
    """Folder with one file per finished request in ``points/``, and checkpoints of unfinished ones in ``checkpoints/``.

    Parameters
    ----------
    path
        The folder; created when it is opened for a sweep.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.points = path / "points"
        self.checkpoints = path / "checkpoints"
        self.journal = Journal(path / "journal")
        self.read_only = ""
        """Why an opened folder cannot be written; empty if it can."""

    def open_for_writing(self) -> None:
        """Make the folder if need be, and remove temporary files that interrupted runs left more than an hour ago.

        A folder that cannot be written is accepted if it holds results, which may all be finished: see
        :attr:`read_only`.

        Raises
        ------
        InputError
            If the path is a file, holds other files than results, or is new and cannot be written.
        SchemaError
            If the folder was written by another schema.
        """
        try:
            marked = check_marker(self.path)
            foreign = not marked and self.path.is_dir() and any(self.path.iterdir()) and not is_ours(self.path)
            rule = "be a new or empty folder or one of earlier results"
            require(not foreign, "output", rule, found=f"{self.path} holds other files")
            self.points.mkdir(parents=True, exist_ok=True)
            try:
                write_marker(self.path)
                self._clean_up()
            except OSError as error:
                if isinstance(error, MoireError) or not (marked or is_ours(self.path)):
                    raise
                self.read_only = str(error)
        except MoireError:
            raise
        except OSError as error:
            raise self._unwritable(error) from None

    def check_writable(self) -> None:
        """Raise InputError if the folder could not be written when it was opened."""
        if self.read_only:
            raise self._unwritable(self.read_only)

    def _unwritable(self, reason: object) -> InputError:
        return InputError(f"`output` must be a folder that can be written, but {self.path} is not: {reason}.")

    def _clean_up(self) -> None:
        """Remove old temporary files, by the clock of the file system; those from the future are as old."""
        with tempfile.NamedTemporaryFile(dir=self.points, prefix=".clock-", suffix=".tmp") as probe:
            now = os.fstat(probe.fileno()).st_mtime
            for leftover in [*self.path.glob("*/.*.tmp"), *self.path.glob(".*.tmp")]:
                with contextlib.suppress(OSError):  # another process removed it, or owns it
                    if abs(now - leftover.stat().st_mtime) > _STALE_SECONDS:
                        leftover.unlink()

    def check(self) -> None:
        """Raise SchemaError if the folder belongs to another schema, FileFormatError if it is not one of results."""
        check_marker(self.path)

    def file_of(self, request: Request) -> Path:
        """Path of the file of a request."""
        return self.points / request.file_name

    def check_present(self) -> None:
        """Raise OutputError if the folder of the points was removed since it was opened."""
        if not self.points.is_dir():
            raise OutputError(f"`{self.points}` must stay in place while a sweep runs, but was removed.")

    def write(self, request: Request, record: Record) -> None:
        """Write the file of a request; OutputError, one sentence, if it cannot be written."""
        self.check_present()  # a folder that was removed is not made again: the other points are gone with it
        path = self.file_of(request)
        with writing(path):
            write_record(path, record)

    def absent(self, requests: Sequence[Request]) -> list[Request]:
        """Requests without a file; one listing of the folder, which shows what other machines wrote too."""
        try:
            with os.scandir(self.points) as entries:
                there = {entry.name for entry in entries}
        except OSError:
            there = set()
        return [request for request in requests if request.file_name not in there]

    def checkpoint_of(self, request: Request) -> Path | None:
        """Folder, created here, from which an interrupted request resumes.

        None for a task without checkpoint, and with a warning where the folder cannot be made.
        """
        if "checkpoint" not in request.task.takes:
            return None
        path = self.checkpoints / request.key
        try:
            self._make_checkpoint(path)
        except OSError as error:
            logger.warning("%s cannot be made (%s); an interrupted point begins anew.", path, error)
            return None
        return path

    def _make_checkpoint(self, path: Path) -> None:
        while True:
            self.checkpoints.mkdir(exist_ok=True)
            try:
                path.mkdir(exist_ok=True)
            except FileNotFoundError:  # another process removed the folder of checkpoints, empty until now
                continue
            return

    def forget_checkpoint(self, request: Request) -> None:
        """Remove the checkpoint of a request, if there is one."""
        shutil.rmtree(self.checkpoints / request.key, ignore_errors=True)
        with contextlib.suppress(OSError):  # checkpoints of other requests remain
            self.checkpoints.rmdir()

    def survey(self, requests: Sequence[Request]) -> dict[Request, FileStatus]:
        """Status of every request; a file that changed since the last time is read and compared with its name.

        Raises
        ------
        SchemaError
            If a file was written by another schema.
        """
        if len(requests) == 1:  # asked once per point where jobs share a folder: not worth an index of all
            return {requests[0]: self._status(requests[0])}
        names = {request: request.file_name for request in requests}
        index, damaged = update_index(self.path, self.points, list(names.values()))

        def status(name: str) -> FileStatus:
            if name in index.files:
                return FileStatus.FAILED if name in index.failures else FileStatus.FINISHED
            return FileStatus.DAMAGED if name in damaged else FileStatus.ABSENT

        return {request: status(name) for request, name in names.items()}

    def _status(self, request: Request) -> FileStatus:
        path = self.file_of(request)
        if not os.path.lexists(path):
            return FileStatus.ABSENT
        try:
            return FileStatus.FAILED if read_point(path).error else FileStatus.FINISHED
        except SchemaError:
            raise
        except FileFormatError:
            return FileStatus.DAMAGED

    def claims(self) -> Claims:
        """Claims of this process on points."""
        return Claims(self.path / "claims")

    def stamp(self, request: Request) -> Stamp | None:
        """Time and size of the file of a request, which differ once another process has written it; None if absent."""
        try:
            found = self.file_of(request).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def stamps(self, requests: Sequence[Request]) -> dict[Request, Stamp]:
        """Stamps of the requests that have a file; taken before they are read, so that no change is missed."""
        found = ((request, self.stamp(request)) for request in requests)
        return {request: stamp for request, stamp in found if stamp is not None}

    def files(self) -> list[Path]:
        """All point files, sorted by name."""
        return sorted(self.points.glob("*.h5"), key=lambda path: path.name)
