"""Twisted bilayer MoTe2 from the continuum model to fractional Chern insulators."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from moire._lazy import lazy_names

if TYPE_CHECKING:
    from moire import exact_diagonalization, hartree_fock, models, observables, parameters, topology
    from moire.bands import BandEnergies, BandStructure, solve_bands
    from moire.continuum import ContinuumModel, PlaneWaveBasis
    from moire.errors import ConvergenceWarning, CutoffWarning, InputError, MeshWarning, MoireError
    from moire.exact_diagonalization import EigensolverSettings, Spectrum, SpectrumSettings, solve_all_sectors
    from moire.form_factors import FormFactors
    from moire.grids import KPath, MomentumGrid
    from moire.interaction import ScreenedCoulomb
    from moire.lattice import MoireLattice
    from moire.parameters import ContinuumParameters
    from moire.plane_waves import PlaneWaveOrbitals, plane_wave_orbitals
    from moire.projection import ProjectedHamiltonian, project
    from moire.tasks import read_result
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "moire.bands": "BandEnergies BandStructure solve_bands",
            "moire.continuum": "ContinuumModel PlaneWaveBasis",
            "moire.errors": "ConvergenceWarning CutoffWarning InputError MeshWarning MoireError",
            "moire.exact_diagonalization": "EigensolverSettings Spectrum SpectrumSettings solve_all_sectors",
            "moire.form_factors": "FormFactors",
            "moire.grids": "KPath MomentumGrid",
            "moire.interaction": "ScreenedCoulomb",
            "moire.lattice": "MoireLattice",
            "moire.parameters": "ContinuumParameters",
            "moire.plane_waves": "PlaneWaveOrbitals plane_wave_orbitals",
            "moire.projection": "ProjectedHamiltonian project",
            "moire.tasks": "read_result",
        },
        modules="bands bloch continuum cutoff errors exact_diagonalization filling fitting form_factors gates grids "
        "hartree_fock interaction io kernels lattice linalg magnetic models observables orbitals parameters "
        "plane_waves plot predictions projection relaxation report resources sweep tasks topology units",
    )

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
    "EigensolverSettings",
    "FormFactors",
    "InputError",
    "KPath",
    "MeshWarning",
    "MoireError",
    "MoireLattice",
    "MomentumGrid",
    "PlaneWaveBasis",
    "PlaneWaveOrbitals",
    "ProjectedHamiltonian",
    "ScreenedCoulomb",
    "Spectrum",
    "SpectrumSettings",
    "__version__",
    "exact_diagonalization",
    "hartree_fock",
    "models",
    "observables",
    "parameters",
    "plane_wave_orbitals",
    "project",
    "read_result",
    "solve_all_sectors",
    "solve_bands",
    "topology",
]
