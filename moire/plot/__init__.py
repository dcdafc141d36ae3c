"""Figures: each function takes a result and an Axes, returns the Axes, and computes nothing."""

from moire.plot.bands import plot_bands
from moire.plot.flux import plot_flux
from moire.plot.spectrum import plot_spectrum
from moire.plot.trends import plot_band_trend, plot_chern_trend, plot_fci_trend

__all__ = ["plot_band_trend", "plot_bands", "plot_chern_trend", "plot_fci_trend", "plot_flux", "plot_spectrum"]
