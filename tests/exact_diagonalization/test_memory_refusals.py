"""Every refusal for memory comes before the memory is taken, and says what would fit."""

import logging
import tracemalloc

import numpy as np
import pytest

import moire as mo
from moire import resources
from moire.errors import MemoryRefusedError
from moire.exact_diagonalization import MomentumSector
from moire.exact_diagonalization.memory import sector_memory
from moire.exact_diagonalization.sectors import basis_bytes, largest_sectors, sector_dimensions
from moire.form_factors import FormFactors, Transfers
from moire.hartree_fock import MeanField
from moire.linalg.hermitian import extremal_eigenpairs, workspace_bytes
from moire.orbitals import Orbitals


@pytest.fixture
def small_machine(monkeypatch):
    """Pretend that a gibibyte is free, and check that a refused call took at most a few per cent of it."""
    monkeypatch.setattr(resources, "available_bytes", lambda: 2**30)

    def refuse(call, match):
        tracemalloc.start()
        try:
            with pytest.raises(MemoryRefusedError, match=match) as caught:
                call()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2**26
        return str(caught.value)

    return refuse


def test_matrices_of_many_plane_waves_are_refused(small_machine, build_model):
    model = build_model("WANG_2023", 3.89, shells=60)
    line = mo.KPath.through(model.lattice, points_per_segment=1)
    solved = small_machine(lambda: mo.solve_bands(model, line, 3), r"matrices of dimension \d+, \d+ at once would take")
    built = small_machine(lambda: model.potential, r"^The matrix of dimension \d+ of WANG")
    for text in (solved, built):
        assert text.endswith("plane_wave_shells would fit.")
        shells = int(text.split("; ")[1].split()[0])
        assert 15 < shells < 40
        dimension = 2 * mo.PlaneWaveBasis(model.lattice, shells).size
        assert 32 * dimension**2 < 2**30


def test_a_list_of_too_many_plane_waves_is_refused(small_machine, build_model):
    small_machine(lambda: build_model("WANG_2023", 3.89, shells=1e5), r"fewer plane_wave_shells would fit\.$")


def test_the_workspace_counts_what_lapack_is_given(build_model):
    matrix = np.array(build_model("WANG_2023", 3.89, shells=6).hamiltonian(np.zeros(2)))
    tracemalloc.start()
    extremal_eigenpairs(matrix, 20, largest=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.9 * peak < workspace_bytes(len(matrix), 20) < 1.3 * peak


@pytest.fixture(scope="module")
def fine_bands(build_model):
    """Both valleys on a mesh whose tables over pairs of momenta have gigabytes."""
    models = [build_model("WANG_2023", 3.89, shells=1, valley=valley) for valley in (+1, -1)]
    return mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 60, 60), n_bands=1)


def test_tables_of_a_fine_mesh_are_refused(small_machine, fine_bands):
    text = small_machine(lambda: FormFactors.compute(fine_bands, 2.0), r"momentum transfers up to 2 .* would fit\.$")
    side = int(text.split("a grid of ")[1].split("x")[0])
    assert 10 < side < 60
    share = fine_bands.states.size / 3600

    def needed(n):
        return FormFactors.estimated_bytes(n**2, 2.0, share * n**2)

    assert needed(side) <= 0.9 * 2**30 < needed(side + 1)
    small_machine(lambda: Transfers(fine_bands.grid, 1e3), r"a smaller q_cutoff or a smaller grid would fit\.$")
    huge = mo.MomentumGrid.regular(fine_bands.grid.lattice, 300, 300)
    small_machine(lambda: huge.sum_index, r"pairs of 90000 momenta would take .* a smaller mesh would fit\.$")
    small_machine(lambda: huge.umklapp, r"a smaller mesh would fit\.$")


