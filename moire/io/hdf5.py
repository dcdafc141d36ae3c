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

from moire._steady_file import new_hdf5
from moire.errors import FileFormatError, InputError, SchemaError

SCHEMA = 2
"""Number of the file layout; files with another number raise an error."""


@dataclass(frozen=True)
class Dataset:
    """An array (or a number, or texts) with its unit, the names of its axes, and one line of documentation."""

    values: Any
    unit: str = ""
    dims: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True)
class Record:
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
        return self.datasets[path].values


class FileStatus(Enum):
    """State of the file at a path."""

    ABSENT = "absent"
    FINISHED = "finished"
    FAILED = "failed"
    DAMAGED = "damaged"
    FOREIGN = "written by another schema"


def write_record(path: Path, record: Record) -> None:
    """Write a record to a temporary file beside `path` and move it into place.

    Strings are UTF-8; booleans, integers and floats are native HDF5 types, complex numbers compounds of two doubles
    named r and i; arrays carry checksums.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        with new_hdf5(Path(temporary)) as file:
            file.attrs["schema"] = SCHEMA
            file.attrs["kind"] = record.kind
            for name, value in record.attributes.items():
                file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)
            for name, dataset in record.datasets.items():
                _write_dataset(file, name, dataset)
        umask = os.umask(0)  # temporary files are private; a result gets the permissions of any other new file
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_target(path: Path, kind: str | None = None) -> None:
    """Raise InputError unless a record may be written to `path`: a new file, or an earlier result.

    Parameters
    ----------
    path
        Where the record goes; the folder is made if need be.
    kind
        Kind of the record: an earlier result of another kind is not written over.
    """
    if path.is_dir() or (path.exists() and not h5py.is_hdf5(path)):
        kind = "a folder" if path.is_dir() else "another file"
        raise InputError(f"`output` must be a new file or an earlier result, but {path} is {kind}.")
    if kind is not None and path.exists():
        with h5py.File(path, "r") as file:
            found = str(file.attrs.get("kind", "unknown"))
        if found not in (kind, "failure"):
            raise InputError(
                f"`output` must be a new file or an earlier result of kind '{kind}', but {path} is of kind '{found}'."
            )
    check_folder(path, "output")


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


def read_record(path: Path) -> Record:
    """Read a whole file, checksums included.

    Raises
    ------
    FileFormatError
        If it is missing or damaged.
    SchemaError
        If it was written by another schema.
    """
    if path.is_dir():
        raise FileFormatError(f"`{path}` must be a file, but is a folder.")
    if path.is_file() and not h5py.is_hdf5(path):
        raise FileFormatError(f"`{path}` must be an HDF5 file, but has another format or damaged first bytes.")
    try:
        with h5py.File(path, "r") as file:
            attributes = {name: _plain(value) for name, value in file.attrs.items()}
            check_schema(path, attributes.get("schema"))
            datasets: dict[str, Dataset] = {}

            def visit(name: str, node: Any) -> None:
                if isinstance(node, h5py.Dataset):
                    values = node.asstr()[()] if h5py.check_string_dtype(node.dtype) else node[()]
                    dims = tuple(json.loads(node.attrs["dims"]))
                    datasets[name] = Dataset(values, node.attrs["unit"], dims, node.attrs["doc"])

            file.visititems(visit)
    except FileNotFoundError:
        raise FileFormatError(f"`{path}` must be a file, but there is none.") from None
    except FileFormatError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())  # HDF5 breaks its lines
        raise FileFormatError(f"`{path}` must be a whole HDF5 file, but is damaged or unreadable: {reason}.") from error
    return Record(str(attributes.pop("kind")), datasets, attributes)


def check_schema(path: Path, found: object) -> None:
    """Raise SchemaError unless `found` is the schema number of this version."""
    if found != SCHEMA:
        raise SchemaError(f"`{path}` must have schema {SCHEMA}, but has {'none' if found is None else found}.")


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(value)
    return value.item() if isinstance(value, np.generic) else value


def file_status(path: Path) -> FileStatus:
    """State of the file at `path`, after reading all of it."""
    if not path.exists():
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
