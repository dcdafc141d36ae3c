"""Topology of bands: Chern numbers and Berry curvature by two independent routes; edges and domain walls."""

from moire.topology.berry import ChernResult, chern_number
from moire.topology.domain_walls import DomainWalls
from moire.topology.edges import InGapModes, StripSpectrum, in_gap_modes, strip_spectrum
from moire.topology.kubo import CurvatureMap, berry_curvature, covariant_derivatives
from moire.topology.ribbons import Ribbon

__all__ = [
    "ChernResult",
    "CurvatureMap",
    "DomainWalls",
    "InGapModes",
    "Ribbon",
    "StripSpectrum",
    "berry_curvature",
    "chern_number",
    "covariant_derivatives",
    "in_gap_modes",
    "strip_spectrum",
]
