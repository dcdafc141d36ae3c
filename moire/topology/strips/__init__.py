"""Strips: edges of ribbons and domain walls, with their modes in the gap."""

from moire.topology.strips.domain_walls import DomainWalls
from moire.topology.strips.edges import InGapModes, StripSpectrum, in_gap_modes, strip_spectrum
from moire.topology.strips.ribbons import Ribbon

__all__ = ["DomainWalls", "InGapModes", "Ribbon", "StripSpectrum", "in_gap_modes", "strip_spectrum"]
