"""Every refusal for memory comes before the memory is taken, and says what would fit."""

import tracemalloc

import numpy as np
import pytest

import moire as mo
from moire import resources
from moire.eigensolver import extremal_eigenpairs, workspace_bytes
from moire.errors import MemoryRefusedError


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
    text = small_machine(lambda: mo.solve_bands(model, line, 3), r"matrices of dimension \d+ at once, .* would fit\.$")
    dimension = int(text.split("a dimension of ")[1].split(",")[0])
    assert 32 * dimension**2 < 2**30 < 200 * dimension**2
    text = small_machine(lambda: model.potential, r"of dimension \d+, needs .* plane_wave_shells would fit\.$")
    shells = float(text.split("; about ")[1].split()[0])
    assert 10 < shells < 40
    assert 32 * (2 * mo.PlaneWaveBasis.shells(model.lattice, shells).size) ** 2 < 2**30


def test_a_list_of_too_many_plane_waves_is_refused(small_machine, build_model):
    small_machine(lambda: build_model("WANG_2023", 3.89, shells=1e5), r"fewer plane_wave_shells would fit\.$")


def test_the_workspace_counts_what_lapack_is_given(build_model):
    matrix = np.array(build_model("WANG_2023", 3.89, shells=6).hamiltonian(np.zeros(2)))
    tracemalloc.start()
    extremal_eigenpairs(matrix, 20, largest=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.9 * peak < workspace_bytes(len(matrix), 20) < 1.3 * peak
