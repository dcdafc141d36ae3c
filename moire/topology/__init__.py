"""Topology of bands: Chern numbers by four routes, quantum geometry, Wilson loops, Z2, symmetry, indices, edges."""

from moire.topology.berry import ChernResult, chern_number
from moire.topology.geometry import QuantumGeometry, metric_from_links, quantum_geometry
from moire.topology.isolation import DirectGap, check_isolated, minimise_direct_gap, smallest_direct_gap
from moire.topology.kubo import CurvatureMap, berry_curvature, covariant_derivatives
from moire.topology.refine import ConvergedChern, ConvergedGeometry, MeshLevel, converged_chern, converged_geometry
from moire.topology.regions.charges import (
    RadiusScan,
    TopologicalCharges,
    ValleyIndex,
    index_versus_radius,
    interband_valley_index,
    topological_charges,
)
from moire.topology.regions.interband import InterbandIndex, MeshRecord, interband_index
from moire.topology.regions.shapes import Disk, Polygon, Region, Zone
from moire.topology.report import GroupTopology, TopologyReport, topology_report
from moire.topology.streda import (
    StredaFan,
    StredaFit,
    StredaLine,
    fit_streda,
    hall_resistance,
    hall_resistance_ohm,
    streda_fan,
)
from moire.topology.strips.domain_walls import DomainWalls
from moire.topology.strips.edges import InGapModes, StripSpectrum, in_gap_modes, strip_spectrum
from moire.topology.strips.ribbons import Ribbon
from moire.topology.symmetry import (
    SymmetryOperator,
    SymmetryTable,
    c3_eigenvalues,
    c3_operator,
    inversion_operator,
    parities,
)
from moire.topology.transitions import (
    Transition,
    direct_gap_over_zone,
    displacement_family,
    find_gap_closing,
    find_inversion,
    find_magic_angle,
    twist_family,
)
from moire.topology.wilson import WilsonLoops, chern_from_wilson, wilson_loops
from moire.topology.z2 import ChernPair, Z2Result, spin_chern_number, valley_chern_number, z2_index

__all__ = [
    "ChernPair",
    "ChernResult",
    "ConvergedChern",
    "ConvergedGeometry",
    "CurvatureMap",
    "DirectGap",
    "Disk",
    "DomainWalls",
    "GroupTopology",
    "InGapModes",
    "InterbandIndex",
    "MeshLevel",
    "MeshRecord",
    "Polygon",
    "QuantumGeometry",
    "RadiusScan",
    "Region",
    "Ribbon",
    "StredaFan",
    "StredaFit",
    "StredaLine",
    "StripSpectrum",
    "SymmetryOperator",
    "SymmetryTable",
    "TopologicalCharges",
    "TopologyReport",
    "Transition",
    "ValleyIndex",
    "WilsonLoops",
    "Z2Result",
    "Zone",
    "berry_curvature",
    "c3_eigenvalues",
    "c3_operator",
    "check_isolated",
    "chern_from_wilson",
    "chern_number",
    "converged_chern",
    "converged_geometry",
    "covariant_derivatives",
    "direct_gap_over_zone",
    "displacement_family",
    "find_gap_closing",
    "find_inversion",
    "find_magic_angle",
    "fit_streda",
    "hall_resistance",
    "hall_resistance_ohm",
    "in_gap_modes",
    "index_versus_radius",
    "interband_index",
    "interband_valley_index",
    "inversion_operator",
    "metric_from_links",
    "minimise_direct_gap",
    "parities",
    "quantum_geometry",
    "smallest_direct_gap",
    "spin_chern_number",
    "streda_fan",
    "strip_spectrum",
    "topological_charges",
    "topology_report",
    "twist_family",
    "valley_chern_number",
    "wilson_loops",
    "z2_index",
]
