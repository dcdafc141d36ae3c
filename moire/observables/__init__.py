"""What is read from finished states with the help of several parts of the package."""

from moire.observables.counting import quasihole_counts
from moire.observables.entanglement import EntanglementSpectrum, entanglement_spectrum
from moire.observables.manifold_states import manifold_states
from moire.observables.mean_field import MeanFieldPhase, identify_phase
from moire.observables.mean_field_line import MeanFieldPoint

__all__ = [
    "EntanglementSpectrum",
    "MeanFieldPhase",
    "MeanFieldPoint",
    "entanglement_spectrum",
    "identify_phase",
    "manifold_states",
    "quasihole_counts",
]
