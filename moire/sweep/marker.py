"""Marker of a results folder: written once, as a whole, and restored where the points show whose folder it is."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from moire.errors import FileFormatError
from moire.io import SCHEMA, FileStatus, check_schema, file_status, read_record
from moire.resources import logger

MARKER = "moire.json"
_LAYOUT = {MARKER, "points", "checkpoints", "claims", "journal", "figures", "index.h5", "summary.h5", "report.html"}


def check_marker(folder: Path) -> bool:
    """Whether the folder has a marker that can be read.

    Raises
    ------
    SchemaError
        If the marker, or the points beside one that cannot be read, belong to another schema.
    FileFormatError
        If the marker cannot be read and nothing else shows that the folder holds results.
    """
    marker = folder / MARKER
    try:
        found = json.loads(marker.read_bytes())["schema"]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        if not is_ours(folder):
            raise FileFormatError(f"`{marker}` must be the marker of a results folder, but cannot be read.") from None
        return False
    check_schema(folder, found)
    return True


def is_ours(folder: Path) -> bool:
    """Whether a folder without a readable marker holds results: a valid point, or the layout and nothing else.

    Raises
    ------
    SchemaError
        If its points were written by another schema.
    """
    points = folder / "points"
    if not points.is_dir():
        return False
    files = sorted(points.iterdir())
    for path in files:
        status = file_status(path) if path.suffix == ".h5" and path.is_file() else FileStatus.DAMAGED
        if status is FileStatus.FOREIGN:
            read_record(path)  # raises, and says which schema
        if status in (FileStatus.FINISHED, FileStatus.FAILED):
            return True
    ours = all(path.name in _LAYOUT or _is_temporary(path) for path in folder.iterdir())
    return ours and all(path.suffix == ".h5" or _is_temporary(path) for path in files)


def write_marker(folder: Path) -> None:
    """Write the marker unless there is a readable one; any number of processes may do so at once.

    The marker gets its name when it is complete, so that it is whole or absent.
    """
    if check_marker(folder):
        return
    marker = folder / MARKER
    unreadable = marker.exists()
    handle, name = tempfile.mkstemp(prefix=f".{MARKER}-", suffix=".tmp", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps({"schema": SCHEMA, "made by": "moire sweep"}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)  # temporary files are private; the marker gets the permissions of any other new file
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if unreadable:
            temporary.replace(marker)
            logger.warning("%s could not be read and is restored; the points beside it are kept.", marker)
        else:
            with contextlib.suppress(FileExistsError):  # another process was first
                _name_if_free(temporary, marker)
    finally:
        temporary.unlink(missing_ok=True)


def _name_if_free(temporary: Path, marker: Path) -> None:
    """Give a file its name; FileExistsError if the name is taken."""
    try:
        marker.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: all processes write the same bytes, so replacing is harmless
        temporary.replace(marker)


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix == ".tmp"
