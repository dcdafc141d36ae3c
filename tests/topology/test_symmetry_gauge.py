"""Symmetry eigenvalues do not depend on the phases that the eigensolver happens to return."""

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moire.topology import c3_eigenvalues, parities, symmetry

SOLVE = symmetry.extremal_eigenpairs


@given(st.integers(0, 10**6))
@settings(max_examples=5)
def test_random_phases_change_no_eigenvalue(build_model, seed):
    rng, rotated = np.random.default_rng(seed), []

    def in_random_gauge(matrix, n_pairs, largest):
        energies, states = SOLVE(matrix, n_pairs, largest)
        phases = np.exp(2j * np.pi * rng.random(n_pairs))
        rotated.append(np.abs(phases[:, None] * states - states).max())
        return energies, phases[:, None] * states

    model = build_model("WANG_2023", 3.89, shells=4)
    for table in (c3_eigenvalues, parities):
        expected = table(model, 3)
        with mock.patch.object(symmetry, "extremal_eigenpairs", in_random_gauge):
            found = table(model, 3)
        np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-12)
        np.testing.assert_allclose(found.residuals, expected.residuals, atol=1e-12)
        assert found.chern_modulo([0]) == expected.chern_modulo([0])
    assert max(rotated) > 0.05  # the gauge did change
