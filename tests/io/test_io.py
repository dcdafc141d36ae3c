"""Files: what goes in comes out, whole or not at all."""

import json

import h5py
import numpy as np
import pytest

import moire as mo
from moire.errors import FileFormatError, SchemaError
from moire.io import (
    SCHEMA,
    Dataset,
    FileStatus,
    Record,
    bands_record,
    chern_record,
    file_status,
    provenance,
    read_bands,
    read_chern,
    read_record,
    read_spectrum,
    spectrum_record,
    write_record,
)


@pytest.fixture(scope="module")
def model():
    lattice = mo.MoireLattice.from_twist(3.7, mo.parameters.WANG_2023.lattice_constant_nm)
    return mo.ContinuumModel(mo.parameters.WANG_2023, mo.PlaneWaveBasis(lattice, 3))


def test_every_type_survives(tmp_path):
    rng = np.random.default_rng(0)
    values = {
        "a/complex": rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4)),
        "a/words": np.arange(5, dtype=np.uint64) << np.uint64(60),
        "flags": np.array([True, False]),
        "texts": np.array(["kappa_+", "Gruesse, \u03b8"], dtype=object),
        "text": "one",
        "number": 2.5,
        "empty": np.empty((0, 3)),
        "nan": np.array([np.nan, 1.0]),
    }
    record = Record("test", {name: Dataset(value, "meV", ("x",), "why") for name, value in values.items()}, {"n": [1]})
    write_record(tmp_path / "file.h5", record)
    back = read_record(tmp_path / "file.h5")
    assert back.kind == "test"
    assert back.attributes["n"] == [1]
    for name, value in values.items():
        np.testing.assert_array_equal(back[name], value)
        assert np.asarray(back[name]).dtype.kind == np.asarray(value).dtype.kind or isinstance(value, str)
        assert (back.datasets[name].unit, back.datasets[name].dims, back.datasets[name].doc) == ("meV", ("x",), "why")


def test_a_file_is_readable_with_h5py_alone(tmp_path):
    write_record(tmp_path / "file.h5", Record("test", {"e": Dataset(np.ones(2), "meV", ("k",), "energies")}))
    with h5py.File(tmp_path / "file.h5") as file:
        assert file.attrs["schema"] == SCHEMA
        assert file["e"].attrs["unit"] == "meV"
        assert json.loads(file["e"].attrs["dims"]) == ["k"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file.h5"
    write_record(path, Record("old", {}))
    with pytest.raises(TypeError):
        write_record(path, Record("new", {"bad": Dataset({1, 2})}))
    assert read_record(path).kind == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5"]


def test_damage_is_noticed_wherever_it_is(tmp_path):
    path = tmp_path / "file.h5"
    write_record(path, Record("test", {"e": Dataset(np.arange(4000.0), "meV", ("k",), "")}))
    whole = path.read_bytes()
    assert file_status(path) is FileStatus.FINISHED
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert file_status(path) is FileStatus.DAMAGED, length
    place = whole.find(np.float64(2000.0).tobytes())
    assert place > 0
    path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    assert file_status(path) is FileStatus.DAMAGED
    with pytest.raises(FileFormatError, match=r"damaged"):
        read_record(path)


def test_results_may_be_read_by_whom_any_other_file_may_be(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    write_record(tmp_path / "result.h5", Record("summary", {}))
    assert (tmp_path / "result.h5").stat().st_mode == ordinary.stat().st_mode


def test_other_schemas_are_refused(tmp_path):
    path = tmp_path / "file.h5"
    write_record(path, Record("test", {}))
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = SCHEMA + 1
    assert file_status(path) is FileStatus.FOREIGN
    with pytest.raises(SchemaError, match=rf"must have schema {SCHEMA}, but has {SCHEMA + 1}"):
        read_record(path)
    assert file_status(tmp_path / "absent.h5") is FileStatus.ABSENT


def test_bands_come_back(tmp_path, model):
    path = mo.solve_bands(model, mo.KPath.through(model.lattice, points_per_segment=3), 2)
    mesh = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 3, 4, (0.25, 0)), 2)
    write_record(tmp_path / "b.h5", bands_record(path, mesh))
    path_back, mesh_back = read_bands(read_record(tmp_path / "b.h5"))
    np.testing.assert_array_equal(path_back.energies, path.energies)
    np.testing.assert_array_equal(path_back.momenta.points, path.momenta.points)
    np.testing.assert_array_equal(mesh_back.momenta.points, mesh.momenta.points)
    assert path_back.momenta.tick_labels == path.momenta.tick_labels
    assert str(mesh_back) == str(mesh)


def test_chern_numbers_come_back(tmp_path, model):
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 6, 6), 2)
    results = [mo.topology.chern_number(bands, group) for group in ([0], [0, 1])]
    kubo = [mo.topology.berry_curvature(bands, group) for group in ([0], [0, 1])]
    write_record(tmp_path / "c.h5", chern_record(bands.grid, results, kubo))
    back = read_chern(read_record(tmp_path / "c.h5"))
    assert [str(result) for result in back] == [str(result) for result in results]
    np.testing.assert_array_equal(back[1].flux, results[1].flux)


@pytest.mark.parametrize("shape", [(3, 3), ((2, 1), (-1, 4))])
def test_spectra_come_back_with_their_vectors(tmp_path, model, shape):
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, shape), 1)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2)
    spectrum = mo.solve_all_sectors(problem, (2, 3), 4, keep_vectors=True)
    write_record(tmp_path / "s.h5", spectrum_record(spectrum))
    back = read_spectrum(read_record(tmp_path / "s.h5"))
    assert str(back) == str(spectrum)
    assert back.manifold == spectrum.manifold
    assert len(back.vectors) == 9
    for one, other in zip(back.vectors, spectrum.vectors, strict=True):
        np.testing.assert_array_equal(one, other)


def test_provenance_says_what_ran():
    facts = provenance(1.5)
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["wall_seconds"] == 1.5
    assert facts["threads"] >= 1
