"""A problem rebuilt on other bands is the same problem: nothing that went in is forgotten."""

import inspect
from itertools import product

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import PairHamiltonian
from moire.hartree_fock import MeanField
from moire.kernels import overlaps
from moire.observables import at_boundary_phase, fci_report, many_body_chern, spectral_flow
from moire.projection import REFERENCES, ZERO_MOMENTUM_RULES

# two values of every argument of `project`, the default not among them where there are more
OPTIONS = {
    "interaction": [
        mo.ScreenedCoulomb(epsilon_r=7.0, gate_distance_nm=20.0, layer_distance_nm=0.7),
        mo.ScreenedCoulomb(epsilon_r=15.0, gates="single", gate_distance_nm=10.0),
    ],
    "carrier": ["hole", "electron"],
    "q_cutoff": [1.5, 50.0],
    "zero_momentum": list(ZERO_MOMENTUM_RULES),
    "reference": list(REFERENCES),
}


@pytest.fixture(scope="module")
def bands(build_model):
    """The top band on 2x3 at a boundary phase."""
    model = build_model("WANG_2023", 3.7, shells=2, displacement_mev=5.0)
    return mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, (2, 3), (0.2, 0.4)), n_bands=1)


def test_every_argument_of_a_projection_is_varied_here():
    assert ["bands", *OPTIONS] == list(inspect.signature(mo.project).parameters)


@pytest.mark.parametrize(
    ("carrier", "reference"),
    [*((OPTIONS["carrier"][0], reference) for reference in OPTIONS["reference"]), (OPTIONS["carrier"][1], "average")],
)
def test_zero_phase_is_the_same_problem_under_every_option(bands, carrier, reference):
    energies = set()
    for interaction, q_cutoff, rule in product(*(OPTIONS[n] for n in ("interaction", "q_cutoff", "zero_momentum"))):
        problem = mo.project(bands, interaction, carrier, q_cutoff, rule, reference)
        again = at_boundary_phase(problem, (0.0, 0.0))
        assert again.describe() == problem.describe()
        assert again.q_cutoff_asked == problem.q_cutoff_asked == q_cutoff
        one, other = PairHamiltonian.from_problem(problem), PairHamiltonian.from_problem(again)
        np.testing.assert_array_equal(other.one_body, one.one_body)
        np.testing.assert_array_equal(other.blocks, one.blocks)
        assert other.constant == one.constant
        energies.add(round(mo.solve_all_sectors(again, (1, 3), 1).ground_energy, 6))
    assert len(energies) == 12  # every option matters here


def test_the_reference_survives_a_turn(bands, build_model):
    # one whole turn of the phase relabels the momenta; 5 shells leave 1e-8 meV of the edge of the plane waves
    converged = mo.solve_bands(build_model("WANG_2023", 3.7, displacement_mev=5.0), bands.grid, 1)
    problem = mo.project(converged, OPTIONS["interaction"][0], q_cutoff=2.0, reference="average")
    spectrum = mo.solve_all_sectors(problem, (1, 3), 2)
    flow = spectral_flow(problem, (1, 3), 1, n_steps=6)
    rows = [flow.labels.index(label) for label in spectrum.labels]
    np.testing.assert_array_equal(flow.energies[0, rows, 0], spectrum.energies[:, 0])
    assert flow.closure_mev < 1e-6
    forgotten = mo.solve_all_sectors(problem.on_bands(converged, reference="vacuum"), (1, 3), 1)
    assert abs(forgotten.ground_energy - spectrum.ground_energy) > 5


def test_more_plane_waves_get_the_cutoff_that_was_asked_for(bands, build_model):
    problem = mo.project(bands, OPTIONS["interaction"][0], q_cutoff=9.0)
    assert problem.q_cutoff == pytest.approx(4 + 1.7321)  # that of 2 shells
    finer = mo.solve_bands(build_model("WANG_2023", 3.7, shells=4), bands.grid, 1)
    assert problem.on_bands(finer).q_cutoff == 9.0


def test_a_rescaled_mean_field_is_rebuilt_at_its_dielectric_constant(bands):
    problem = mo.project(bands, OPTIONS["interaction"][0], zero_momentum="exchange", reference="average")
    rescaled = MeanField(problem).rescaled(3.0).problem
    again = rescaled.on_bands(bands)
    np.testing.assert_allclose(again.coulomb, rescaled.coulomb, rtol=1e-13)
    assert again.zero_exchange == pytest.approx(rescaled.zero_exchange, rel=1e-13)
    assert again.zero_exchange > 1.5 * problem.zero_exchange


def test_a_given_reference_density_is_refused_before_any_work(bands, monkeypatch):
    given = mo.project(bands, OPTIONS["interaction"][0], reference=np.full((6, 1, 1), 0.5))
    sentence = r"^`reference` must be a name such as 'average' for a problem that is rebuilt on other bands, but is"
    with pytest.raises(mo.InputError, match=sentence):
        at_boundary_phase(given, (0.0, 0.0))
    assert given.on_bands(bands, reference="average").reference == "average"

    def works(*_):
        raise AssertionError

    monkeypatch.setattr(PairHamiltonian, "from_problem", works)
    for call in (
        lambda: spectral_flow(given, (1, 3), 1),
        lambda: many_body_chern(given, (1, 3)),
        lambda: fci_report(given, (1, 3), phase_mesh=None, flux_directions=(1,)),
        lambda: fci_report(given, (1, 3), flux_directions=()),
    ):
        with pytest.raises(mo.InputError, match=sentence):
            call()


def test_the_table_of_two_body_elements_is_built_once_a_spectrum(bands, monkeypatch):
    build, calls = overlaps.two_body, []

    def counted(*arguments):
        calls.append(1)
        return build(*arguments)

    monkeypatch.setattr(overlaps, "two_body", counted)
    problem = mo.project(bands, OPTIONS["interaction"][0], reference="average")
    mo.solve_all_sectors(problem, (1, 3), 1)
    assert len(calls) == 1
