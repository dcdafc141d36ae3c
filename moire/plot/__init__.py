"""Figures: each function takes a result and an Axes, returns the Axes, and computes nothing."""

from moire.plot.bands import plot_bands
from moire.plot.excitations import plot_excitations
from moire.plot.spectrum import plot_spectrum
from moire.plot.topology import (
    plot_index_versus_radius,
    plot_phase_diagram,
    plot_streda,
    plot_strip,
    plot_wannier_flow,
)
from moire.plot.trends import plot_band_trend, plot_chern_trend, plot_fci_trend
from moire.plot.zone import plot_flux, plot_zone_map

__all__ = [
    "plot_band_trend",
    "plot_bands",
    "plot_chern_trend",
    "plot_excitations",
    "plot_fci_trend",
    "plot_flux",
    "plot_index_versus_radius",
    "plot_phase_diagram",
    "plot_spectrum",
    "plot_streda",
    "plot_strip",
    "plot_wannier_flow",
    "plot_zone_map",
]
