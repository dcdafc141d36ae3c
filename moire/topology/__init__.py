"""Topology of bands: Chern numbers by four routes, quantum geometry, Wilson loops, Z2, symmetry, indices, edges."""

from moire.topology.berry import ChernResult, chern_number
from moire.topology.domain_walls import DomainWalls
from moire.topology.edges import InGapModes, StripSpectrum, in_gap_modes, strip_spectrum
from moire.topology.geometry import QuantumGeometry, metric_from_links, quantum_geometry
from moire.topology.isolation import DirectGap, check_isolated, minimise_direct_gap, smallest_direct_gap
from moire.topology.kubo import CurvatureMap, berry_curvature, covariant_derivatives
from moire.topology.refine import ConvergedChern, ConvergedGeometry, MeshLevel, converged_chern, converged_geometry
from moire.topology.ribbons import Ribbon
from moire.topology.wilson import WilsonLoops, chern_from_wilson, wilson_loops
from moire.topology.z2 import ChernPair, Z2Result, spin_chern_number, valley_chern_number, z2_index

__all__ = [
    "ChernPair",
    "ChernResult",
    "ConvergedChern",
    "ConvergedGeometry",
    "CurvatureMap",
    "DirectGap",
    "DomainWalls",
    "InGapModes",
    "MeshLevel",
    "QuantumGeometry",
    "Ribbon",
    "StripSpectrum",
    "WilsonLoops",
    "Z2Result",
    "berry_curvature",
    "check_isolated",
    "chern_from_wilson",
    "chern_number",
    "converged_chern",
    "converged_geometry",
    "covariant_derivatives",
    "in_gap_modes",
    "metric_from_links",
    "minimise_direct_gap",
    "quantum_geometry",
    "smallest_direct_gap",
    "spin_chern_number",
    "strip_spectrum",
    "valley_chern_number",
    "wilson_loops",
    "z2_index",
]
