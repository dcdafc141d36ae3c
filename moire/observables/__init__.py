"""What is read from finished states with the help of several parts of the package."""

from moire.observables.magnetisation import OrbitalMagnetisation, orbital_magnetisation
from moire.observables.mean_field import MeanFieldPhase, identify_phase

__all__ = ["MeanFieldPhase", "OrbitalMagnetisation", "identify_phase", "orbital_magnetisation"]
