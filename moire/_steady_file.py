"""A file in which HDF5 sees no failure of the disk: the first one is kept, and raised once HDF5 is done.

HDF5 that cannot write complains on standard error for every object it holds, and again at the end of the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class _SteadyFile:
    """Raw file whose writes succeed or are forgotten; `error` is the first failure."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        return int(self._raw.tell())

    def read(self, size: int = -1) -> bytes:
        return bytes(self._raw.read(size))

    def readinto(self, buffer: Any) -> int:
        return int(self._raw.readinto(buffer))

    def write(self, data: Any) -> int:
        view = memoryview(data)
        while self.error is None and len(view):
            try:
                view = view[self._raw.write(view) :]
            except OSError as error:
                self.error = error
        return len(data)

    def truncate(self, size: int) -> int:
        try:
            return int(self._raw.truncate(size)) if self.error is None else size
        except OSError as error:
            self.error = error
            return size

    def flush(self) -> None:
        """Nothing is buffered here."""


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing; at the end it is on the disk, or the first failure is raised.

    Raises
    ------
    OSError
        Of the operating system, such as that of a full disk.
    """
    with path.open("w+b", buffering=0) as raw:
        steady = _SteadyFile(raw)
        try:
            with h5py.File(steady, "w") as file:
                yield file
        except Exception as failure:  # what HDF5 says of bytes that are not there
            if steady.error is None:
                raise
            raise steady.error from failure
        if steady.error is not None:
            raise steady.error
        os.fsync(raw.fileno())
