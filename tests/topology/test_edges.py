"""Ribbons: edge modes counted per edge with their direction, against the Chern numbers of the bulk."""

import numpy as np
import pytest

import moire as mo
from moire.models import BreathingKagome, HaldaneModel, KaneMeleModel
from moire.topology.strips.edges import in_gap_modes, polynomial_eigenvalues, strip_spectrum
from moire.topology.strips.ribbons import Ribbon

A = 0.25  # nm
TOPOLOGICAL = KaneMeleModel(A, 1000.0, 150.0, 100.0, 200.0)
TRIVIAL = KaneMeleModel(A, 1000.0, 150.0, 1000.0, 200.0)


def middle_gap(model, n_filled):
    """Middle of the bulk gap and the Chern number of the bands below it."""
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 24, 24), n_filled + 1)
    assert bands.gap(n_filled - 1) > 10
    energy = (bands.energies[0, :, n_filled - 1].max() + bands.energies[0, :, n_filled].min()) / 2
    return energy, mo.topology.chern_number(bands, range(n_filled)).rounded


@pytest.mark.parametrize("edge", ["zigzag", "armchair"])
@pytest.mark.parametrize(
    ("phase", "staggered"), [(90.0, 0.0), (90.0, 300.0), (-90.0, -200.0), (70.0, 100.0), (-110.0, 0.0), (90.0, 1000.0)]
)
def test_haldane_edges_carry_the_chern_number(edge, phase, staggered):
    model = HaldaneModel(A, 1000.0, 150.0, phase, staggered)
    energy, chern = middle_gap(model, 1)
    assert abs(chern) == (staggered < 1000)
    modes = in_gap_modes(Ribbon(model, edge, 30), energy)
    assert (modes.chirality(0), modes.chirality(1)) == (-chern, chern)
    assert modes.count(0) == modes.count(1) == abs(chern)
    assert np.all(modes.localisation > 0.95)


@pytest.mark.parametrize("ratio", [0.9, 1.0, 1.6])
def test_kagome_edges_carry_the_sum_of_chern_numbers(ratio):
    model = BreathingKagome(0.67, 100.0, 100.0 * ratio, 20.0)
    cherns = []
    for n_filled in (1, 2):
        energy, chern = middle_gap(model, n_filled)
        modes = in_gap_modes(Ribbon(model, "trimer", 40), energy)
        assert (modes.chirality(0), modes.chirality(1)) == (-chern, chern)
        cherns.append(chern)
    assert cherns == [1, 1 if ratio < 1.5 else 0]


@pytest.mark.parametrize("edge", ["zigzag", pytest.param("armchair", marks=pytest.mark.slow)])
def test_kane_mele_edges_are_helical_or_absent(edge):
    for energy in (-30.0, 0.0, 40.0):
        modes = in_gap_modes(Ribbon(TOPOLOGICAL, edge, 40), energy)
        for side in (0, 1):
            assert (modes.count(side), modes.chirality(side)) == (2, 0)  # one Kramers pair: Z2 odd
        gapped = in_gap_modes(Ribbon(TRIVIAL, edge, 40), energy)
        assert gapped.count(0) == gapped.count(1) == 0


def test_time_reversed_partners_have_opposite_momenta_and_velocities():
    modes = in_gap_modes(Ribbon(TOPOLOGICAL, "zigzag", 30), 20.0)
    for side in (0, 1):
        q, v = modes.momenta[modes.sides == side], modes.velocities[modes.sides == side]
        assert q.sum() == pytest.approx(0, abs=1e-6)
        assert v.sum() == pytest.approx(0, abs=1e-3)
        assert np.abs(v).min() > 10


def test_spins_of_kane_mele_move_oppositely():
    model = KaneMeleModel(A, 1000.0, 150.0, 100.0)
    for spin in (+1, -1):
        modes = in_gap_modes(Ribbon(model.spin_sector(spin), "zigzag", 30), 10.0)
        assert (modes.chirality(0), modes.chirality(1)) == (spin, -spin)


@pytest.mark.parametrize("energy", [-150.0, 60.0])
def test_roots_agree_with_sign_changes_on_a_mesh(energy):
    ribbon = Ribbon(HaldaneModel(A, 1000.0, 150.0, 80.0, 200.0), "zigzag", 24)
    momenta = np.linspace(0, 2 * np.pi / ribbon.period_nm, 400)
    spectrum = strip_spectrum(ribbon, momenta)
    above = spectrum.energies > energy
    steps, states = np.nonzero(above[1:] != above[:-1])
    flow = np.zeros(2, dtype=int)
    for step, state in zip(steps, states, strict=True):
        side = int(spectrum.weights[1, step, state] > spectrum.weights[0, step, state])
        flow[side] += 1 if above[step + 1, state] else -1
    modes = in_gap_modes(ribbon, energy)
    assert len(steps) == 2
    np.testing.assert_array_equal(flow, [modes.chirality(0), modes.chirality(1)])
    for q in modes.momenta:
        assert np.abs(np.linalg.eigvalsh(ribbon.hamiltonian(q)) - energy).min() < 1e-6


