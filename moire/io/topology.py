"""Records of topology reports, and readers of their parts."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._types import checked
from moire.grids import MomentumGrid
from moire.io.bands import chern_record, read_chern
from moire.io.hdf5 import Dataset, Record, text_array
from moire.topology import ChernResult, CurvatureMap, TopologyReport, WilsonLoops


@checked
def topology_record(report: TopologyReport, grid: MomentumGrid) -> Record:
    """Record of a topology report: everything of a ``"chern"`` record, and the results of the other routes.

    Parameters
    ----------
    report
        The report.
    grid
        The mesh of the report.
    """
    groups = report.groups
    area = grid.lattice.zone_area / grid.n_points
    kubo = [CurvatureMap(g.geometry.curvature, area, g.links.band_indices, g.links.flavour) for g in groups]
    each = ("group",)
    datasets = {
        **chern_record(grid, [group.links for group in groups], kubo).datasets,
        "geometry/trace": Dataset(
            np.stack([group.geometry.trace for group in groups]), "nm^2", ("group", "k"), "trace of the quantum metric"
        ),
        "wilson/axis": Dataset(np.array([group.wilson.axis for group in groups]), "", each, "0 along b_1, 1 along b_2"),
        "wilson/chern": Dataset(np.array([g.wilson.chern for g in groups]), "", each, "winding of the summed phase"),
        "wilson/min_singular_value": Dataset(
            np.array([group.wilson.min_singular_value for group in groups]), "", each, "smallest of a link"
        ),
        "wilson/transverse": Dataset(groups[0].wilson.transverse, "b", ("loop",), "momentum of each loop"),
        "z2/value": Dataset(
            np.array([g.z2.value if g.z2 else np.nan for g in groups]), "", each, "Z2 of both valleys, NaN if refused"
        ),
        "symmetry/points": Dataset(text_array(report.symmetry.points), "", ("point",), "momenta kept by C3"),
        "symmetry/c3_eigenvalues": Dataset(report.symmetry.eigenvalues, "", ("point", "band"), "<u|C3|u>"),
        "index/corner": Dataset(
            text_array([corner for corner, _ in report.indices]), "", ("index",), "corner at its centre"
        ),
        "index/bands": Dataset(
            np.array([(i.n, i.m) for _, i in report.indices], dtype=np.int64).reshape(-1, 2),
            "",
            ("index", "nm"),
            "n and m",
        ),
        "index/value": Dataset(
            np.array([i.value for _, i in report.indices]), "", ("index",), "interband index Theta_nm"
        ),
        "index/refusals": Dataset(text_array(list(report.refusals)), "", ("refusal",), "why an index is missing"),
    }
    for row, group in enumerate(groups):
        datasets[f"wilson/phases/{row}"] = Dataset(group.wilson.phases, "rad", ("loop", "band"), "Wilson loop phases")
    return Record("topology", datasets)


@checked
def read_wilson(record: Record) -> tuple[WilsonLoops, ...]:
    """Wilson loops of every group from a ``"topology"`` record."""
    shape = record["chern/flux"].shape
    return tuple(
        WilsonLoops(
            read_only(record[f"wilson/phases/{row}"]),
            read_only(record["wilson/transverse"]),
            int(record["wilson/axis"][row]),
            float(record["wilson/min_singular_value"][row]),
            tuple(json.loads(bands)),
            0,
            (shape[1], shape[2]),
        )
        for row, bands in enumerate(record["chern/bands"])
    )


@checked
def read_metric_trace(record: Record) -> FloatArray:
    """Trace of the quantum metric in nm^2 from a ``"topology"`` record, (group, n1, n2)."""
    return np.asarray(record["geometry/trace"]).reshape(record["chern/flux"].shape)


class StoredTopology(NamedTuple):
    """What a ``"topology"`` file holds of every group of bands."""

    chern: tuple[ChernResult, ...]
    metric_trace: FloatArray
    wilson: tuple[WilsonLoops, ...]


@checked
def read_topology(record: Record) -> StoredTopology:
    """Chern numbers, trace of the metric and Wilson loops from a ``"topology"`` record."""
    return StoredTopology(read_chern(record), read_metric_trace(record), read_wilson(record))
