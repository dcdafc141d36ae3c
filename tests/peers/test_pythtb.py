"""Haldane and Kane-Mele against PythTB: energies, Chern numbers with their sign, and edge spectra."""

import numpy as np
import pytest
import pythtb

import moire as mo
from moire.models import HaldaneModel, KaneMeleModel
from moire.topology.strips.edges import strip_spectrum
from moire.topology.strips.ribbons import Ribbon

pytestmark = pytest.mark.peers

A = 0.25  # nm
B_NEIGHBOURS = [[0, 0], [-1, 0], [-1, -1]]
FRACTIONS = [[0, 0], [2 / 3, 1 / 3]]  # of a_1, a_2, 120 degrees apart


def peer_lattice(model, spins):
    return pythtb.tb_model(2, 2, model.lattice.primitive.tolist(), FRACTIONS, nspin=spins)


def left_turns(model, sublattice):
    """Cells R from which two bonds lead to R = 0 by a left turn, (d_1 x d_2)_z > 0, found by geometry."""
    primitive = model.lattice.primitive
    sign = 1 if sublattice == 0 else -1  # neighbours lie at +delta of A, at -delta of B
    neighbours = sign * (np.array(B_NEIGHBOURS) @ primitive + np.array(FRACTIONS[1]) @ primitive)
    cells = []
    for cell in [[1, 0], [0, 1], [-1, -1], [-1, 0], [0, -1], [1, 1]]:
        start = np.array(cell) @ primitive
        middle = next(n for n in neighbours if np.isclose(np.linalg.norm(n - start), np.linalg.norm(n)))
        first, second = middle - start, -middle
        if first[0] * second[1] - first[1] * second[0] > 0:
            cells.append(cell)
    return cells


def set_turns(peer, model, amplitude):
    for sublattice in (0, 1):
        cells = left_turns(model, sublattice)
        assert len(cells) == 3
        for cell in cells:
            peer.set_hop(amplitude, sublattice, sublattice, cell)


def peer_haldane(model):
    """Written from the definition of Haldane's model, not from `model.hoppings`."""
    peer = peer_lattice(model, 1)
    peer.set_onsite([model.staggered_mev, -model.staggered_mev])
    for cell in B_NEIGHBOURS:
        peer.set_hop(model.hopping_mev, 0, 1, cell)
    set_turns(peer, model, model.second_hopping_mev * np.exp(1j * np.radians(model.phase_deg)))
    return peer


def peer_kane_mele(model):
    peer = peer_lattice(model, 2)
    peer.set_onsite([model.staggered_mev, -model.staggered_mev])
    angles = np.radians([0, 120, 240])  # of delta_1, delta_2, delta_3 from A to B
    for cell, angle in zip(B_NEIGHBOURS, angles, strict=True):
        d_x, d_y = -np.cos(angle), -np.sin(angle)  # from B to A
        rashba = 1j * model.rashba_mev * np.array([0, d_y, -d_x, 0])  # (s x d)_z = s_x d_y - s_y d_x
        peer.set_hop(np.array([model.hopping_mev, 0, 0, 0]) + rashba, 0, 1, cell)
    set_turns(peer, model, np.array([0, 0, 0, 1j * model.spin_orbit_mev]))
    return peer


def peer_chern(peer, occupied):
    array = pythtb.wf_array(peer, [25, 25])
    array.solve_on_grid([0.0, 0.0])
    return array.berry_flux(occupied) / (2 * np.pi)


@pytest.mark.parametrize("phase", [90.0, -60.0])
@pytest.mark.parametrize("staggered", [0.0, 200.0, 900.0])
def test_haldane(phase, staggered):
    model = HaldaneModel(A, 1000.0, 130.0, phase, staggered)
    peer = peer_haldane(model)
    grid = mo.MomentumGrid.regular(model.lattice, 24, 24)
    bands = mo.solve_bands(model, grid, 2)
    np.testing.assert_allclose(bands.energies[0], peer.solve_all(grid.fractional).T, atol=1e-8)
    ours = mo.topology.chern_number(bands, [0]).value
    assert ours == pytest.approx(peer_chern(peer, [0]), abs=1e-8)
    assert abs(round(ours)) == (staggered < 500)


@pytest.mark.parametrize("rashba", [0.0, 120.0])
def test_kane_mele(rashba):
    model = KaneMeleModel(A, 1000.0, 100.0, 150.0, rashba)
    peer = peer_kane_mele(model)
    grid = mo.MomentumGrid.regular(model.lattice, 24, 24)
    bands = mo.solve_bands(model, grid, 4)
    np.testing.assert_allclose(bands.energies[0], peer.solve_all(grid.fractional).T, atol=1e-8)
    assert np.ptp(bands.energies[0, :, 0] - bands.energies[0, :, 1]) > 10  # the spins are split
    assert peer_chern(peer, [0, 1]) == pytest.approx(0, abs=1e-8)
    for spin in (+1, -1):
        sector = KaneMeleModel(A, 1000.0, 100.0, 150.0).spin_sector(spin)
        ours = mo.topology.chern_number(mo.solve_bands(sector, grid, 2), [0]).value
        assert ours == pytest.approx(peer_chern(peer_haldane(sector), [0]), abs=1e-8)
        assert round(ours) == -spin


def test_ribbon_spectrum():
    """PythTB cuts whole cells along a_1; with B taken from the cell before, its edge is the zigzag one."""
    model = HaldaneModel(A, 1000.0, 130.0, 70.0, 200.0)
    peer = pythtb.tb_model(2, 2, model.lattice.primitive.tolist(), [[0, 0], [2 / 3 - 1, 1 / 3]])
    peer.set_onsite([model.staggered_mev, -model.staggered_mev])
    for first, second in B_NEIGHBOURS:
        peer.set_hop(model.hopping_mev, 0, 1, [first + 1, second])
    set_turns(peer, model, model.second_hopping_mev * np.exp(1j * np.radians(model.phase_deg)))
    momenta = np.linspace(0, 1, 9)
    peer_energies = peer.cut_piece(12, 0).solve_all(momenta[:, None]).T
    ours = strip_spectrum(Ribbon(model, "zigzag", 12), momenta * 2 * np.pi / A).energies
    np.testing.assert_allclose(ours, peer_energies, atol=1e-8)
