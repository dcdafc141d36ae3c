"""What is read from finished states with the help of several parts of the package."""

from moire.observables.charge_order import ChargeOrder, charge_order, tower_momenta
from moire.observables.counting import quasihole_counts
from moire.observables.entanglement import EntanglementSpectrum, entanglement_spectrum
from moire.observables.manifold_states import manifold_states
from moire.observables.mean_field import MeanFieldPhase, identify_phase
from moire.observables.occupation import MomentumOccupation, momentum_occupation
from moire.observables.pair_correlation import PairCorrelation, pair_correlation
from moire.observables.quantum_weight import QuantumWeight, quantum_weight
from moire.observables.structure_factor import StructureFactor, structure_factor

__all__ = [
    "ChargeOrder",
    "EntanglementSpectrum",
    "MeanFieldPhase",
    "MomentumOccupation",
    "PairCorrelation",
    "QuantumWeight",
    "StructureFactor",
    "charge_order",
    "entanglement_spectrum",
    "identify_phase",
    "manifold_states",
    "momentum_occupation",
    "pair_correlation",
    "quantum_weight",
    "quasihole_counts",
    "structure_factor",
    "tower_momenta",
]
