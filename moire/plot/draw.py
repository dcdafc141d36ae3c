"""The figure of a result of any kind that has a single one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes

from moire._types import checked
from moire.bands import BandEnergies
from moire.errors import InputError
from moire.exact_diagonalization import Spectrum
from moire.hartree_fock import Excitations
from moire.observables import (
    EntanglementSpectrum,
    FiniteSizeScaling,
    ManyBodyChern,
    MomentumOccupation,
    PairCorrelation,
    SpectralFlow,
    StructureFactor,
)
from moire.plot.bands import plot_bands
from moire.plot.entanglement import plot_entanglement
from moire.plot.excitations import plot_excitations
from moire.plot.flux import plot_phase_flux, plot_spectral_flow
from moire.plot.occupation import plot_occupation
from moire.plot.pair_correlation import plot_pair_correlation
from moire.plot.scaling import plot_scaling
from moire.plot.spectrum import plot_spectrum
from moire.plot.structure_factor import plot_structure_factor
from moire.plot.topology import plot_index_versus_radius, plot_streda, plot_strip, plot_wannier_flow
from moire.plot.zone import plot_flux
from moire.topology import ChernResult, RadiusScan, StredaFan, StripSpectrum, WilsonLoops

FIGURES: dict[type, Callable[..., Axes]] = {
    BandEnergies: plot_bands,
    ChernResult: plot_flux,
    EntanglementSpectrum: plot_entanglement,
    Excitations: plot_excitations,
    FiniteSizeScaling: plot_scaling,
    ManyBodyChern: plot_phase_flux,
    MomentumOccupation: plot_occupation,
    PairCorrelation: plot_pair_correlation,
    RadiusScan: plot_index_versus_radius,
    SpectralFlow: plot_spectral_flow,
    Spectrum: plot_spectrum,
    StredaFan: plot_streda,
    StripSpectrum: plot_strip,
    StructureFactor: plot_structure_factor,
    WilsonLoops: plot_wannier_flow,
}
"""The function that draws each kind of result."""


@checked
def draw(result: object, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result with the function of its kind, in :data:`FIGURES`.

    Parameters
    ----------
    result
        A result of one of these kinds.
    ax
        Where to draw; a new figure of pyplot by default.
    options
        Further arguments of the function, such as ``lattice``.

    Raises
    ------
    InputError
        If this kind has no single figure, or an argument is missing.
    """
    function = next((FIGURES[kind] for kind in type(result).__mro__ if kind in FIGURES), None)
    if function is None:
        drawn = ", ".join(sorted(kind.__name__ for kind in FIGURES))
        raise InputError(f"`result` must be of a kind with one figure, {drawn}, but is a {type(result).__name__}.")
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        needed = parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if needed and parameter.name != "ax" and parameter.name not in options:
            kind = type(result).__name__
            raise InputError(f"`{parameter.name}` must be given to draw a {kind}, but is missing.")
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.subplots(layout="constrained")[1]
    return function(result, ax=ax, **options)
