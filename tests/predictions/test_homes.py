"""Predictions have one home, and are still found where they were."""

import pytest

from moire import exact_diagonalization, filling, observables, predictions


@pytest.mark.parametrize(
    ("former", "home", "names"),
    [
        (exact_diagonalization, predictions, ["CompositeFermiSeas", "composite_fermi_seas", "expected_momenta"]),
        (exact_diagonalization, filling, ["one_band_filling"]),
        (observables, predictions, ["quasihole_counts", "tower_momenta"]),
    ],
)
def test_former_names_are_the_same_objects(former, home, names):
    for name in names:
        assert name in former.__all__
        assert getattr(former, name) is getattr(home, name)
        assert getattr(home, name).__module__.startswith(home.__name__)
