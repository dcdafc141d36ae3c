"""Fits recover the models whose bands they are given, with errors that mean something."""

from dataclasses import replace

import numpy as np
import pytest

import moire as mo
from moire.continuum import Harmonic, HarmonicTable, harmonic_table
from moire.continuum.symmetry import symmetric_components, with_amplitudes
from moire.errors import InputError
from moire.fitting import components_of, fit_continuum
from moire.fitting.problem import LinearBands
from moire.fitting.terms import values_of
from moire.parameters import DEVAKUL_2021, WANG_2023, XU_2024

TRUE = {"m*": 0.60, "V": 20.8, "phi": -107.7, "w": -23.8}


def lattice_of(parameters, twist_deg=3.89):
    return mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)


def bands_of(parameters, n_bands=3, noise=0.0, seed=1, shells=3, twist_deg=3.89):
    """Energies along a path at a zero of energy of their own, and its momenta."""
    lattice = lattice_of(parameters, twist_deg)
    path = mo.KPath.through(lattice, points_per_segment=6)
    model = mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, shells))
    energies = mo.solve_bands(model, path, n_bands).energies[0] + 5.0
    energies = energies + noise * np.random.default_rng(seed).standard_normal(energies.shape)
    return np.sort(energies, axis=1)[:, ::-1], path.points, lattice


@pytest.fixture(scope="module")
def exact():
    energies, momenta, lattice = bands_of(WANG_2023)
    return fit_continuum(energies, momenta, lattice, chern=-1, plane_wave_shells=3)


def test_bands_without_noise_give_their_parameters(exact):
    for name, value in TRUE.items():
        assert exact[name] == pytest.approx(value, abs=1e-5)
    assert exact.offset_mev == pytest.approx(5.0, abs=1e-6)
    assert exact.rms_mev.max() < 1e-6
    assert exact.converged
    assert exact.parameters.lattice_constant_nm == pytest.approx(0.352)
    assert exact.parameters.tunnelling_mev == exact["w"]


def test_two_harmonics_of_another_set():
    energies, momenta, lattice = bands_of(XU_2024, n_bands=5, twist_deg=2.5)
    terms = ("mass", "V", "w", "V2", "w2")
    start = replace(XU_2024, potential_mev=4.0, tunnelling_mev=-8.0, second_potential_mev=0.0, effective_mass=0.7)
    found = fit_continuum(energies, momenta, lattice, terms=terms, start=start, chern=-1, plane_wave_shells=3)
    for name, value in {"m*": 0.6, "V": 2.4, "phi": -90.0, "w": -5.8, "V2": 1.0, "w2": 2.8}.items():
        assert found[name] == pytest.approx(value, abs=1e-4)


def test_errors_cover_the_truth_over_noise():
    """Deviations in units of their errors are normal: 12 fits of four numbers."""
    pulls = []
    for seed in range(12):
        energies, momenta, lattice = bands_of(WANG_2023, noise=0.5, seed=seed, shells=2)
        found = fit_continuum(energies, momenta, lattice, start=WANG_2023, plane_wave_shells=2)
        pulls.append([(found[name] - value) / found.errors[found.names.index(name)] for name, value in TRUE.items()])
    assert 0.7 < np.std(pulls) < 1.3
    assert np.abs(np.mean(pulls, axis=0)).max() < 4 / np.sqrt(12)


def test_known_errors_weigh_the_energies():
    energies, momenta, lattice = bands_of(WANG_2023)
    energies[0, 0] += 50.0
    errors = np.full(energies.shape, 0.1)
    errors[0, 0] = 1e6
    found = fit_continuum(energies, momenta, lattice, start=WANG_2023, errors_mev=errors, plane_wave_shells=3)
    assert found["V"] == pytest.approx(20.8, abs=1e-3)
    left_out = np.where(errors > 1, np.nan, energies)
    same = fit_continuum(left_out, momenta, lattice, start=WANG_2023, errors_mev=0.1, plane_wave_shells=3)
    np.testing.assert_allclose(same.values, found.values, atol=1e-4)
    np.testing.assert_allclose(same.errors, found.errors, rtol=1e-3)
    assert np.isnan(same.residuals[0, 0])


def test_derivatives_are_those_of_the_energies():
    energies, momenta, lattice = bands_of(WANG_2023)
    parts = components_of(("mass", "V", "w", "V2", "w2"))
    bands = LinearBands(parts, mo.PlaneWaveBasis(lattice, 3), momenta[1:4] + 0.03, energies.shape[1])
    x = values_of(WANG_2023, parts)
    slopes = bands.slopes(bands.solve(x)[1])
    for j in range(len(parts)):
        step = 1e-4 * np.eye(len(parts))[j]
        numeric = (bands.solve(x + step)[0] - bands.solve(x - step)[0]) / 2e-4
        np.testing.assert_allclose(slopes[..., j], numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("chern", "sign"), [(-1, -1), (1, 1), (None, -1)])
