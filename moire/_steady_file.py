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
    """Raw file that keeps in memory what the disk does not take; `error` is the first failure."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._position = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end()}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def _end(self) -> int:
        stored = os.fstat(self._raw.fileno()).st_size
        return max([stored, *(offset + len(data) for offset, data in self._kept)])

    def read(self, size: int = -1) -> bytes:
        buffer = bytearray(size if size >= 0 else max(0, self._end() - self._position))
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: Any) -> int:
        """Fill the whole buffer, with zeros where nothing was written."""
        view = memoryview(buffer).cast("B")
        stored = os.pread(self._raw.fileno(), len(view), self._position)
        view[:] = stored + bytes(len(view) - len(stored))
        for offset, data in self._kept:
            first, last = max(offset, self._position), min(offset + len(data), self._position + len(view))
            if first < last:
                view[first - self._position : last - self._position] = data[first - offset : last - offset]
        self._position += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        size = len(view)
        while self.error is None and len(view):
            try:
                n_written = os.pwrite(self._raw.fileno(), view, self._position)
            except OSError as error:
                self.error = error
                break
            self._position, view = self._position + n_written, view[n_written:]
        if len(view):
            self._kept.append((self._position, bytes(view)))
            self._position += len(view)
        return size

    def truncate(self, size: int) -> int:
        if self.error is None:
            try:
                os.ftruncate(self._raw.fileno(), size)
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
