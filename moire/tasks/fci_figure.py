"""Figure of a result of the task ``fci``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moire.observables import FciReport
from moire.plot import (
    plot_entanglement,
    plot_occupation,
    plot_phase_flux,
    plot_spectral_flow,
    plot_spectrum,
    plot_structure_factor,
)


def fci_figure(report: FciReport) -> Figure:
    """Show the spectrum, the flow under each flux, the entanglement, n(k), S(q) and the flux over phases."""
    lines: list[Callable[[Axes], Axes]] = [partial(plot_spectrum, report.spectrum)]
    lines += [partial(plot_spectral_flow, flow) for flow in report.flows]
    if report.entanglement is not None:
        lines.append(partial(plot_entanglement, report.entanglement))
    lines.append(partial(plot_occupation, report.occupation))
    maps: list[Callable[[Axes], Axes]] = [partial(plot_structure_factor, report.structure)]
    if report.chern is not None:
        maps.append(partial(plot_phase_flux, report.chern))
    n_columns = -(-(len(lines) + len(maps)) // 2)
    n_wide = len(lines) - n_columns  # lines below, which take the width that the square maps leave
    figure = Figure(figsize=(4.3 * n_columns, 7.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, squeeze=False).ravel()
    widths = [(n_columns - len(maps)) / max(n_wide, 1)] * n_wide + [1.0] * len(maps)
    axes = [
        *top.subplots(1, n_columns, squeeze=False).ravel(),
        *bottom.subplots(1, len(widths), width_ratios=widths, squeeze=False).ravel(),
    ]
    for ax, draw in zip(axes, lines + maps, strict=True):
        draw(ax)
    return figure