@pytest.mark.parametrize(("edge", "expected"), [("zigzag", 2), ("armchair", 4)])
def test_edge_sites_have_lost_one_bond(edge, expected):
    ribbon = Ribbon(HaldaneModel(A, 1.0, 0.0), edge, 10)
    neighbours = ribbon.hamiltonian(0.0).real.sum(axis=1)  # all bonds count +1 at q = 0
    assert sorted(set(np.round(neighbours).astype(int))) == [2, 3]
    assert np.sum(np.round(neighbours) == 2) == expected


def test_zigzag_graphene_has_its_flat_edge_band():
    """Zero modes for 2 pi/3 < |q| a <= pi only: Fujita et al., J. Phys. Soc. Jpn. 65, 1920 (1996)."""
    ribbon = Ribbon(HaldaneModel(A, 1000.0, 0.0), "zigzag", 60)
    spectrum = strip_spectrum(ribbon, np.array([1.2, 1.9, 2.4, np.pi]) / A)
    zeros = np.sum(np.abs(spectrum.energies) < 1.0, axis=1)
    np.testing.assert_array_equal(zeros, [0, 0, 2, 2])
    assert spectrum.weights.max() == pytest.approx(1, abs=1e-9)


def test_armchair_edge_mode_of_haldane_has_the_exact_velocity():
    """At M = 0, phi = 90 degrees the mode disperses with hbar v = (sqrt3/2) t a, that of the Dirac cone."""
    modes = in_gap_modes(Ribbon(HaldaneModel(A, 1000.0, 100.0), "armchair", 60), 0.0)
    np.testing.assert_allclose(np.abs(modes.velocities), np.sqrt(3) / 2 * 1000 * A, rtol=1e-4)
    np.testing.assert_allclose(modes.momenta, 0, atol=1e-6)


@pytest.mark.parametrize(
    "ribbon", [Ribbon(TOPOLOGICAL, "armchair", 6), Ribbon(BreathingKagome(0.67, 1, 2, 9), "trimer", 6)]
)
def test_ribbon_hamiltonian_is_hermitian_periodic_and_differentiable(ribbon):
    q, step = 1.7, 1e-5
    h = ribbon.hamiltonian(q)
    np.testing.assert_allclose(h, h.conj().T, atol=1e-12)
    np.testing.assert_allclose(ribbon.hamiltonian(q + 2 * np.pi / ribbon.period_nm), h, atol=1e-9)
    slope = (ribbon.hamiltonian(q + step) - ribbon.hamiltonian(q - step)) / (2 * step)
    velocity = ribbon.velocity(q)
    assert np.abs(velocity).max() > 0.1
    np.testing.assert_allclose(velocity, slope, atol=1e-6 * np.abs(velocity).max())


def test_polynomial_eigenvalues_are_the_roots_of_the_determinant():
    rng = np.random.default_rng(3)
    coefficients = rng.normal(size=(4, 3, 3)) + 1j * rng.normal(size=(4, 3, 3))
    roots = polynomial_eigenvalues(coefficients)
    assert len(roots) == 9
    for z in roots:
        values = np.linalg.svd(np.tensordot(z ** np.arange(4), coefficients, axes=1), compute_uv=False)
        assert values[-1] < 1e-9 * values[0]


def test_results_print_and_refuse_to_be_written():
    modes = in_gap_modes(Ribbon(HaldaneModel(A, 1000.0, 150.0), "zigzag", 20), 50.0)
    assert "lower edge: 1 modes, chirality +1" in str(modes)
    with pytest.raises(ValueError, match="read-only"):
        modes.momenta[0] = 0


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: Ribbon(TRIVIAL, "zigzig", 20), "`edge` must .*zigzag"),
        (lambda: Ribbon(TRIVIAL, "zigzag", 3), "`n_cells` must"),
        (lambda: in_gap_modes(Ribbon(TRIVIAL, "zigzag", 8), np.nan), "`energy_mev` must be finite"),
        (lambda: in_gap_modes(Ribbon(TRIVIAL, "zigzag", 8), 1500.0), "`energy_mev` must lie in the gap"),
        (lambda: in_gap_modes(Ribbon(HaldaneModel(A, 1000.0, 150.0), "armchair", 12), 0.0), "just misses a state"),
        (lambda: strip_spectrum(Ribbon(TRIVIAL, "zigzag", 8), [np.inf]), "`momenta` must"),
        (lambda: strip_spectrum(Ribbon(TRIVIAL, "zigzag", 8), [0.0], 33), "`n_states` must"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(act, sentence):
    with pytest.raises(mo.InputError, match=sentence):
        act()