def test_the_tables_take_no_more_than_they_say(build_model):
    model = build_model("WANG_2023", 3.89, shells=2)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 18, 18), n_bands=1)
    tracemalloc.start()
    FormFactors.compute(bands, 2.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    stated = FormFactors.estimated_bytes(324, 2.0, 0)
    assert 0.3 * stated < peak < stated


def test_a_cutoff_beyond_every_overlap_means_the_last_one(build_model):
    model = build_model("WANG_2023", 3.89, shells=1)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 2, 3), n_bands=1)
    cut, whole = FormFactors.compute(bands, 50.0), FormFactors(Transfers(bands.grid, 5.0), bands)
    radius = np.linalg.norm(whole.transfers.vectors, axis=1)
    beyond = radius > cut.transfers.q_cutoff * model.lattice.reciprocal_length
    assert 0 < beyond.sum() < beyond.size
    assert not np.any(whole.values[:, beyond])
    assert np.count_nonzero(cut.values) == np.count_nonzero(whole.values)


def test_the_mode_of_the_exchange_is_said(build_model, caplog, monkeypatch):
    models = [build_model("WANG_2023", 3.89, shells=1, valley=valley) for valley in (+1, -1)]
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 2, 2), n_bands=2)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=20.0, gate_distance_nm=30.0), q_cutoff=2.0)
    with caplog.at_level(logging.INFO, logger="moire"):
        assert MeanField(problem).exchange.stored
        assert "The exchange of 2 bands on 2x2 is stored: " in caplog.text
        monkeypatch.setattr("moire.hartree_fock.exchange.fits_in_memory", lambda n_bytes: False)
        assert not MeanField(problem).exchange.stored
    assert "recomputed at every build" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_spectrum_is_refused_before_its_sectors_are_enumerated(small_machine, small_problem, monkeypatch):
    problem = small_problem([4, 6])
    monkeypatch.setattr(resources, "available_bytes", lambda: 2**26)
    largest = int(sector_dimensions(problem.orbitals, 12).max())
    text = small_machine(
        lambda: mo.solve_all_sectors(problem, (1, 2), 8), rf"^A sector of dimension {largest} \(12 particles in 24"
    )
    advice = text.split("; ")[1]
    levels = int(advice.split(" levels or ")[0])
    assert 1 < levels < 8
    assert "particles on 4x6 or a cluster of 2" in advice
    limit = 0.9 * 2**26
    assert sector_memory(24, 12, largest, levels).total <= limit < sector_memory(24, 12, largest, levels + 1).total
    particles = int(advice.split(" or ")[1].split()[0])
    fewer = largest_sectors(problem.orbitals)
    assert sector_memory(24, particles, int(fewer[particles]), 8).total <= limit
    assert sector_memory(24, particles + 1, int(fewer[particles + 1]), 8).total > limit
    small_machine(lambda: mo.solve_all_sectors(problem, (1, 3), 4, keep_vectors=True), "with the vectors kept of all")


@pytest.mark.parametrize("storage", [pytest.param("csr", marks=pytest.mark.slow), "matrix-free"])
def test_a_sector_takes_what_is_announced(small_problem, caplog, storage):
    problem = small_problem([4, 6])
    options = {"momenta": [(0, 0)], "settings": mo.SpectrumSettings(storage=storage, use_symmetry=False)}
    dimension = int(sector_dimensions(problem.orbitals, 7)[0])
    stated = sector_memory(24, 7, dimension, 2, storage)
    mo.solve_all_sectors(problem, (7, 24), 2, **options)  # compiles
    tracemalloc.start()
    with caplog.at_level(logging.INFO, logger="moire"):
        mo.solve_all_sectors(problem, (7, 24), 2, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(stated) in caplog.text
    assert 0.7 * stated.total < peak < 1.1 * stated.total


def test_the_refusal_of_a_basis_says_what_fits(small_machine, build_model):
    grid = mo.MomentumGrid.regular(build_model("WANG_2023", 3.89, shells=1).lattice, 6, 8)
    text = small_machine(lambda: MomentumSector(Orbitals(grid), 24, 0), r"half tables of 48 orbitals would take")
    particles = int(text.split("; ")[1].split(" particles on this cluster would fit")[0])
    needed = [
        basis_bytes(48, int(dimension)) for dimension in largest_sectors(Orbitals(grid))[particles : particles + 2]
    ]
    assert needed[0] <= 0.9 * 2**30 < needed[1]
    larger = mo.MomentumGrid.regular(grid.lattice, 8, 8)
    small_machine(lambda: MomentumSector(Orbitals(larger), 2, 0), r"the half tables of 50 orbitals would fit\.$")
