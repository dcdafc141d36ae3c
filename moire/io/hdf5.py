"""One record in one HDF5 file, moved into place when complete: a file is whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

from moire._digest import append_digest, check_digest, kind_of_file
from moire._shown import Shown
from moire._steady_file import new_hdf5
from moire._types import checked
from moire.errors import FileFormatError, InputError, SchemaError
from moire.io.guard import check_attributes, check_heaps, checked_datasets

SCHEMA = 2
"""Number of the file layout; files with another number raise an error."""

_SEALED = "digest"  # attribute of files that are written with a digest, so that its removal is noticed


@checked
@dataclass(frozen=True)
class Dataset(Shown):
    """An array (or a number, or texts) with its unit, the names of its axes, and one line of documentation."""

    values: Any
    unit: str = ""
    dims: tuple[str, ...] = ()
    doc: str = ""


@checked
@dataclass(frozen=True)
class Record(Shown):
    """Content of one file.

    Parameters
    ----------
    kind
        What it is: ``"bands"``, ``"chern"``, ``"ed"``, ``"summary"`` or ``"failure"``.
    datasets
        Datasets by path, ``"mesh/energies"``.
    attributes
        Texts, numbers and JSON-able objects of the whole file: request, provenance.
    """

    kind: str
    datasets: Mapping[str, Dataset]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, path: str) -> Any:
        if path not in self.datasets:
            raise FileFormatError(f"`record` must hold '{path}', but the record of kind '{self.kind}' does not.")
        return self.datasets[path].values


class FileStatus(Enum):
    """State of the file at a path."""

    ABSENT = "absent"
    FINISHED = "finished"
    FAILED = "failed"
    DAMAGED = "damaged"
    FOREIGN = "written by another schema"


@checked
def write_record(path: Path, record: Record) -> None:
    """Write a record to a temporary file beside `path` and move it into place.

    Strings are UTF-8; booleans, integers and floats are native HDF5 types, complex numbers compounds of two doubles
    named r and i; arrays carry checksums, and the SHA-256 of the whole file stands behind it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        with new_hdf5(Path(temporary)) as file:
            file.attrs["schema"] = SCHEMA
            file.attrs["kind"] = record.kind
            file.attrs[_SEALED] = "sha256"
            for name, value in record.attributes.items():
                file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)
            for name, dataset in record.datasets.items():
                _write_dataset(file, name, dataset)
        append_digest(Path(temporary))
        umask = os.umask(0)  # temporary files are private; a result gets the permissions of any other new file
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@checked
def check_target(path: Path, kind: str | None = None) -> None:
    """Raise InputError unless a record may be written to `path`: a new file, or an earlier result.

    Parameters
    ----------
    path
        Where the record goes; the folder is made if need be.
    kind
        Kind of the record: an earlier result of another kind is not written over.
    """
    found = kind_of_file(path)
    if found not in ("", "file"):
        raise InputError(f"`output` must be a new file or an earlier result, but {path} is {found}.")
    if found:
        if not h5py.is_hdf5(path):
            raise InputError(f"`output` must be a new file or an earlier result, but {path} is another file.")
        try:
            earlier = read_record(path, group=None).kind
        except SchemaError:
            raise
        except FileFormatError as error:
            raise InputError(
                f"`output` must be a new file or an earlier result, but {path} is damaged ({str(error).rstrip('.')})."
            ) from None
        if kind is not None and earlier not in (kind, "failure"):
            raise InputError(
                f"`output` must be a new file or an earlier result of kind '{kind}', but {path} is of kind '{earlier}'."
            )
    check_folder(path, "output")


@checked
def check_folder(path: Path, name: str) -> None:
    """Raise InputError unless a file can be made beside `path`; the folder is made if need be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"`{name}` must lie in a folder that can be written, but {path} does not: {error}.") from None


def _write_dataset(file: h5py.File, name: str, dataset: Dataset) -> None:
    values = np.asarray(dataset.values)
    if values.dtype.kind == "U":
        values = values.astype(object)
    dtype = h5py.string_dtype() if values.dtype.kind == "O" else None
    checked = values.ndim > 0 and values.size > 0 and dtype is None
    node = file.create_dataset(name, data=values, dtype=dtype, chunks=True if checked else None, fletcher32=checked)
    node.attrs["unit"] = dataset.unit
    node.attrs["dims"] = json.dumps(list(dataset.dims))
    node.attrs["doc"] = dataset.doc


@checked
def read_record(path: Path, group: str | None = "") -> Record:
    """Read a file whose digest and checksums agree, and which holds numbers and texts of its own.

    Parameters
    ----------
    path
        The file. One without a digest, as earlier versions wrote it, is read as far as its checksums agree.
    group
        Only the datasets of this group, such as ``"summary"``; all by default, and None for the attributes alone.

    Raises
    ------
    FileFormatError
        If it is missing, damaged or altered, no ordinary file, or holds what no result does.
    SchemaError
        If it was written by another schema.
    """
    digest = check_digest(path)
    try:
        if not digest:
            check_heaps(path)
        with h5py.File(path, "r") as file:
            check_attributes(file, path.stat().st_size)
            attributes = {name: _plain(value) for name, value in file.attrs.items()}
            check_schema(path, attributes.get("schema"))
            _check_sealed(path, attributes.pop(_SEALED, ""), digest)
            datasets: dict[str, Dataset] = {}
            if group is not None or not digest:
                for name, node in checked_datasets(file, group or "" if digest else ""):
                    dataset = _read_dataset(node)  # without a digest all are read, which compares their checksums
                    if group is not None and name.startswith(f"{group}/" if group else ""):
                        datasets[name] = dataset
            return Record(str(attributes.pop("kind")), datasets, attributes)
    except (FileFormatError, MemoryError):
        raise
    except Exception as error:  # HDF5 and h5py raise nearly every kind
        reason = " ".join(f"{type(error).__name__}: {error}".split())  # HDF5 breaks its lines
        raise FileFormatError(f"`{path}` must be a whole HDF5 file, but is damaged or unreadable: {reason}.") from error


def _read_dataset(node: h5py.Dataset) -> Dataset:
    values = node.asstr()[()] if h5py.check_string_dtype(node.dtype) else node[()]
    unit, doc = str(node.attrs["unit"]), str(node.attrs["doc"])
    dims = json.loads(node.attrs["dims"])
    if not isinstance(dims, list) or not all(isinstance(name, str) for name in dims):
        raise ValueError(f"dims of '{node.name}' are {dims}")
    return Dataset(values, unit, tuple(dims), doc)


def _check_sealed(path: Path, promised: object, digest: str) -> None:
    if promised and not digest:
        raise FileFormatError(f"`{path}` must end with its digest, but is damaged: it was changed later.")


@checked
def check_schema(path: Path, found: object) -> None:
    """Raise SchemaError unless `found` is the schema number of this version."""
    if found != SCHEMA:
        raise SchemaError(f"`{path}` must have schema {SCHEMA}, but has {'none' if found is None else found}.")


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(value)
    return value.item() if isinstance(value, np.generic) else value


@checked
def file_status(path: Path) -> FileStatus:
    """State of the file at `path`, after reading all of it."""
    if not kind_of_file(path):
        return FileStatus.ABSENT
    try:
        record = read_record(path)
    except SchemaError:
        return FileStatus.FOREIGN
    except FileFormatError:
        return FileStatus.DAMAGED
    return FileStatus.FAILED if record.kind == "failure" else FileStatus.FINISHED


def text_array(values: ArrayLike) -> np.ndarray[Any, Any]:
    """Return texts as an object array, as HDF5 wants them."""
    return np.asarray(values, dtype=object)
