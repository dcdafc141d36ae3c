"""Quantities computed from Hartree-Fock and many-body states."""

from moire.observables.angular_momentum import AngularMomenta, angular_momenta
from moire.observables.boundary_phase import LabelShift, at_boundary_phase, orbital_overlaps
from moire.observables.carried_vectors import carried_vectors
from moire.observables.charge_gap import ChargeGap, charge_gap
from moire.observables.charge_order import ChargeOrder, charge_order
from moire.observables.entanglement import EntanglementSpectrum, entanglement_spectrum
from moire.observables.fci_report import Check, FciReport, check_predicted, fci_report
from moire.observables.finite_size import FiniteSizeScaling, finite_size_scaling
from moire.observables.manifold_at_phases import ManifoldAtPhases
from moire.observables.manifold_states import manifold_states
from moire.observables.many_body_chern import ManyBodyChern, many_body_chern
from moire.observables.mean_field.line import MeanFieldPoint
from moire.observables.mean_field.magnetisation import OrbitalMagnetisation, orbital_magnetisation
from moire.observables.mean_field.phase import MeanFieldPhase, identify_phase
from moire.observables.occupation import MomentumOccupation, momentum_occupation
from moire.observables.pair_correlation import PairCorrelation, pair_correlation
from moire.observables.quantum_weight import QuantumWeight, quantum_weight
from moire.observables.spectral_flow import spectral_flow
from moire.observables.spectral_flow_result import SpectralFlow
from moire.observables.states_at_phase import StatesAtPhase
from moire.observables.structure_factor import StructureFactor, structure_factor
from moire.observables.valley_polarisation import ValleyPolarisation, holds_a_flip, valley_polarisation
from moire.predictions.charge_density_waves import tower_momenta
from moire.predictions.quasiholes import quasihole_counts

__all__ = [
    "AngularMomenta",
    "ChargeGap",
    "ChargeOrder",
    "Check",
    "EntanglementSpectrum",
    "FciReport",
    "FiniteSizeScaling",
    "LabelShift",
    "ManifoldAtPhases",
    "ManyBodyChern",
    "MeanFieldPhase",
    "MeanFieldPoint",
    "MomentumOccupation",
    "OrbitalMagnetisation",
    "PairCorrelation",
    "QuantumWeight",
    "SpectralFlow",
    "StatesAtPhase",
    "StructureFactor",
    "ValleyPolarisation",
    "angular_momenta",
    "at_boundary_phase",
    "carried_vectors",
    "charge_gap",
    "charge_order",
    "check_predicted",
    "entanglement_spectrum",
    "fci_report",
    "finite_size_scaling",
    "holds_a_flip",
    "identify_phase",
    "manifold_states",
    "many_body_chern",
    "momentum_occupation",
    "orbital_magnetisation",
    "orbital_overlaps",
    "pair_correlation",
    "quantum_weight",
    "quasihole_counts",
    "spectral_flow",
    "structure_factor",
    "tower_momenta",
    "valley_polarisation",
]
