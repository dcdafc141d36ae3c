"""What a result file may hold: numbers and texts stored in the file itself, of sizes that fit its bytes.

HDF5 follows links and external storage into other files, allocates what a header claims, and loads filters from
plugins; a result needs none of that, so each is refused before a value is read.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from math import prod
from pathlib import Path

import h5py
import numpy as np

from moire.errors import FileFormatError

_IN_THE_FILE = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}
_FLOATS = {2, 4, 8}
_SINGLE_TEXT = bytes.fromhex("10000000 01000000 00000800 00000000 01000000 00000000")
"""End of the type of a text (bytes of 8 bits) and a space without axes: the length follows, in an attribute."""


def checked_datasets(file: h5py.File, group: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Return datasets by path in alphabetical order, each checked with its attributes before it is returned.

    The attributes of the root are left to :func:`check_attributes`.

    Parameters
    ----------
    file
        An open file.
    group
        Only those below this group of the root; all by default.

    Raises
    ------
    FileFormatError
        If the file holds anything but groups, numbers and texts of its own, or claims more than its bytes.
    """
    size = Path(file.filename).stat().st_size
    names = [name for name in sorted(file) if group in ("", name)]
    yield from _below(file, "", names, size, {h5py.h5o.get_info(file.id).addr})


def _below(
    group: h5py.Group, prefix: str, names: list[str], size: int, seen: set[int]
) -> Iterator[tuple[str, h5py.Dataset]]:
    for name in names:
        path = prefix + name
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FileFormatError(f"`{_name(group)}` must hold no links, but '{path}' is one.")
        node = group[name]
        address = h5py.h5o.get_info(node.id).addr
        if address in seen:
            raise FileFormatError(f"`{_name(group)}` must name each object once, but '{path}' has another name.")
        seen.add(address)
        check_attributes(node, size)
        if isinstance(node, h5py.Group):
            yield from _below(node, path + "/", sorted(node), size, seen)
        elif isinstance(node, h5py.Dataset):
            _check_storage(node, path, size)
            yield path, node
        else:
            raise FileFormatError(
                f"`{_name(group)}` must hold groups and datasets only, but '{path}' is a stored type."
            )


def check_attributes(node: h5py.Group | h5py.Dataset, size: int) -> None:
    """Raise FileFormatError unless every attribute is one number or text that fits a file of `size` bytes."""
    for number in range(h5py.h5a.get_num_attrs(node.id)):
        attribute = h5py.h5a.open(node.id, index=number)
        name = attribute.name.decode(errors="replace")
        _check_type(node, attribute.get_type(), f"attribute '{name}' of '{node.name}'")
        if attribute.get_space().get_simple_extent_type() != h5py.h5s.SCALAR or attribute.get_storage_size() > size:
            raise FileFormatError(
                f"`{_name(node)}` must have single values as attributes, but '{name}' of '{node.name}' is none."
            )


def _check_storage(node: h5py.Dataset, path: str, size: int) -> None:
    """Where the values lie, and that all of them do: what is not stored would be filled in silently."""
    created = node.id.get_create_plist()
    if created.get_layout() not in _IN_THE_FILE or created.get_external_count():
        raise FileFormatError(
            f"`{_name(node)}` must hold its own data, but '{path}' lies elsewhere or joins other data."
        )
    filters = [created.get_filter(i)[0] for i in range(created.get_nfilters())]
    if any(code != h5py.h5z.FILTER_FLETCHER32 for code in filters):
        raise FileFormatError(
            f"`{_name(node)}` must have no filter except the checksum, but '{path}' uses filters {filters}."
        )
    _check_type(node, node.id.get_type(), f"'{path}'")
    if node.shape is None:
        raise FileFormatError(f"`{_name(node)}` must hold values, but '{path}' is empty.")
    item = node.id.get_type().get_size()
    claimed, stored = prod(node.shape) * item, node.id.get_storage_size()
    chunk = prod(node.chunks) * item if node.chunks else 0
    if not (claimed <= stored <= size and chunk <= size):
        found = f"'{path}' claims {max(claimed, chunk):,} bytes and stores {stored:,}, in a file of {size:,}"
        raise FileFormatError(f"`{_name(node)}` must hold what it claims, but {found}.")
    text = h5py.check_string_dtype(node.dtype)
    if text is not None and text.length is None and claimed:
        _check_texts(node, path, size)


def _check_texts(node: h5py.Dataset, path: str, size: int) -> None:
    """Lengths of texts of any length, from the references to the heap: four bytes each of sixteen."""
    offset = node.id.get_offset()
    if offset is None:
        raise FileFormatError(f"`{_name(node)}` must hold its texts in one piece, but '{path}' is in several.")
    with Path(node.file.filename).open("rb") as file:
        file.seek(offset)
        lengths = np.frombuffer(file.read(16 * node.size), "<u4")[::4]
    claimed = int(lengths.sum(dtype=np.int64))
    if claimed > size:
        raise FileFormatError(
            f"`{_name(node)}` must hold what it claims, but '{path}' claims {claimed:,} bytes, in a file of {size:,}."
        )


def _check_type(node: h5py.Group | h5py.Dataset, kind: h5py.h5t.TypeID, what: str) -> None:
    dtype = kind.dtype
    enumerated = h5py.check_enum_dtype(dtype) is not None
    text = h5py.check_string_dtype(dtype) is not None
    number = dtype.kind in "iubc" or (dtype.kind == "f" and dtype.itemsize in _FLOATS)
    if not text and (not number or enumerated or dtype.subdtype is not None):
        found = "an enumeration" if enumerated else f"of type {dtype}"
        raise FileFormatError(f"`{_name(node)}` must hold numbers and texts only, but {what} is {found}.")


def _name(node: h5py.Group | h5py.Dataset) -> str:
    return str(node.file.filename)


def check_heaps(path: Path) -> None:
    """Raise FileFormatError if a heap of texts would make HDF5 loop forever, or a text claims more than the file.

    Only for files without a digest, which nothing else protects: HDF5 never leaves an entry of no size, and allocates
    the length of a text before it compares it with the heap.

    References
    ----------
    HDF5 File Format Specification 3.0, III.E (global heap), IV.A.2.d and m (types and attributes).
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for heap in _occurrences(content, b"GCOL\x01\0\0\0"):
            place, end = heap + 16, min(heap + _integer(content, heap + 8, 8), len(content))
            while place + 16 <= end:
                index, n_bytes = _integer(content, place, 2), _integer(content, place + 8, 8)
                if index == 0 and n_bytes < 16:
                    raise FileFormatError(f"`{path}` must hold whole texts, but is damaged at byte {place}.")
                place += n_bytes if index == 0 else 16 + -(-n_bytes // 8) * 8
        for place in _occurrences(content, _SINGLE_TEXT):
            if _integer(content, place + len(_SINGLE_TEXT), 4) > len(content):
                raise FileFormatError(f"`{path}` must hold whole texts, but is damaged at byte {place}.")


def _occurrences(content: mmap.mmap, pattern: bytes) -> Iterator[int]:
    place = content.find(pattern)
    while place >= 0:
        yield place
        place = content.find(pattern, place + 1)


def _integer(content: mmap.mmap, place: int, n_bytes: int) -> int:
    return int.from_bytes(content[max(place, 0) : place + n_bytes], "little")
