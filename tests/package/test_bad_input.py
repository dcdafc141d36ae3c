"""Every refusal: before any work, one sentence, with the name, the rule and the value."""
# ruff: noqa: E501 - one case a line reads best

import re
from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire.errors import require
from moire.exact_diagonalization import (
    MomentumSector,
    PairHamiltonian,
    SectorHamiltonian,
    carriers_on,
    sector_dimensions,
    solve_sector,
)
from moire.filling import one_band_filling
from moire.form_factors import FormFactors
from moire.grids import smith_normal_form
from moire.lattice import TriangularLattice
from moire.orbitals import Orbitals
from moire.topology import berry_curvature, chern_number, hall_resistance, topology_report

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
OTHER = mo.MoireLattice.from_twist(3.0, 0.352)
GRID = mo.MomentumGrid.regular(LATTICE, 2, 3)
MODEL = mo.ContinuumModel(mo.parameters.WANG_2023, mo.PlaneWaveBasis(LATTICE, 1))
PARAMETERS = {
    "name": "mine", "potential_mev": 1.0, "potential_phase_deg": 0.0, "tunnelling_mev": 1.0, "effective_mass": 0.6,
    "lattice_constant_nm": 0.35,
}  # fmt: skip
NAN, INF = float("nan"), float("inf")


def user(**changes):
    return mo.ContinuumParameters(**{**PARAMETERS, **changes})


def coulomb(**changes):
    return mo.ScreenedCoulomb(**{"epsilon_r": 10.0, **changes})


def bands(n_bands=1, grid=GRID, model=MODEL):
    return mo.solve_bands(model, grid, n_bands)


def band_structure(**arrays):
    return replace(bands(), **arrays)


def problem():
    return mo.project(bands(), coulomb(), q_cutoff=1.0)


def sector_hamiltonian(momentum=0, n=2, grid=None, storage="auto"):
    p = problem()
    return SectorHamiltonian(
        PairHamiltonian.from_problem(p), MomentumSector(Orbitals(grid or p.grid), n, momentum), storage
    )


class NoPlaneWaves:
    """A Bloch model that does not say what its states are made of."""

    def __getattr__(self, name):
        if name == "basis":
            raise AttributeError(name)
        return getattr(MODEL, name)


