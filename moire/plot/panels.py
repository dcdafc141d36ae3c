"""Several panels in one figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moire._types import checked


@checked
def panels(
    draws: Sequence[Callable[[Axes], Axes]], titles: Sequence[str | None], size: tuple[float, float] = (3.4, 2.9)
) -> Figure:
    """Draw each panel with its title, at most four in a row.

    Parameters
    ----------
    draws
        What draws each panel.
    titles
        Its title, or None.
    size
        Width and height of a panel in inches.
    """
    n_columns = min(4, len(draws))
    n_rows = -(-len(draws) // n_columns)
    figure = Figure(figsize=(size[0] * n_columns, size[1] * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, draw, title in zip(axes, draws, titles, strict=False):
        draw(ax)
        if title:
            ax.set_title(title, fontsize="medium")
    for ax in axes[len(draws) :]:
        ax.remove()
    return figure