def test_the_chern_number_fixes_the_sign_of_phi(chern, sign):
    energies, momenta, lattice = bands_of(WANG_2023)
    found = fit_continuum(energies, momenta, lattice, start=WANG_2023, chern=chern, plane_wave_shells=3)
    assert np.sign(found["phi"]) == sign
    assert ("no energy" in found.sign.lower()) == (chern is None)


def test_the_sign_of_tunnelling_is_a_choice():
    energies, momenta, lattice = bands_of(DEVAKUL_2021)  # w > 0
    found = fit_continuum(energies, momenta, lattice, start=DEVAKUL_2021, plane_wave_shells=3)
    assert found["w"] == pytest.approx(-18.0, abs=1e-4)
    assert found["phi"] == pytest.approx(-128.0, abs=1e-3)


def test_what_energies_do_not_determine_is_said():
    energies, momenta, lattice = bands_of(WANG_2023, n_bands=1)
    parts = components_of(("mass", "V", "w"))
    doubled = [*parts, type(parts[0])("twin of w", parts[-1].rows)]
    start = np.append(values_of(WANG_2023, parts), 0.0)
    found = fit_continuum(energies, momenta, lattice, components=doubled, start=start, plane_wave_shells=3)
    assert len(found.undetermined) == 1
    assert "twin of w" in found.undetermined[0]
    assert "Not determined by these energies" in str(found)


def test_any_harmonics_may_be_fitted():
    lattice = lattice_of(WANG_2023)
    parts = components_of(("mass", "V", "w"))
    extra = symmetric_components(Harmonic((2, 0), 0, 0, 1.0), "third")
    truth = [*values_of(WANG_2023, parts), 1.5, -0.7]
    table = with_amplitudes([*parts, *extra], truth, "with a third shell")
    energies, momenta, _ = bands_of(WANG_2023)
    model = mo.ContinuumModel(table, mo.PlaneWaveBasis(lattice, 3))
    energies = np.stack([np.linalg.eigvalsh(model.hamiltonian(k))[::-1][:4] for k in momenta])
    start = [*values_of(WANG_2023, parts), 0.1, -0.1]
    found = fit_continuum(energies, momenta, lattice, components=[*parts, *extra], start=start, plane_wave_shells=3)
    np.testing.assert_allclose(found.values, truth, atol=1e-4)
    assert found.parameters is None
    assert isinstance(found.table, HarmonicTable)


def test_a_simpler_model_leaves_residuals(exact):
    energies, momenta, lattice = bands_of(XU_2024, n_bands=3, twist_deg=2.5)
    found = fit_continuum(energies, momenta, lattice, start=XU_2024, plane_wave_shells=3)
    assert found.rms_mev.max() > 0.2
    assert exact.rms_mev.max() < 1e-6


def test_the_table_of_a_fit_is_the_model(exact):
    expected = {(r.transfer, r.to, r.source, r.powers): r.amplitude_mev for r in harmonic_table(exact.parameters).rows}
    for row in exact.table.rows:
        key = (row.transfer, row.to, row.source, row.powers)
        assert row.amplitude_mev == pytest.approx(expected[key], abs=1e-9)


ENERGIES, MOMENTA, LATTICE = bands_of(WANG_2023, shells=2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"energies": ENERGIES / 1000}, r"`energies` must be in meV, of the size of .* meV, .*, but span 0\.07"),
        ({"energies": ENERGIES[:, ::-1]}, "`energies` must have the top band first at every momentum"),
        (
            {"energies": ENERGIES[:1, :2], "momenta": MOMENTA[:1]},
            "`energies` must be more numbers than the 5 parameters",
        ),
        ({"energies": ENERGIES[0]}, r"`energies` must have shape \(k, band\), but have shape \(3,\)"),
        ({"momenta": MOMENTA[:3]}, r"`momenta` must have shape \(25, 2\), but have shape \(3, 2\)"),
        ({"terms": ("V", "w")}, "`terms` must hold the mass, and each term once"),
        ({"terms": ("mass", "v")}, "`terms` must be of mass, V, w, V2, w2, but has 'v'; did you mean 'V'"),
        ({"errors_mev": 0.0}, "`errors_mev` must be positive, but have the minimum 0"),
        ({"start": [1.0]}, r"`start` must have 4 values, but has shape \(1,\)"),
        ({"components": components_of(("mass",))}, "`start` must be given with `components`"),
        ({"start": WANG_2023, "chern": 3}, "`chern` must be .* but is 3"),
    ],
)
def test_wrong_input_is_one_sentence(change, sentence):
    given = {"energies": ENERGIES, "momenta": MOMENTA, "lattice": LATTICE, "plane_wave_shells": 2} | change
    with pytest.raises(InputError, match=sentence):
        fit_continuum(**given)
