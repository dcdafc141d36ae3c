"""Figures: each function takes a result and an Axes, returns the Axes, and computes nothing."""

from moire.plot.bands import plot_bands
from moire.plot.draw import FIGURES, draw
from moire.plot.entanglement import plot_entanglement
from moire.plot.excitations import plot_excitations
from moire.plot.fan import plot_fan
from moire.plot.flux import plot_phase_flux, plot_spectral_flow
from moire.plot.mean_field import PHASE_COLOURS, plot_gap_line, plot_moment_map, plot_phase_map
from moire.plot.occupation import plot_occupation
from moire.plot.pair_correlation import plot_pair_correlation
from moire.plot.panels import panels
from moire.plot.scaling import plot_scaling
from moire.plot.spectrum import plot_spectrum
from moire.plot.structure_factor import plot_structure_factor
from moire.plot.style import STYLE, styled
from moire.plot.topology import plot_index_versus_radius, plot_phase_diagram, plot_streda, plot_strip, plot_wannier_flow
from moire.plot.trends import plot_band_trend, plot_chern_trend, plot_fci_trend
from moire.plot.zone import plot_flux, plot_zone_map

__all__ = [
    "FIGURES",
    "PHASE_COLOURS",
    "STYLE",
    "draw",
    "panels",
    "plot_band_trend",
    "plot_bands",
    "plot_chern_trend",
    "plot_entanglement",
    "plot_excitations",
    "plot_fan",
    "plot_fci_trend",
    "plot_flux",
    "plot_gap_line",
    "plot_index_versus_radius",
    "plot_moment_map",
    "plot_occupation",
    "plot_pair_correlation",
    "plot_phase_diagram",
    "plot_phase_flux",
    "plot_phase_map",
    "plot_scaling",
    "plot_spectral_flow",
    "plot_spectrum",
    "plot_streda",
    "plot_strip",
    "plot_structure_factor",
    "plot_wannier_flow",
    "plot_zone_map",
    "styled",
]
