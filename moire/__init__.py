"""Twisted bilayer MoTe2 from the continuum model to fractional Chern insulators."""

from importlib.metadata import PackageNotFoundError, version

from moire import exact_diagonalization, hartree_fock, models, observables, parameters, topology
from moire.bands import BandEnergies, BandStructure, solve_bands
from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.errors import ConvergenceWarning, CutoffWarning, InputError, MeshWarning, MoireError
from moire.exact_diagonalization import Spectrum, solve_all_sectors
from moire.form_factors import FormFactors
from moire.grids import KPath, MomentumGrid
from moire.interaction import ScreenedCoulomb
from moire.lattice import MoireLattice
from moire.parameters import ContinuumParameters
from moire.projection import ProjectedHamiltonian, project

try:
    __version__ = version("moire-mote2")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "unknown"

__all__ = [
    "BandEnergies",
    "BandStructure",
    "ContinuumModel",
    "ContinuumParameters",
    "ConvergenceWarning",
    "CutoffWarning",
    "FormFactors",
    "InputError",
    "KPath",
    "MeshWarning",
    "MoireError",
    "MoireLattice",
    "MomentumGrid",
    "PlaneWaveBasis",
    "ProjectedHamiltonian",
    "ScreenedCoulomb",
    "Spectrum",
    "__version__",
    "exact_diagonalization",
    "hartree_fock",
    "models",
    "observables",
    "parameters",
    "project",
    "solve_all_sectors",
    "solve_bands",
    "topology",
]
