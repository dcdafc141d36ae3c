"""Lattice reconstruction against perturbation theory, finite differences, symmetry and limits."""

import numpy as np
import pytest

import moire as mo
from moire.continuum import harmonic_table
from moire.continuum.symmetry import asymmetry
from moire.errors import InputError
from moire.relaxation import ElasticModuli, StackingEnergy, first_order, relax, relaxed_table
from moire.relaxation.relax import cell_points, stacking_momenta

MODULI = ElasticModuli(lame_lambda=1.5e5, shear=2.8e5, source="assumed, of the size of a transition-metal layer")
STACKING = StackingEnergy(coefficients=(84.0, -14.0, 19.0), source="assumed")
WU = mo.parameters.WU_2019
ROTATION = np.array([[-0.5, -np.sqrt(3) / 2], [np.sqrt(3) / 2, -0.5]])


def lattice_at(twist_deg):
    return mo.MoireLattice.from_twist(twist_deg, WU.lattice_constant_nm)


def scaled(factor):
    return StackingEnergy(coefficients=tuple(factor * c for c in STACKING.coefficients), source="assumed")


def energy_by_hand(lattice, displacement, stacking=STACKING, moduli=MODULI, n=60):
    """Elastic and stacking energy of any displacement by derivatives on a grid."""
    step = 1e-5
    points = cell_points(lattice, n).reshape(-1, 2)
    slopes = [(displacement(points + step * e) - displacement(points - step * e)) / (2 * step) for e in np.eye(2)]
    gradient = np.stack(slopes, axis=1)  # (point, derivative, component)
    strain = (gradient + gradient.transpose(0, 2, 1)) / 2
    divergence = np.trace(gradient, axis1=1, axis2=2)
    elastic = (moduli.lame_lambda * divergence**2 + 2 * moduli.shear * np.sum(strain**2, axis=(1, 2))) / 4
    terms = stacking.vectors @ lattice.reciprocal
    phases = points @ terms.T + displacement(points) @ stacking_momenta(lattice, terms).T
    return float(np.mean(elastic)), float(np.mean(np.cos(phases) @ stacking.amplitudes))


@pytest.fixture(scope="module")
def relaxed():
    return relax(lattice_at(2.0), STACKING, MODULI, shells=6)


def test_a_weak_stacking_energy_gives_first_order():
    lattice, weak = lattice_at(3.0), scaled(1e-4)
    found = relax(lattice, weak, MODULI, shells=4)
    vectors, expected = first_order(lattice, weak, MODULI)
    place = {tuple(vector): i for i, vector in enumerate(found.vectors.tolist())}
    for vector, amplitude in zip(vectors.tolist(), expected, strict=True):
        sign = 1 if tuple(vector) in place else -1
        i = place[tuple(vector) if sign > 0 else (-vector[0], -vector[1])]
        np.testing.assert_allclose(sign * found.amplitudes[i], amplitude, rtol=2e-3, atol=1e-9)


def test_no_stacking_energy_leaves_the_layers_rigid():
    found = relax(lattice_at(2.0), scaled(0.0), MODULI)
    assert np.abs(found.amplitudes).max() == 0
    assert found.energy == found.elastic_energy == 0


def test_the_energy_is_that_of_its_definition(relaxed):
    elastic, stacking = energy_by_hand(relaxed.lattice, relaxed.displacement)
    assert relaxed.elastic_energy == pytest.approx(elastic, rel=1e-6)
    assert relaxed.energy == pytest.approx(elastic + stacking, rel=1e-6)
    assert relaxed.energy < relaxed.rigid_energy - 50
    assert relaxed.converged


@pytest.mark.parametrize("direction", [0, 1, 2])
def test_it_is_a_minimum(relaxed, direction):
    """No sine or cosine of any direction lowers the energy, and its slope vanishes."""
    momentum = relaxed.lattice.reciprocal[0] if direction < 2 else relaxed.lattice.reciprocal.sum(axis=0)
    step = np.eye(2)[direction % 2]

    def energy(size, wave):
        def displaced(points):
            return relaxed.displacement(points) + size * wave(points @ momentum)[:, None] * step

        return sum(energy_by_hand(relaxed.lattice, displaced))

    for wave in (np.sin, np.cos):
        plus, zero, minus = (energy(size, wave) for size in (1e-3, 0, -1e-3))
        curvature = plus + minus - 2 * zero
        assert curvature > 0
        assert abs(plus - minus) < 1e-3 * curvature