CASES = {
    # call: (name in backticks, value at the end)
    "no mass": (lambda: user(effective_mass=0), "effective_mass", "0"),
    "negative a_0": (lambda: user(lattice_constant_nm=-1.0), "lattice_constant_nm", "-1.0"),
    "nan potential": (lambda: user(potential_mev=NAN), "potential_mev", "nan"),
    "infinite tunnelling": (lambda: user(second_tunnelling_mev=INF), "second_tunnelling_mev", "inf"),
    "zero twist": (lambda: mo.MoireLattice.from_twist(0, 0.352), "twist_deg", "0.0"),
    "negative twist": (lambda: mo.MoireLattice.from_twist(-3, 0.352), "twist_deg", "-3.0"),
    "large twist": (lambda: mo.MoireLattice.from_twist(31, 0.352), "twist_deg", "31.0"),
    "nan twist": (lambda: mo.MoireLattice.from_twist(NAN, 0.352), "twist_deg", "nan"),
    "no lattice constant": (lambda: mo.MoireLattice.from_twist(3, 0), "lattice_constant_nm", "0.0"),
    "negative period": (lambda: TriangularLattice(-2.0), "period_nm", "-2.0"),
    "infinite period": (lambda: TriangularLattice(INF), "period_nm", "inf"),
    "singular cluster": (lambda: mo.MomentumGrid(LATTICE, [[1, 2], [2, 4]]), "cluster", "[[1, 2], [2, 4]]"),
    "fractional cluster": (lambda: mo.MomentumGrid(LATTICE, [[1.5, 0], [0, 2]]), "matrix", "[[1.5, 0], [0, 2]]"),
    "infinite cluster": (lambda: mo.MomentumGrid(LATTICE, [[INF, 0], [0, 2]]), "matrix", "[[inf, 0], [0, 2]]"),
    "three numbers": (lambda: mo.MomentumGrid.cluster(LATTICE, [1, 2, 3]), "cluster", "[1, 2, 3]"),
    "no rows": (lambda: mo.MomentumGrid.regular(LATTICE, 0, 3), "mesh", "0x3"),
    "half a column": (lambda: mo.MomentumGrid.regular(LATTICE, 3, 2.5), "n2", "2.5"),
    "nan boundary": (lambda: mo.MomentumGrid.regular(LATTICE, 3, 3, (NAN, 0)), "boundary_phase", "(nan, 0.0)"),
    "singular Smith": (lambda: smith_normal_form(np.zeros((2, 2), int)), "matrix", "[[0, 0], [0, 0]]"),
    "label outside": (lambda: GRID.index_of((2, 0)), "momentum", "(2, 0)"),
    "label negative": (lambda: GRID.index_of((0, -1)), "momentum", "(0, -1)"),
    "label fractional": (lambda: GRID.index_of((0.5, 0)), "label", "(0.5, 0)"),
    "label of three": (lambda: GRID.index_of((0, 0, 0)), "momentum", "(0, 0, 0)"),
    "no points": (lambda: mo.KPath.through(LATTICE, points_per_segment=0), "points_per_segment", "0"),
    "one corner": (lambda: mo.KPath.through(LATTICE, ["gamma"]), "labels", "['gamma']"),
    "small cutoff": (lambda: mo.PlaneWaveBasis(LATTICE, 0.9), "plane_wave_shells", "0.9"),
    "infinite cutoff": (lambda: mo.PlaneWaveBasis(LATTICE, INF), "plane_wave_shells", "inf"),
    "valley": (lambda: mo.ContinuumModel(mo.parameters.WANG_2023, MODEL.basis, 0), "valley", "0"),
    "field": (lambda: mo.ContinuumModel(mo.parameters.WANG_2023, MODEL.basis, 1, NAN), "displacement_mev", "nan"),
    "huge field": (lambda: mo.ContinuumModel(mo.parameters.WANG_2023, MODEL.basis, 1, 1e300), "displacement_mev", "1e+300"),
    "huge potential": (lambda: user(potential_mev=1e300), "potential_mev", "1e+300"),
    "huge mass": (lambda: user(effective_mass=1e10), "effective_mass", "10000000000.0"),
    "huge tunnelling": (lambda: user(second_tunnelling_mev=-1e7), "second_tunnelling_mev", "-10000000.0"),
    "tiny epsilon": (lambda: coulomb(epsilon_r=1e-300), "epsilon_r", "1e-300"),
    "far gate": (lambda: coulomb(gate_distance_nm=1e300), "gate_distance_nm", "1e+300"),
    "far layers": (lambda: coulomb(layer_distance_nm=1e300), "layer_distance_nm", "1e+300"),
    "huge hopping": (lambda: mo.models.HaldaneModel(0.25, 1e300, 0.0, 0.0, 0.0), "hopping_mev", "1e+300"),
    "no threads": (lambda: mo.solve_bands(MODEL, GRID, 1, n_threads=0), "n_threads", "0"),
    "words as Chern number": (lambda: hall_resistance("two"), "chern", "'two'"),
    "empty group": (lambda: topology_report(MODEL, [[]], (4, 4)), "groups", "[[]]"),
    "negative radius": (lambda: topology_report(MODEL, [[0]], (4, 4), -1), "index_radius", "-1"),
    "no flavour of a width": (lambda: bands(2).width(0, 5), "flavour", "5"),
    "no flavour of a gap": (lambda: bands(2).gap(0, -1), "flavour", "-1"),
    "no bands": (lambda: bands(0), "n_bands", "0"),
    "too many bands": (lambda: bands(15), "n_bands", "15"),
    "half a band": (lambda: bands(1.5), "n_bands", "1.5"),
    "no models": (lambda: mo.solve_bands([], GRID, 1), "models", "empty"),
    "band not kept": (lambda: chern_number(bands(2), [2]), "band_indices", "[2]"),
    "band twice": (lambda: berry_curvature(bands(2), [0, 0]), "band_indices", "[0, 0]"),
    "no band": (lambda: chern_number(bands(2), []), "band_indices", "[]"),
    "flavour": (lambda: chern_number(bands(2), [0], flavour=1), "flavour", "1"),
    "flavour of Kubo": (lambda: berry_curvature(bands(2), [0], flavour=-1), "flavour", "-1"),
    "last gap": (lambda: bands(2).gap(1), "band", "1"),
    "tilted links": (
        lambda: chern_number(bands(grid=mo.MomentumGrid(LATTICE, [[2, 1], [-1, 2]])), [0]), "grid", "5 [[2, 1], [-1, 2]]"
    ),
    "epsilon": (lambda: coulomb(epsilon_r=0), "epsilon_r", "0"),
    "gate distance": (lambda: coulomb(gate_distance_nm=0), "gate_distance_nm", "0"),
    "infinite gate distance": (lambda: coulomb(gate_distance_nm=INF), "gate_distance_nm", "inf"),
    "layer distance": (lambda: coulomb(layer_distance_nm=-0.1), "layer_distance_nm", "-0.1"),
    "gates": (lambda: coulomb(gates="triple"), "gates", "'triple'"),
    "carrier": (lambda: mo.project(bands(), coulomb(), "magnon"), "carrier", "'magnon'"),
    "zero rule": (lambda: mo.project(bands(), coulomb(), zero_momentum="half"), "zero_momentum", "'half'"),
    "bare V(0)": (lambda: mo.project(bands(), coulomb(gates="none"), zero_momentum="keep"), "zero_momentum", "'keep'"),
    "q cutoff": (lambda: mo.project(bands(), coulomb(), q_cutoff=0), "q_cutoff", "0"),
    "infinite q cutoff": (lambda: mo.project(bands(), coulomb(), q_cutoff=INF), "q_cutoff", "inf"),
    "words as filling": (lambda: one_band_filling("two thirds"), "filling", "'two thirds'"),
    "filling by zero": (lambda: one_band_filling((2, 0)), "filling", "(2, 0)"),
    "infinite filling": (lambda: one_band_filling(INF), "filling", "inf"),
    "zero filling": (lambda: one_band_filling((0, 3)), "filling", "0"),
    "filling above one": (lambda: one_band_filling("4/3"), "filling", "4/3"),
    "negative number": (lambda: MomentumSector(Orbitals(GRID), -1, 0), "n_particles", "-1"),
    "too many particles": (lambda: sector_dimensions(Orbitals(GRID), 7), "n_particles", "7"),
    "momentum index": (lambda: MomentumSector(Orbitals(GRID), 2, 6), "momentum", "6"),
    "storage": (lambda: sector_hamiltonian(storage="disk"), "storage", "'disk'"),
    "storage of all": (lambda: mo.solve_all_sectors(problem(), (1, 3), settings=mo.SpectrumSettings(storage="disk")), "storage", "'disk'"),
    "no levels": (lambda: solve_sector(sector_hamiltonian(), 0), "n_eigenstates", "0"),
    "no levels of all": (lambda: mo.solve_all_sectors(problem(), (1, 3), -1), "n_eigenstates", "-1"),
    "tolerance": (lambda: mo.solve_all_sectors(problem(), (1, 3), settings=mo.SpectrumSettings(tolerance_mev=0)), "tolerance_mev", "0"),
    "seed": (lambda: mo.solve_all_sectors(problem(), (1, 3), settings=mo.SpectrumSettings(seed=-1)), "seed", "-1"),
    "no sectors": (lambda: mo.solve_all_sectors(problem(), (1, 3), momenta=[]), "momenta", "empty"),
    "momentum of all": (lambda: mo.solve_all_sectors(problem(), (1, 3), momenta=[(0, 3)]), "momentum", "(0, 3)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_sentence(case):
    call, name, value = CASES[case]
    with pytest.raises(mo.InputError) as failure:
        call()
    sentence = str(failure.value)
    assert re.fullmatch(r"`\w+` must .+, but is .+\.", sentence), sentence
    assert sentence.startswith(f"`{name}` must ")
    assert sentence.endswith(f", but is {value}.")
    assert isinstance(failure.value, ValueError)
    assert isinstance(failure.value, mo.MoireError)


OTHER_SENTENCES = {
    "corner": (lambda: mo.KPath.through(LATTICE, ["gamma", "x"]), "`labels` must be corners .* but hold \\['x'\\]\\."),
    "path": (lambda: bands(1, mo.KPath.through(LATTICE, points_per_segment=1)).grid, "`bands` must be solved on a Mom.*\\."),
    "form factors": (
        lambda: FormFactors.compute(bands(model=NoPlaneWaves()), 1.0), "`bands` must be those of models in plane waves, but .* has no `basis`\\."
    ),
    "states": (lambda: band_structure(energies=np.zeros((1, 6, 1)), states=np.zeros(3)), "`states` must have shape .*\\(3,\\)\\."),
    "energies": (lambda: band_structure(energies=np.zeros((1, 5, 1)), states=np.zeros(3)), "`energies` must have .*5, 1\\)\\."),
    "filling": (
        lambda: carriers_on(mo.MomentumGrid.regular(LATTICE, 2, 5), "-2/3"),
        "`filling` must .* but 2/3 x 10 = 20/3 on 2x5; 3x3, .* would fit\\.",
    ),
    "filling of nothing": (lambda: carriers_on(GRID, (1, 65)), ".*; no cluster of up to 64 cells would fit\\."),
    "set": (lambda: mo.parameters.published("WANG"), "`parameter_set` must be a published set, but is 'WANG'; did you mean 'WANG_2023'\\?"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER_SENTENCES)
def test_sentence_with_advice(case):
    call, pattern = OTHER_SENTENCES[case]
    with pytest.raises(mo.InputError) as failure:
        call()
    assert re.fullmatch(pattern, str(failure.value)), str(failure.value)


def test_vanishing_link_is_refused():
    # Orthogonal neighbours: the same bands with one state replaced by an orthogonal one.
    kept = bands(2, mo.MomentumGrid.regular(LATTICE, 3, 3))
    states = np.zeros_like(kept.states)
    states[..., 0, 0] = 1
    states[:, 4, :] = 0
    states[:, 4, :, 1, 1] = 1
    with pytest.raises(
        mo.InputError, match=r"but the link from grid point \(0, 1\) along b_1 vanishes for bands \(0,\)\."
    ):
        chern_number(replace(kept, states=states), [0])


def test_the_sentence_itself():
    require(True, "x", "be anything", 0)
    with pytest.raises(mo.InputError, match=r"^`x` must be even, but is 3\.$"):
        require(False, "x", "be even", 3)
