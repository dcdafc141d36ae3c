"""Trends of a sweep are drawn against the coordinate that varies."""

import numpy as np
import pytest

from moire.io import Dataset
from moire.report.trend_figures import band_trends, fci_trends
from moire.sweep.collect import Table


def table(**columns) -> Table:
    """Table of points that agree in all coordinates but those given."""
    n_rows = len(next(iter(columns.values())))
    shared = {"parameters": "WANG_2023", "cluster": "3x4", "filling": "-2/3", "epsilon": 10.0}
    shared |= {"boundary_phase_1": 0.0, "boundary_phase_2": 0.0, "D": 0.0, "theta": 3.7}
    shared |= {"gap": 1.0, "splitting": 0.5, "width_0": 9.0, "gap_0_1": 4.0, "chern_0": -1.0}
    filled = {name: np.array([value] * n_rows) for name, value in shared.items()}
    filled |= {name: np.array(values) for name, values in columns.items()}
    return Table({name: Dataset(values, "", ("point",), name) for name, values in filled.items()})


@pytest.mark.parametrize(("axis", "text"), [("theta", "twist angle"), ("D", "field"), ("epsilon", "dielectric")])
def test_the_axis_is_the_coordinate_that_varies(axis, text):
    points = table(**{axis: [5.0, 10.0, 20.0], "gap": [1.0, 2.0, 3.0]})
    (ax,) = fci_trends(points).axes
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [5, 10, 20])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2, 3])
    assert text in ax.get_xlabel()
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == ["gap", "splitting"]


def test_other_coordinates_make_lines():
    points = table(D=[0.0, 4.0, 0.0, 4.0], epsilon=[5.0, 5.0, 10.0, 10.0], gap=[1.0, 2.0, 3.0, 4.0])
    (ax,) = fci_trends(points).axes
    gaps = [line for line in ax.lines if line.get_label().endswith(": gap")]
    np.testing.assert_array_equal([line.get_xdata() for line in gaps], [[0, 4], [0, 4]])
    np.testing.assert_array_equal([line.get_ydata() for line in gaps], [[1, 2], [3, 4]])
    assert all("epsilon" in line.get_label() for line in gaps)
    assert "3x4" in ax.get_title()


def test_bands_along_a_field():
    points = table(D=[0.0, 4.0], width_0=[9.0, 8.0])
    left, right = band_trends(points, points).axes
    np.testing.assert_array_equal(left.lines[0].get_xdata(), [0, 4])
    np.testing.assert_array_equal(right.lines[0].get_xdata(), [0, 4])
    assert "field" in left.get_xlabel()