def test_the_displacement_has_threefold_symmetry_and_hardly_compresses(relaxed):
    points = np.random.default_rng(1).uniform(-5, 5, (20, 2))
    turned = relaxed.displacement(points @ ROTATION.T)
    np.testing.assert_allclose(turned, relaxed.displacement(points) @ ROTATION.T, atol=1e-6)
    compression = np.abs(np.sum(relaxed.momenta * relaxed.amplitudes, axis=1))
    sizes = np.linalg.norm(relaxed.momenta, axis=1) * np.linalg.norm(relaxed.amplitudes, axis=1)
    assert compression.max() < 0.02 * sizes.max()  # none to first order


def test_more_harmonics_change_little_and_small_angles_make_domains():
    few, many = (relax(lattice_at(1.0), STACKING, MODULI, shells=shells) for shells in (6, 9))
    assert abs(many.energy - few.energy) < 5e-3 * abs(many.energy)
    assert many.energy < few.energy
    assert many.residual < few.residual
    below_all = -np.abs(STACKING.amplitudes).sum()
    energies = [relax(lattice_at(twist), STACKING, MODULI, shells=6).energy for twist in (3.0, 1.5, 0.7)]
    assert 0 > energies[0] > energies[1] > energies[2] > below_all


def test_a_model_at_the_rigid_stacking_is_unchanged():
    rigid = relax(lattice_at(3.0), scaled(0.0), MODULI)
    before, after = harmonic_table(WU), relaxed_table(harmonic_table(WU), rigid)
    amplitudes = {(r.transfer, r.to, r.source, r.powers): r.amplitude_mev for r in before.rows}
    kept = [row for row in after.rows if abs(row.amplitude_mev) > 1e-12]
    assert len(kept) == len(before.rows)
    for row in kept:
        assert row.amplitude_mev == pytest.approx(amplitudes[row.transfer, row.to, row.source, row.powers])


def test_the_potential_of_a_relaxed_model_is_that_at_the_displaced_stacking(relaxed):
    table = relaxed_table(harmonic_table(WU), relaxed, shells=14)
    assert asymmetry(table) < 1e-5
    points = np.random.default_rng(2).uniform(-5, 5, (10, 2))
    momenta = np.array([row.transfer for row in table.rows]) @ relaxed.lattice.reciprocal
    in_b = np.array([row.to == row.source == 0 and row.powers == (0, 0) for row in table.rows])
    amplitudes = np.array([row.amplitude_mev for row in table.rows])
    found = (np.exp(1j * points @ momenta[in_b].T) @ amplitudes[in_b]).real
    first = np.array([[1, 0], [-1, 1], [0, -1]]) @ relaxed.lattice.reciprocal
    phases = points @ first.T + relaxed.displacement(points) @ stacking_momenta(relaxed.lattice, first).T
    expected = 2 * WU.potential_mev * np.cos(phases + np.radians(WU.potential_phase_deg)).sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_relaxed_bands_differ_and_keep_their_chern_number(relaxed):
    chern = []
    for table in (harmonic_table(WU), relaxed_table(harmonic_table(WU), relaxed)):
        model = mo.ContinuumModel(table, mo.PlaneWaveBasis(relaxed.lattice, 5))
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(relaxed.lattice, 9, 9), 2)
        chern.append((round(mo.topology.chern_number(bands, [0]).value), bands.width(0)))
    assert chern[0][0] == chern[1][0] == -1
    assert abs(chern[0][1] - chern[1][1]) > 0.1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ElasticModuli(lame_lambda=1.0, shear=0.0, source=""), "`shear` must be positive"),
        (lambda: ElasticModuli(lame_lambda=-3.0, shear=2.0, source=""), "`lame_lambda` must be above minus the shear"),
        (lambda: StackingEnergy(coefficients=(), source=""), "`coefficients` must be one to three numbers, but are 0"),
        (lambda: StackingEnergy(coefficients=(np.nan,), source=""), "`coefficients` must be finite"),
        (lambda: relax(lattice_at(2.0), STACKING, MODULI, shells=1), "`shells` must be at least 2"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
