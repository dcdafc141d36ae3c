"""Self-consistent Hartree-Fock of a projected Hamiltonian, in momentum space and in both valleys."""

from moire.hartree_fock.active import ActiveBand, active_band
from moire.hartree_fock.ground_state import GroundState, ground_state, lowest_curvature, possible_guesses, relax
from moire.hartree_fock.guesses import GUESSES
from moire.hartree_fock.interpolation import MeanFieldModel, interpolate_bands
from moire.hartree_fock.mean_field import EnergyParts, MeanField
from moire.hartree_fock.mixing import Step
from moire.hartree_fock.moments import Moments
from moire.hartree_fock.occupation import Occupation, occupy
from moire.hartree_fock.quasiparticles import MixedFlavourModel, quasiparticle_bands, valley_bands
from moire.hartree_fock.real_space import RealSpaceMap, real_space_map
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.scf import solve_hartree_fock
from moire.hartree_fock.time_dependent import Excitations, SmallMomentumFit, excitations

__all__ = [
    "GUESSES",
    "ActiveBand",
    "EnergyParts",
    "Excitations",
    "GroundState",
    "HartreeFockResult",
    "MeanField",
    "MeanFieldModel",
    "MixedFlavourModel",
    "Moments",
    "Occupation",
    "RealSpaceMap",
    "SmallMomentumFit",
    "Step",
    "active_band",
    "excitations",
    "ground_state",
    "interpolate_bands",
    "lowest_curvature",
    "occupy",
    "possible_guesses",
    "quasiparticle_bands",
    "real_space_map",
    "relax",
    "solve_hartree_fock",
    "valley_bands",
]
