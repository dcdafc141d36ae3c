"""Quantities computed from Hartree-Fock states: phases, competing states, orbital magnetisation."""

from moire.observables.mean_field.line import MeanFieldPoint
from moire.observables.mean_field.magnetisation import OrbitalMagnetisation, orbital_magnetisation
from moire.observables.mean_field.phase import MeanFieldPhase, identify_phase

__all__ = ["MeanFieldPhase", "MeanFieldPoint", "OrbitalMagnetisation", "identify_phase", "orbital_magnetisation"]
