"""The topology report, its record and its task: every route in one table, and back from the file."""

import numpy as np
import pytest

import moire as mo
from moire.io import read_chern, read_metric_trace, read_record, read_wilson, topology_record, write_record
from moire.report.figures import draw_file
from moire.sweep import ModelPoint, Request, TopologyTask, compute
from moire.topology import topology_report


@pytest.fixture(scope="module")
def report(build_model):
    return topology_report(build_model("WANG_2023", 3.89, shells=4), [(0,), (1,), (0, 1)], (12, 12), index_radius=0.25)


def test_four_routes_and_the_geometry_agree(report):
    assert [group.links.rounded for group in report.groups] == [-1, +1, 0]
    assert all(group.routes_agree for group in report.groups)
    assert [group.z2.value for group in report.groups] == [1, 1, 0]
    assert report.groups[0].geometry.quantum_weight == pytest.approx(1.1856, abs=1e-4)
    assert [(corner, index.rounded) for corner, index in report.indices] == [
        ("gamma", 3),
        ("kappa_+", 1),
        ("kappa_-", 1),
    ]
    assert not report.refusals


def test_the_table_says_it_all(report):
    text = str(report)
    assert "WANG_2023, theta = 3.89 deg" in text
    for word in ("C links", "Wilson", "sigma_F", "Theta[0,1] around kappa_-", "w^2"):
        assert word in text
    assert text.count("yes") == 3


def test_the_record_comes_back(report, build_model, tmp_path):
    grid = mo.MomentumGrid.regular(build_model("WANG_2023", 3.89).lattice, 12, 12)
    write_record(tmp_path / "t.h5", topology_record(report, grid))
    record = read_record(tmp_path / "t.h5")
    for group, chern, loops, trace in zip(
        report.groups, read_chern(record), read_wilson(record), read_metric_trace(record), strict=True
    ):
        assert str(chern) == str(group.links)
        assert str(loops) == str(group.wilson)
        np.testing.assert_array_equal(trace.ravel(), group.geometry.trace)
    assert record["symmetry/c3_eigenvalues"].dtype.kind == "c"
    np.testing.assert_array_equal(record["index/value"], [index.value for _, index in report.indices])


def test_too_small_a_cutoff_costs_the_z2_and_not_the_report():
    point = ModelPoint(parameters=mo.parameters.WANG_2023, twist_deg=3.89, plane_wave_shells=2.0)
    request = Request(point=point, task=TopologyTask(bands=((0,),), mesh=(6, 6), index_radius=0.0))
    request.check()
    outcome = compute(request)
    assert "Z2 of bands [0]: " in outcome.text
    assert outcome.record["summary/chern_0"] == pytest.approx(-1)
    assert np.isnan(outcome.record["summary/z2_0"])


def test_the_figure_of_a_file(tmp_path, report, build_model):
    point = ModelPoint(parameters=mo.parameters.WANG_2023, twist_deg=3.89, plane_wave_shells=4.0)
    request = Request(point=point, task=TopologyTask(bands=((0,),), mesh=(6, 6), index_radius=0.0))
    write_record(tmp_path / "t.h5", compute(request).record)
    assert draw_file(tmp_path / "t.h5", tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
