"""What is read from finished states with the help of several parts of the package."""

from moire.observables.boundary_twist import LabelShift, at_twist, orbital_overlaps
from moire.observables.charge_gap import ChargeGap, charge_gap
from moire.observables.finite_size import FiniteSizeScaling, finite_size_scaling
from moire.observables.flux_insertion import spectral_flow
from moire.observables.many_body_chern import ManyBodyChern, many_body_chern
from moire.observables.mean_field import MeanFieldPhase, identify_phase
from moire.observables.spectral_flow import SpectralFlow
from moire.observables.twisted_manifold import TwistedManifold, TwistedStates

__all__ = [
    "ChargeGap",
    "FiniteSizeScaling",
    "LabelShift",
    "ManyBodyChern",
    "MeanFieldPhase",
    "SpectralFlow",
    "TwistedManifold",
    "TwistedStates",
    "at_twist",
    "charge_gap",
    "finite_size_scaling",
    "identify_phase",
    "many_body_chern",
    "orbital_overlaps",
    "spectral_flow",
]
