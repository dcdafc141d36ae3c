"""What is read from finished states with the help of several parts of the package."""

from moire.observables.boundary_twist import LabelShift, at_twist, orbital_overlaps
from moire.observables.counting import quasihole_counts
from moire.observables.entanglement import EntanglementSpectrum, entanglement_spectrum
from moire.observables.manifold_states import manifold_states
from moire.observables.many_body_chern import ManyBodyChern, many_body_chern
from moire.observables.mean_field import MeanFieldPhase, identify_phase
from moire.observables.mean_field_line import MeanFieldPoint
from moire.observables.spectral_flow import SpectralFlow, spectral_flow
from moire.observables.twisted_manifold import TwistedManifold, TwistedStates

__all__ = [
    "EntanglementSpectrum",
    "LabelShift",
    "ManyBodyChern",
    "MeanFieldPhase",
    "MeanFieldPoint",
    "SpectralFlow",
    "TwistedManifold",
    "TwistedStates",
    "at_twist",
    "entanglement_spectrum",
    "identify_phase",
    "manifold_states",
    "many_body_chern",
    "orbital_overlaps",
    "quasihole_counts",
    "spectral_flow",
]
