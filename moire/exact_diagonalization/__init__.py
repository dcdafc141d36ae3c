"""Exact diagonalization of a projected Hamiltonian in sectors of total momentum."""

from moire.exact_diagonalization.all_sectors import solve_all_sectors
from moire.exact_diagonalization.carriers import (
    carriers_on,
    clusters_for,
    rectangles_for,
)
from moire.exact_diagonalization.cluster_shapes import ClusterShape, cluster_shapes
from moire.exact_diagonalization.clusters import ClusterSuggestion, ClusterSuggestions, suggest_clusters
from moire.exact_diagonalization.composite_fermions import CompositeFermiLiquid, composite_fermi_liquid
from moire.exact_diagonalization.eigensolvers import SectorSolution
from moire.exact_diagonalization.hamiltonian import SectorHamiltonian
from moire.exact_diagonalization.manifold import Manifold
from moire.exact_diagonalization.memory import check_orbitals
from moire.exact_diagonalization.pair_product import PairProduct
from moire.exact_diagonalization.pairs import PairHamiltonian, PairTable
from moire.exact_diagonalization.sectors import MomentumSector, sector_dimensions
from moire.exact_diagonalization.settings import EigensolverSettings, SpectrumSettings
from moire.exact_diagonalization.solve import solve_sector
from moire.exact_diagonalization.spectrum import Spectrum
from moire.exact_diagonalization.symmetry import OrbitalSymmetry, accepted_symmetries, find_symmetry
from moire.exact_diagonalization.truncation import Truncation
from moire.exact_diagonalization.truncation_sequence import PromotionSequence, promotion_sequence
from moire.exact_diagonalization.valley_numbers import Polarisation, carriers_of_flavours
from moire.filling import one_band_filling
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.lanczos import LanczosResult, LanczosSettings, block_lanczos
from moire.predictions.composite_fermi_seas import CompositeFermiSeas, composite_fermi_seas
from moire.predictions.ground_state_momenta import expected_momenta

__all__ = [
    "Checkpoint",
    "ClusterShape",
    "ClusterSuggestion",
    "ClusterSuggestions",
    "CompositeFermiLiquid",
    "CompositeFermiSeas",
    "EigensolverSettings",
    "LanczosResult",
    "LanczosSettings",
    "Manifold",
    "MomentumSector",
    "OrbitalSymmetry",
    "PairHamiltonian",
    "PairProduct",
    "PairTable",
    "Polarisation",
    "PromotionSequence",
    "SectorHamiltonian",
    "SectorSolution",
    "Spectrum",
    "SpectrumSettings",
    "Truncation",
    "accepted_symmetries",
    "block_lanczos",
    "carriers_of_flavours",
    "carriers_on",
    "check_orbitals",
    "cluster_shapes",
    "clusters_for",
    "composite_fermi_liquid",
    "composite_fermi_seas",
    "expected_momenta",
    "find_symmetry",
    "one_band_filling",
    "promotion_sequence",
    "rectangles_for",
    "sector_dimensions",
    "solve_all_sectors",
    "solve_sector",
    "suggest_clusters",
]
