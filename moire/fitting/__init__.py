"""Models from band energies: least-squares fits with errors, and what the energies leave open."""

from moire.fitting.band_table import read_band_table
from moire.fitting.fit import fit_continuum
from moire.fitting.result import BandFit
from moire.fitting.terms import TERMS, components_of

__all__ = ["TERMS", "BandFit", "components_of", "fit_continuum", "read_band_table"]
