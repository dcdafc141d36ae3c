"""Regions of momentum space, and the interband index and topological charges on them."""

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

__all__ = [
    "Disk",
    "InterbandIndex",
    "MeshRecord",
    "Polygon",
    "RadiusScan",
    "Region",
    "TopologicalCharges",
    "ValleyIndex",
    "Zone",
    "index_versus_radius",
    "interband_index",
    "interband_valley_index",
    "topological_charges",
]
