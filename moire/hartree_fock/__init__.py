"""Self-consistent Hartree-Fock of a projected Hamiltonian, in momentum space and in both valleys."""

from moire.hartree_fock.active import ActiveBands, active_bands
from moire.hartree_fock.band_margin import BandMargin, band_margin
from moire.hartree_fock.crossing import Crossing, find_crossing
from moire.hartree_fock.fermi_sea import rearranged
from moire.hartree_fock.find_states import find_states
from moire.hartree_fock.folded_bands import FoldedModel, folded_bands
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.folding import Folding, SuperLattice
from moire.hartree_fock.follow import follow, transferred
from moire.hartree_fock.ground_state import BANDS_MOVE_MEV, GroundState, bands_move_mev, ground_state, possible_guesses
from moire.hartree_fock.guesses import FINITE_WAVE_VECTOR, GUESSES, check_guess
from moire.hartree_fock.interpolation import interpolate_bands
from moire.hartree_fock.lifting import in_bands, lift
from moire.hartree_fock.mean_field import EnergyParts, MeanField
from moire.hartree_fock.mean_field_model import MeanFieldModel
from moire.hartree_fock.moments import Moments
from moire.hartree_fock.occupation import Occupation, occupy
from moire.hartree_fock.quasiparticles import MixedFlavourModel, quasiparticle_bands, valley_bands
from moire.hartree_fock.real_space import RealSpaceMap, real_space_map
from moire.hartree_fock.result import SYMMETRIES, HartreeFockResult, Symmetry
from moire.hartree_fock.rotation import check_symmetry
from moire.hartree_fock.settings import ScfSettings
from moire.hartree_fock.solve import count_carriers, solve_hartree_fock
from moire.hartree_fock.stability import lowest_curvature, minimize, relax
from moire.hartree_fock.stages import Step
from moire.hartree_fock.time_dependent.spectrum import Excitations, SmallMomentumFit, excitations

__all__ = [
    "BANDS_MOVE_MEV",
    "FINITE_WAVE_VECTOR",
    "GUESSES",
    "SYMMETRIES",
    "ActiveBands",
    "BandMargin",
    "Crossing",
    "EnergyParts",
    "Excitations",
    "FoldedModel",
    "FoldedOrbitals",
    "Folding",
    "GroundState",
    "HartreeFockResult",
    "MeanField",
    "MeanFieldModel",
    "MixedFlavourModel",
    "Moments",
    "Occupation",
    "RealSpaceMap",
    "ScfSettings",
    "SmallMomentumFit",
    "Step",
    "SuperLattice",
    "Symmetry",
    "active_bands",
    "band_margin",
    "bands_move_mev",
    "check_guess",
    "check_symmetry",
    "count_carriers",
    "excitations",
    "find_crossing",
    "find_states",
    "folded_bands",
    "follow",
    "ground_state",
    "in_bands",
    "interpolate_bands",
    "lift",
    "lowest_curvature",
    "minimize",
    "occupy",
    "possible_guesses",
    "quasiparticle_bands",
    "real_space_map",
    "rearranged",
    "relax",
    "solve_hartree_fock",
    "transferred",
    "valley_bands",
]
