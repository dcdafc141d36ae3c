"""Topology of bands: Chern numbers and Berry curvature by two independent routes."""

from moire.topology.berry import ChernResult, chern_number
from moire.topology.kubo import CurvatureMap, berry_curvature, covariant_derivatives

__all__ = ["ChernResult", "CurvatureMap", "berry_curvature", "chern_number", "covariant_derivatives"]
