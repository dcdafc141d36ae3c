import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.form_factors import FormFactors, Transfers
from tests.reference.overlaps import layer_overlap


@pytest.fixture(scope="module")
def bands(build_model):
    """Both valleys, two bands, a tilted cluster, boundary phase and field: nothing special."""
    models = [build_model("WANG_2023", 3.7, shells=2, valley=v, displacement_mev=5.0) for v in (+1, -1)]
    grid = mo.MomentumGrid.cluster(models[0].lattice, [[2, 1], [-1, 2]], boundary_phase=(0.3, 0.1))
    return mo.solve_bands(models, grid, n_bands=2)


@pytest.fixture(scope="module")
def form(bands):
    return FormFactors.compute(bands, 2.0)


def test_against_the_loop_reference(bands, form):
    transfers, grid = form.transfers, bands.grid
    rng = np.random.default_rng(0)
    seen_umklapp = 0
    for _ in range(40):
        flavour, m, n = rng.integers(2, size=3)
        q, k = rng.integers(transfers.size), rng.integers(grid.n_points)
        vector = transfers.vectors[q]
        target = grid.sum_index[k, transfers.group_index[q]]
        expected = layer_overlap(bands, flavour, k, m, target, n, vector)
        np.testing.assert_allclose(form.values[flavour, q, k, m, n], expected, atol=1e-12)
        seen_umklapp += np.linalg.norm(grid.points[k] + vector - grid.points[target]) > 1e-6 and np.any(expected)
    assert seen_umklapp > 10


def test_overlaps_vanish_for_any_other_final_momentum(bands, form):
    q = form.transfers.zero + 1
    target = bands.grid.sum_index[0, form.transfers.group_index[q]]
    for k_prime in range(bands.grid.n_points):
        overlap = layer_overlap(bands, 0, 0, 0, k_prime, 0, form.transfers.vectors[q])
        assert np.any(overlap) == (k_prime == target)


def test_transfers_are_a_disk_closed_under_minus(form):
    t = form.transfers
    np.testing.assert_allclose(t.vectors[t.minus], -t.vectors, atol=1e-12)
    np.testing.assert_array_equal(t.minus[t.minus], np.arange(t.size))
    assert np.linalg.norm(t.vectors[t.zero]) == 0
    lattice = t.grid.lattice
    assert np.linalg.norm(t.vectors, axis=1).max() <= 2 * lattice.reciprocal_length * (1 + 1e-8)
    # Density of points: N_s per zone, pi (2 |G_1|)^2 of area, to the surface of a small disk.
    expected = np.pi * 4 * lattice.reciprocal_length**2 * t.grid.n_points / lattice.zone_area
    assert t.size == pytest.approx(expected, rel=0.1)
    folded = t.grid.fractional[t.group_index] + t.reciprocal
    np.testing.assert_allclose(folded @ lattice.reciprocal, t.vectors, atol=1e-12)


def test_hermiticity(bands, form):
    t, grid = form.transfers, bands.grid
    for q in range(t.size):
        ahead = grid.sum_index[:, t.group_index[q]]
        back = form.values[:, t.minus[q]][:, ahead]  # lambda_{-q}(k + q)
        np.testing.assert_allclose(back, form.values[:, q].conj().swapaxes(2, 3), atol=1e-13)


def test_normalisation_at_zero(form):
    at_zero = form.values[:, form.transfers.zero]
    total = at_zero.sum(axis=-1)
    np.testing.assert_allclose(total, np.broadcast_to(np.eye(2), total.shape), atol=1e-12)
    diagonal = np.einsum("fknnl->fknl", at_zero)
    assert np.abs(diagonal.imag).max() < 1e-13
    assert 0 <= diagonal.real.min() < diagonal.real.max() <= 1
    assert np.abs(form.values.sum(axis=-1)).max() <= 1 + 1e-12


def test_sum_rule(build_model):
    # Over all bands n, sum_n |lambda_q^mn(k)|^2 is the norm of the shifted state that stays in the disk: one inside.
    model = build_model("WANG_2023", 3.7, shells=2)
    grid = mo.MomentumGrid.regular(model.lattice, 2, 2)
    bands = mo.solve_bands(model, grid, n_bands=2 * model.basis.size)
    form = FormFactors.compute(bands, 1.0)
    sums = np.sum(np.abs(form.values.sum(axis=-1)[0]) ** 2, axis=-1)  # (q, k, m)
    umklapp = grid.umklapp[:, form.transfers.group_index].swapaxes(0, 1) + form.transfers.reciprocal[:, None]
    inside = ~umklapp.any(axis=-1)
    np.testing.assert_allclose(sums[inside], 1, atol=1e-12)
    assert np.all(sums <= 1 + 1e-12)
    for q, k in zip(*np.nonzero(~inside), strict=True):
        # c_g(k) with g + G in the disk: the source index of every plane wave that has a partner.
        stays = model.basis.shift(umklapp[q, k]) >= 0
        expected = np.sum(np.abs(bands.states[0, k][:, :, stays]) ** 2, axis=(1, 2))
        np.testing.assert_allclose(sums[q, k], expected, atol=1e-12)
    assert inside.sum() < inside.size


@given(st.integers(0, 10**6))
@settings(max_examples=6)
def test_gauge_covariance(bands, form, seed):
    rng = np.random.default_rng(seed)
    shape = (2, bands.grid.n_points, 2, 2)
    u = np.linalg.qr(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))[0]
    states = np.einsum("fkan,fknlg->fkalg", u, bands.states)
    rotated = FormFactors.compute(dataclasses.replace(bands, states=states), 2.0)
    ahead = bands.grid.sum_index[:, form.transfers.group_index].T  # (q, k)
    expected = np.einsum("fkam,fqkmnl,fqkbn->fqkabl", u.conj(), form.values, u[:, ahead])
    np.testing.assert_allclose(rotated.values, expected, atol=1e-12)


def test_boundary_twist_cancels_in_the_transfers():
    lattice = mo.MoireLattice.from_twist(3.0, 0.352)
    plain, twisted = (Transfers(mo.MomentumGrid.regular(lattice, 3, 4, t), 2.0) for t in ((0, 0), (0.4, 0.9)))
    np.testing.assert_array_equal(plain.vectors, twisted.vectors)
