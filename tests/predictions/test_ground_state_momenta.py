"""Momenta of the manifold of a fractional Chern insulator, against a table and the magnetic translations."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.predictions import expected_momenta
from tests.reference.torus import manifold_momenta
from tests.test_grids import clusters

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)


def test_table_of_expected_momenta(targets):
    rows = targets["fci_momenta"]["rows"]
    assert len(rows) == 12
    for row in rows:
        grid = mo.MomentumGrid.cluster(LATTICE, row["shape"])
        found = expected_momenta(grid, Fraction(*row["filling"]))
        assert [list(label) for label in found] == row["momenta"], row


@given(clusters(max_size=45), st.sampled_from(["1/3", "2/3", "2/5", "3/5", "3/7", "4/7"]))
@settings(max_examples=60)
def test_folding_rule_is_the_representation_of_the_magnetic_translations(grid, text):
    filling = Fraction(text)
    if grid.n_points % filling.denominator == 0:
        assert expected_momenta(grid, filling) == manifold_momenta(grid, filling)
    else:
        assert expected_momenta(grid, filling) is None


@pytest.mark.parametrize("filling", [Fraction(1, 2), Fraction(1, 1), Fraction(1, 5)])
def test_no_prediction(filling):
    assert expected_momenta(mo.MomentumGrid.regular(LATTICE, 3, 4), filling) is None
