"""Topology of bands: Chern numbers by independent routes, quantum geometry, Wilson loops, Z2."""

from moire.topology.berry import ChernResult, chern_number
from moire.topology.geometry import QuantumGeometry, metric_from_links, quantum_geometry
from moire.topology.isolation import DirectGap, check_isolated, minimise_direct_gap, smallest_direct_gap
from moire.topology.kubo import CurvatureMap, berry_curvature, covariant_derivatives
from moire.topology.refine import ConvergedChern, ConvergedGeometry, MeshLevel, converged_chern, converged_geometry
from moire.topology.wilson import WilsonLoops, chern_from_wilson, wilson_loops
from moire.topology.z2 import ChernPair, Z2Result, spin_chern_number, valley_chern_number, z2_index

__all__ = [
    "ChernPair",
    "ChernResult",
    "ConvergedChern",
    "ConvergedGeometry",
    "CurvatureMap",
    "DirectGap",
    "MeshLevel",
    "QuantumGeometry",
    "WilsonLoops",
    "Z2Result",
    "berry_curvature",
    "check_isolated",
    "chern_from_wilson",
    "chern_number",
    "converged_chern",
    "converged_geometry",
    "covariant_derivatives",
    "metric_from_links",
    "minimise_direct_gap",
    "quantum_geometry",
    "smallest_direct_gap",
    "spin_chern_number",
    "valley_chern_number",
    "wilson_loops",
    "z2_index",
]
