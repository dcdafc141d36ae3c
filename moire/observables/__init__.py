"""What is read from finished states with the help of several parts of the package."""

from moire.observables.mean_field import MeanFieldPhase, identify_phase
from moire.observables.mean_field_line import MeanFieldPoint

__all__ = ["MeanFieldPhase", "MeanFieldPoint", "identify_phase"]
