"""The figure of a file of the task fci."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moire.io import Record, read_fci
from moire.plot import (
    plot_entanglement,
    plot_occupation,
    plot_spectral_flow,
    plot_spectrum,
    plot_structure_factor,
    plot_twist_flux,
)


def fci_figure(record: Record) -> Figure:
    """Show the spectrum, the flow under each flux, the entanglement, n(k), S(q) and the flux over twists."""
    report = read_fci(record)
    draws: list[Callable[[Axes], Axes]] = [partial(plot_spectrum, report.spectrum)]
    draws += [partial(plot_spectral_flow, flow) for flow in report.flows]
    if report.entanglement is not None:
        draws.append(partial(plot_entanglement, report.entanglement))
    draws += [partial(plot_occupation, report.occupation), partial(plot_structure_factor, report.structure)]
    if report.chern is not None:
        draws.append(partial(plot_twist_flux, report.chern))
    n_columns = -(-len(draws) // 2)
    figure = Figure(figsize=(4.2 * n_columns, 7.0), layout="constrained")
    axes = figure.subplots(2, n_columns, squeeze=False).ravel()
    for ax, draw in zip(axes, draws, strict=False):
        draw(ax)
    for ax in axes[len(draws) :]:
        ax.remove()
    return figure
