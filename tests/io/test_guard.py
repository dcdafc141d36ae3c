"""What no result holds is refused before it is read: other files, other types, more than is stored."""

import json

import h5py
import numpy as np
import pytest

from moire._digest import append_digest
from moire.errors import FileFormatError
from moire.io import FileStatus, file_status, read_record


def labelled(node):
    node.attrs["unit"], node.attrs["dims"], node.attrs["doc"] = "meV", json.dumps([]), "planted"


def external_storage(file, secret):
    labelled(file.create_dataset("x", (4,), "u1", external=[(str(secret), 0, 4)]))


def virtual(file, secret):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (4,))
    labelled(file.create_virtual_dataset("x", layout))


def external_link(file, secret):
    file["x"] = h5py.ExternalLink(str(secret), "secret")


def soft_link(file, _):
    labelled(file.create_dataset("y", data=1.0))
    file["x"] = h5py.SoftLink("/y")


def dangling_link(file, _):
    file["x"] = h5py.SoftLink("/nowhere")


def ring(file, _):
    file.create_group("a")["b"] = file["/"]


def second_name(file, _):
    labelled(file.create_dataset("y", data=1.0))
    file["x"] = file["y"]


def stored_type(file, _):
    file["x"] = np.dtype("f8")


def of_type(dtype, **how):
    def plant(file, _):
        labelled(file.create_dataset("x", (2,), dtype, **how))

    return plant


def attribute_of_type(file, _):
    file.attrs.create("note", np.void(b"abc"))


def attribute_with_axis(file, _):
    file.attrs["note"] = np.arange(3)


def empty_attribute(file, _):
    file.attrs["note"] = h5py.Empty("f8")


def claim(**how):
    """A dataset of 16 GiB of which nothing is stored."""

    def plant(file, _):
        labelled(file.create_dataset("x", (2**31,), "f8", **how))

    return plant


def huge_chunk(file, _):
    labelled(file.create_dataset("x", (0,), "f8", chunks=(2**28,), maxshape=(None,)))


def null_space(file, _):
    labelled(file.create_dataset("x", data=h5py.Empty("f8")))


def compressed(file, _):
    labelled(file.create_dataset("x", data=np.zeros(10_000), compression="gzip"))


def chunked_texts(file, _):
    labelled(file.create_dataset("x", (2,), h5py.string_dtype(), chunks=(2,), maxshape=(None,)))
    file["x"][:] = ["a", "b"]


def axes_by_number(file, _):
    labelled(file.create_dataset("x", data=1.0))
    file["x"].attrs["dims"] = "5"


def no_unit(file, _):
    file.create_dataset("x", data=1.0)


def no_json(file, _):
    labelled(file.create_dataset("x", data=1.0))
    file["x"].attrs["dims"] = "[" * 100_000


def no_kind(file, _):
    del file.attrs["kind"]


ENUM = h5py.enum_dtype({"a": 0, "b": 5})
PLANTED = [
    (external_storage, r"hold its own data, but 'x' lies elsewhere"),
    (virtual, r"hold its own data, but 'x' lies elsewhere"),
    (external_link, r"hold no links, but 'x' is one"),
    (soft_link, r"hold no links, but 'x' is one"),
    (dangling_link, r"hold no links, but 'x' is one"),
    (ring, r"name each object once, but 'a/b' has another name"),
    (second_name, r"name each object once, but 'y' has another name"),
    (stored_type, r"hold groups and datasets only, but 'x' is a stored type"),
    (of_type(ENUM), r"hold numbers and texts only, but 'x' is an enumeration"),
    (of_type(np.dtype("V3")), r"hold numbers and texts only, but 'x' is of type"),
    (of_type(h5py.ref_dtype), r"hold numbers and texts only, but 'x' is of type"),
    (of_type(h5py.vlen_dtype(np.int32)), r"hold numbers and texts only, but 'x' is of type"),
    (of_type(np.dtype([("a", "f8"), ("b", "i4")])), r"hold numbers and texts only, but 'x' is of type"),
    (of_type(np.dtype((np.float64, (3,)))), r"hold numbers and texts only, but 'x' is of type"),
    (of_type(np.longdouble), r"hold numbers and texts only, but 'x' is of type"),
    (attribute_of_type, r"hold numbers and texts only, but attribute 'note' of '/' is of type"),
    (attribute_with_axis, r"have single values as attributes, but 'note' of '/' is none"),
    (empty_attribute, r"have single values as attributes, but 'note' of '/' is none"),
    (claim(), r"hold what it claims, but 'x' claims 17,179,869,184 bytes and stores 0, in a file of"),
    (claim(chunks=(512,)), r"hold what it claims, but 'x' claims 17,179,869,184 bytes and stores 0"),
    (huge_chunk, r"hold what it claims, but 'x' claims 2,147,483,648 bytes and stores 0"),
    (null_space, r"hold values, but 'x' is empty"),
    (compressed, r"have no filter except the checksum, but 'x' uses filters \[1\]"),
    (chunked_texts, r"hold its texts in one piece, but 'x' is in several"),
    (axes_by_number, r"be a whole HDF5 file, but is damaged or unreadable: ValueError: dims of '/x' are 5"),
    (no_unit, r"be a whole HDF5 file, but is damaged or unreadable: KeyError"),
    (no_json, r"be a whole HDF5 file, but is damaged or unreadable: RecursionError"),
    (no_kind, r"be a whole HDF5 file, but is damaged or unreadable: KeyError: 'kind'"),
]


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize(("plant", "sentence"), PLANTED, ids=[f"{i}-{p.__name__}" for i, (p, _) in enumerate(PLANTED)])
def test_it_is_refused(tmp_path, plant, sentence, signed):
    """With a digest that agrees too: a digest shows damage, not who wrote the file."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.arange(4.0)
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.attrs["schema"], file.attrs["kind"] = 2, "bands"
        plant(file, secret)
    if signed:
        append_digest(path)
    with pytest.raises(FileFormatError, match=rf"^`.*file\.h5` must {sentence}"):
        read_record(path)
    assert file_status(path) is FileStatus.DAMAGED


def test_fixed_texts_are_read(tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.attrs["schema"], file.attrs["kind"] = 2, np.bytes_("bands")
        labelled(file.create_dataset("x", data=np.array([b"ab", b"c"])))
        labelled(file.create_dataset("half", data=np.float16(0.5)))
    record = read_record(path)
    assert list(record["x"]) == ["ab", "c"]
    assert record["half"] == 0.5
