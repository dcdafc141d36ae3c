"""QuSpin as an independent exact diagonalization: all sectors at once, from the two-body elements."""

import numpy as np
import pytest

import moire as mo
from tests.reference.elements import one_band

basis_module = pytest.importorskip("quspin.basis", reason="the extra `peers` is not installed")
operators = pytest.importorskip("quspin.operators", reason="the extra `peers` is not installed")
pytestmark = pytest.mark.peers


@pytest.mark.parametrize(
    ("shape", "filling", "n_carriers"), [([3, 4], (2, 3), 8), ([2, 5], (2, 5), 4), ([[3, 0], [1, 3]], (1, 3), 3)]
)
def test_every_energy_of_a_small_cluster(build_model, layered_coulomb, shape, filling, n_carriers):
    model = build_model("WANG_2023", 3.7, shells=3, displacement_mev=4.0)
    grid = mo.MomentumGrid.cluster(model.lattice, shape, boundary_phase=(0.2, 0.1))
    problem = mo.project(mo.solve_bands(model, grid, n_bands=1), layered_coulomb, "hole", 2.0)
    elements, levels, n = one_band(problem), problem.one_body[0, :, 0], grid.n_points
    interaction = [
        [elements[k1, k2, d] / 2, k1, k2, int(grid.difference_index[k2, d]), int(grid.sum_index[k1, d])]
        for k1 in range(n)
        for k2 in range(n)
        for d in range(n)
        if k1 != k2 and grid.difference_index[k2, d] != grid.sum_index[k1, d]
    ]
    static = [["n", [[levels[k], k] for k in range(n)]], ["++--", interaction]]
    basis = basis_module.spinless_fermion_basis_general(n, Nf=n_carriers)
    unchecked = {"check_symm": False, "check_herm": False, "check_pcon": False}
    operator = operators.hamiltonian(static, [], basis=basis, dtype=np.complex128, **unchecked)
    theirs = np.linalg.eigvalsh(operator.toarray())
    for particle_hole in (False, True):
        spectrum = mo.solve_all_sectors(
            problem, filling, basis.Ns, settings=mo.SpectrumSettings(particle_hole=particle_hole)
        )
        ours = np.sort(spectrum.energies[np.isfinite(spectrum.energies)])
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert np.ptp(theirs) > 10
