"""SHA-256 of an HDF5 file in one line behind it, compared before HDF5 reads a byte.

HDF5 ignores what follows the end that its first block names; ``tail -1 FILE`` shows the line.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

from moire.errors import FileFormatError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MARK = b"\nmoire sha256 "
LENGTH = len(_MARK) + 64 + 1
"""Bytes of the line with its two line breaks."""

_END_AT = {0: 40, 1: 44, 2: 28, 3: 28}  # where the address of the end stands, by the version of the first block
_SPECIAL = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of_file(path: Path) -> str:
    """Return what a path names: ``"file"``, ``""`` for nothing, or ``"a folder"``, ``"a named pipe"``, ..."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return "file"  # to open it says why it cannot be read
    return "file" if stat.S_ISREG(mode) else _SPECIAL.get(stat.S_IFMT(mode), "no ordinary file")


def append_digest(path: Path) -> None:
    """Write the digest of a file behind it, and all of it to the disk."""
    with path.open("rb+") as file:
        file.write(_line(hashlib.file_digest(file, "sha256").hexdigest()))  # at the end, where hashing stopped
        file.flush()
        os.fsync(file.fileno())


def read_digest(path: Path) -> str:
    """Return the digest behind a file in hexadecimal, without comparing it; empty if there is none."""
    with path.open("rb") as file:
        return _stated(_last_bytes(file))


def check_digest(path: Path) -> str:
    """Compare a file with the digest behind it.

    Returns
    -------
    str
        The digest in hexadecimal; empty if the file has none and ends where its HDF5 part does.

    Raises
    ------
    FileFormatError
        If it is no ordinary file, no HDF5 file, longer or shorter than it says, or differs from its digest.
    """
    found = kind_of_file(path)
    if found != "file":
        raise FileFormatError(f"`{path}` must be a file, but {f'is {found}' if found else 'there is none'}.")
    try:
        with path.open("rb") as file:
            return _compared(path, file)
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"`{path}` must be a file that can be read, but is not: {error}.") from None


def _compared(path: Path, file: BinaryIO) -> str:
    end = _end_of_hdf5(path, file.read(64))
    size = os.fstat(file.fileno()).st_size
    digest = _stated(_last_bytes(file))
    whole = end + LENGTH * bool(digest)
    if size != whole:
        raise FileFormatError(f"`{path}` must have {whole} bytes, but is damaged: it has {size}.")
    if digest and digest != _hash_of(file, end):
        raise FileFormatError(f"`{path}` must have the SHA-256 that it was written with, but is damaged.")
    return digest


def _line(digest: str) -> bytes:
    return _MARK + digest.encode() + b"\n"


def _stated(last: bytes) -> str:
    digest = last[len(_MARK) : -1].decode("ascii", "replace")
    return digest if last == _line(digest) and len(last) == LENGTH else ""


def _last_bytes(file: BinaryIO) -> bytes:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - LENGTH))
    return file.read(LENGTH)


def _hash_of(file: BinaryIO, length: int) -> str:
    file.seek(0)
    found = hashlib.sha256()
    while length > 0 and (part := file.read(min(length, 1 << 20))):
        found.update(part)
        length -= len(part)
    return found.hexdigest()


def _end_of_hdf5(path: Path, head: bytes) -> int:
    """Return the length of the HDF5 part, which its first block states."""
    place = _END_AT.get(head[8]) if len(head) > 8 else None
    if not head.startswith(SIGNATURE) or place is None or len(head) < place + 8:
        raise FileFormatError(f"`{path}` must be an HDF5 file, but has another format or damaged first bytes.")
    return int(struct.unpack_from("<Q", head, place)[0])
