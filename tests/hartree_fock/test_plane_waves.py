"""Hartree-Fock in plane waves: equal to all bands, to a sum over momenta by hand, and to itself on other routes."""

import numpy as np
import pytest

import moire as mo
from moire.errors import InputError
from moire.hartree_fock import MeanField, ScfSettings, solve_hartree_fock, transferred
from moire.hartree_fock.blocks import Block
from moire.hartree_fock.convolution import Convolution, wave_pairs

WANG = mo.parameters.WANG_2023
LATTICE = mo.MoireLattice.from_twist(3.89, WANG.lattice_constant_nm)
COULOMB = mo.ScreenedCoulomb(epsilon_r=12, layer_distance_nm=0.7)


def problems(cluster, carrier="hole", shells=1, displacement=8.0, phase=(0.0, 0.0), rule="exchange", cutoff=2.5):
    """The same problem in all bands, and in plane waves."""
    basis = mo.PlaneWaveBasis(LATTICE, shells)
    models = [mo.ContinuumModel(WANG, basis, valley, displacement_mev=displacement) for valley in (1, -1)]
    grid = mo.MomentumGrid.cluster(LATTICE, cluster, phase)
    bands = mo.solve_bands(models, grid, 2 * basis.size)
    waves = mo.plane_wave_orbitals(models, grid)
    return [mo.project(orbitals, COULOMB, carrier, cutoff, rule) for orbitals in (bands, waves)]


def random_density(mean_field, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((*mean_field.shape, 2)).view(complex)[..., 0]
    return noise + noise.conj().swapaxes(1, 2)


@pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
@pytest.mark.parametrize(
    ("cluster", "carrier", "supercell", "boost", "phase"),
    [
        ([3, 2], "hole", None, None, (0.0, 0.0)),
        ([3, 2], "electron", None, None, (0.0, 0.0)),
        ([[2, 1], [-1, 3]], "hole", None, (0, 1), (0.3, 0.1)),
        ([3, 3], "hole", "sqrt3", None, (0.0, 0.0)),
        ([3, 3], "hole", "sqrt3", "+Q", (0.0, 0.0)),
    ],
)
def test_self_energies_are_those_of_all_bands(cluster, carrier, supercell, boost, phase):
    projected, full = problems(cluster, carrier, phase=phase)
    bands, waves = (MeanField(problem, supercell, boost) for problem in (projected, full))
    density = random_density(bands)
    moved = transferred(density, bands, waves)
    assert np.linalg.norm(moved - density) > 1
    for name in ("hartree", "fock", "__call__"):
        expected = transferred(getattr(bands, name)(density), bands, waves)
        assert np.abs(getattr(waves, name)(moved) - expected).max() < 1e-9, name
    assert waves.energy(moved) == pytest.approx(bands.energy(density), rel=1e-12)


def test_exchange_is_the_sum_over_momenta():
    """F_ab(p, p + D) = sum_p' V_ab(p' - p)/A P_ab(p', p' + D), element by element."""
    _, full = problems([2, 3], rule="drop")
    waves, n_k = full.bands.models[0].basis.vectors, full.grid.n_points
    n_g, rng = len(waves), np.random.default_rng(1)
    density = rng.standard_normal((n_k, 2 * n_g, 2 * n_g, 2)).view(complex)[..., 0]
    block = Block(0, 1, 0)
    found = Convolution(full, (block,))({block: density})[block]
    momenta = full.grid.points[:, None] + (waves @ LATTICE.reciprocal)[None]  # (k, G, 2)
    area = full.area_nm2
    reach = full.q_cutoff * LATTICE.reciprocal_length * (1 + 1e-9)
    for k, g, h, a, b in [(0, 0, 0, 0, 0), (4, 2, 6, 0, 1), (5, 3, 1, 1, 1), (1, 5, 5, 1, 0)]:
        expected = 0j
        for k2 in range(n_k):
            for g2 in range(n_g):
                partner = full.bands.models[0].basis.positions(waves[g2] + waves[h] - waves[g])
                q = np.linalg.norm(momenta[k2, g2] - momenta[k, g])
                if partner >= 0 and 1e-9 < q <= reach:
                    expected += COULOMB(q)[a, b] / area * density[k2, a * n_g + g2, b * n_g + int(partner)]
        assert found[k, a * n_g + g, b * n_g + h] == pytest.approx(expected, abs=1e-12)


def test_pairs_are_listed_once():
    _, full = problems([2, 3])
    n_g = full.bands.models[0].basis.size
    for shift in (0, 4):
        base = np.concatenate([pairs.base for pairs in wave_pairs(full, shift, half=False)])
        assert len(np.unique(base)) == len(base) == full.grid.n_points * n_g**2


@pytest.mark.filterwarnings("ignore::moire.errors.CutoffWarning")
def test_states_are_those_of_all_bands():
    projected, full = problems([3, 3])
    settings = ScfSettings(tolerance_mev=1e-8)
    for guess in ("AFMxy", "AFMz"):
        bands, waves = (solve_hartree_fock(problem, 2, guess, settings=settings) for problem in (projected, full))
        assert bands.converged
        assert waves.converged
        assert waves.energy.total == pytest.approx(bands.energy.total, abs=1e-9)
        assert waves.gap == pytest.approx(bands.gap, abs=1e-6)
        assert waves.moments.layer_polarisation == pytest.approx(bands.moments.layer_polarisation, abs=1e-6)


@pytest.mark.slow
def test_full_space_at_zero_field():
    """37 waves a layer on 6x6: the energy and the gap of an independent program that transforms on a padded grid."""
    basis = mo.PlaneWaveBasis(LATTICE, 3)
    models = [mo.ContinuumModel(WANG, basis, valley) for valley in (1, -1)]
    grid = mo.MomentumGrid.regular(LATTICE, 6, 6)
    interaction = mo.ScreenedCoulomb(epsilon_r=20, layer_distance_nm=0.7)
    problem = mo.project(mo.plane_wave_orbitals(models, grid), interaction, "hole", 2.5, "exchange")
    state = solve_hartree_fock(problem, 2, "AFMxy")
    assert state.converged
    assert state.energy.total == pytest.approx(-129.7169, abs=2e-4)
    assert state.gap == pytest.approx(56.11, abs=5e-3)


def test_plane_waves_do_not_serve_exact_diagonalization():
    _, full = problems([2, 1])
    with pytest.raises(InputError, match="plane waves"):
        mo.solve_all_sectors(full, (1, 2))
