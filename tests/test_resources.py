import logging

import numpy as np
import pytest

import moire as mo
from moire import resources
from moire._arrays import check_shape, read_only
from moire.errors import MemoryRefusedError, MoireError
from moire.exact_diagonalization import MomentumSector


def test_memory_is_stated_and_refused(monkeypatch, caplog):
    monkeypatch.setattr(resources, "available_bytes", lambda: 1000)
    with caplog.at_level(logging.DEBUG, logger="moire"):
        resources.reserve("A thing", 900, "less would fit")
    assert "A thing: 900 B" in caplog.text
    with pytest.raises(
        MemoryRefusedError, match=r"^A thing would take 901 B, but 1e\+03 B are available; less would fit\.$"
    ):
        resources.reserve("A thing", 901, "less would fit")
    assert issubclass(MemoryRefusedError, MoireError)
    assert issubclass(MemoryRefusedError, MemoryError)


@pytest.mark.parametrize(
    ("count", "text"), [(10, "10 B"), (1536, "1.5 KiB"), (3 * 2**20, "3 MiB"), (5 * 2**30, "5 GiB"), (2**41, "2 TiB")]
)
def test_bytes_in_words(count, text):
    assert resources.human_bytes(count) == text


def test_every_large_allocation_asks_first(monkeypatch, build_model, small_problem):
    model, problem = build_model("WANG_2023", 3.7, shells=2), small_problem([3, 5])
    grid = mo.MomentumGrid.regular(model.lattice, 3, 3)
    bands = mo.solve_bands(model, grid, 1)
    monkeypatch.setattr(resources, "available_bytes", lambda: 100)
    for call in (
        lambda: mo.solve_bands(model, grid, 1),
        lambda: mo.project(bands, problem.interaction, q_cutoff=2.0),
        lambda: MomentumSector(grid, 3, 0),
        lambda: mo.solve_all_sectors(problem, (2, 5), 1),
    ):
        with pytest.raises(MemoryRefusedError, match=r"would fit\.$"):
            call()


def test_storage_falls_back_to_matrix_free(monkeypatch, small_problem):
    problem = small_problem([3, 5])
    stored = mo.solve_all_sectors(problem, (2, 5), 2, momenta=[(0, 0)])
    monkeypatch.setattr("moire.exact_diagonalization.hamiltonian.fits_in_memory", lambda n_bytes: False)
    free = mo.solve_all_sectors(problem, (2, 5), 2, momenta=[(0, 0)])
    assert (stored.storage, free.storage) == ("csr", "matrix-free")
    np.testing.assert_allclose(free.energies, stored.energies, atol=1e-9)


def test_sixty_four_orbitals_are_refused_for_memory_and_not_for_number(monkeypatch):
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.0, 0.352), 8, 8)
    monkeypatch.setattr(resources, "available_bytes", lambda: 64 * 2**30)
    with pytest.raises(MemoryRefusedError, match="half tables of 64 orbitals"):
        MomentumSector(grid, 2, 0)


def test_cores():
    assert 1 <= resources.available_cores() <= 4096
    assert resources.available_bytes() > 2**20


def test_read_only_owns_its_memory():
    source = np.arange(6.0)
    for array in (read_only(source), read_only(source[:3]), read_only([1, 2]), read_only(source.reshape(2, 3).T)):
        assert not array.flags.writeable
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, source)
    assert source.flags.writeable
    check_shape("x", source, (6,))
    with pytest.raises(mo.InputError, match=r"^`x` must have shape \(5,\), but has \(6,\)\.$"):
        check_shape("x", source, (5,))
