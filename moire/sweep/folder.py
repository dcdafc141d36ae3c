"""Results folder: marker, finished points, and clean-up after an interrupted run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from moire.errors import FileFormatError, InputError, SchemaError, require
from moire.io import SCHEMA, FileStatus, check_schema
from moire.sweep.index import update_index
from moire.sweep.points import read_point
from moire.tasks.request import Request

MARKER = "moire.json"
_STALE_SECONDS = 3600


class ResultsFolder:
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

    def open_for_writing(self) -> None:
        """Create or check the marker, and remove temporary files of interrupted runs that are older than an hour.

        Raises
        ------
        InputError
            If the path is a file, holds other files than results, or cannot be written.
        SchemaError
            If the folder was written by another schema.
        """
        self.check()
        foreign = self.path.is_dir() and any(self.path.iterdir()) and not (self.path / MARKER).exists()
        rule = "be a new or empty folder or one of earlier results"
        require(not foreign, "output", rule, found=f"{self.path} holds other files")
        try:
            self.points.mkdir(parents=True, exist_ok=True)
            (self.path / MARKER).write_text(json.dumps({"schema": SCHEMA, "made by": "moire sweep"}) + "\n")
        except OSError as error:
            raise InputError(
                f"`output` must be a folder that can be written, but {self.path} is not: {error}."
            ) from None
        for leftover in self.points.glob(".*.tmp"):
            if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                leftover.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise SchemaError if the folder belongs to another schema."""
        marker = self.path / MARKER
        if not marker.exists():
            return
        try:
            found = json.loads(marker.read_text())["schema"]
        except (OSError, ValueError, KeyError, TypeError):
            raise FileFormatError(f"`{marker}` must be the marker of a results folder, but cannot be read.") from None
        check_schema(self.path, found)

    def file_of(self, request: Request) -> Path:
        """Path of the file of a request."""
        return self.points / request.file_name

    def checkpoint_of(self, request: Request) -> Path | None:
        """Folder, created here, from which an interrupted request resumes; None for a task without checkpoint."""
        if "checkpoint" not in request.task.takes:
            return None
        path = self.checkpoints / request.key
        path.mkdir(parents=True, exist_ok=True)
        return path

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

    def files(self) -> list[Path]:
        """All point files, sorted by name."""
        return sorted(self.points.glob("*.h5"), key=lambda path: path.name)
