"""Finite-size scaling: a quantity of several clusters against one over their number of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.grids import MomentumGrid


@checked
@dataclass(frozen=True, eq=False)
class FiniteSizeScaling(Shown):
    """Least-squares line value = limit + slope / N_s.

    Parameters
    ----------
    quantity, unit
        Name and unit of the quantity.
    clusters
        Names of the clusters.
    n_sites
        (cluster,), numbers of cells.
    values
        (cluster,), in `unit`.
    limit, slope
        Value at infinite size, and slope, in `unit`.
    limit_error, slope_error
        Standard errors, only from the scatter of the points around the line.
    """

    quantity: str
    unit: str
    clusters: tuple[str, ...]
    n_sites: IntArray = field(repr=False)
    values: FloatArray = field(repr=False)
    limit: float
    slope: float
    limit_error: float
    slope_error: float

    @property
    def fitted(self) -> FloatArray:
        """Values of the line at the sizes of the clusters, (cluster,)."""
        line: FloatArray = self.limit + self.slope / self.n_sites
        return line

    def table(self) -> str:
        """Every cluster: cells, 1/N_s, value, and distance from the line."""
        width = max(7, *(len(name) for name in self.clusters))
        lines = [f"{'cluster':>{width}} {'cells':>5} {'1/cells':>8} {f'value ({self.unit})':>14} {'from line':>10}"]
        for name, size, value, line in zip(self.clusters, self.n_sites, self.values, self.fitted, strict=True):
            lines.append(
                f"{name:>{width}} {size:>5} {Number(1 / size):8.5f} {Number(value):14.5f} {Number(value - line):+10.5f}"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        verdict = (
            f"{self.quantity} at infinite size: {Number(self.limit):.4f} +- {Number(self.limit_error):.4f} {self.unit} "
            f"(slope {Number(self.slope):.3f} +- {Number(self.slope_error):.3f}), linear in 1/N_s over "
            f"{len(self.clusters)} clusters; "
            "the error is that of the scatter, not of the assumed law"
        )
        return f"{self.table()}\n{verdict}"


@checked
def finite_size_scaling(
    grids: Sequence[MomentumGrid], values: ArrayLike, quantity: str = "gap", unit: str = "meV"
) -> FiniteSizeScaling:
    """Fit a line in 1/N_s through a quantity of several clusters.

    Clusters of one shape follow such a law best; the error measures the scatter between shapes.

    Parameters
    ----------
    grids
        Clusters, such as ``spectrum.grid`` or ``charge_gap.grid``.
    values
        One number per cluster.
    quantity, unit
        Names for the table and the figure.

    Raises
    ------
    InputError
        If the two do not match, fewer than three clusters or fewer than two sizes are given, or a value is not
        finite.
    """
    numbers = np.asarray(values, dtype=float)
    sizes = np.array([grid.n_points for grid in grids], dtype=np.int64)
    require(
        numbers.shape == sizes.shape,
        "values",
        f"be one number for each of the {len(sizes)} clusters",
        found=f"have shape {numbers.shape}",
    )
    require(len(sizes) >= 3, "grids", "be at least three, or a line has no error", found=f"are {len(sizes)}")
    require(len(set(sizes.tolist())) >= 2, "grids", "have at least two sizes", found=f"all have {sizes[0]} cells")
    require(bool(np.isfinite(numbers).all()), "values", "be finite", found=f"are {numbers.tolist()}")
    from scipy.stats import linregress  # takes half a second: imported only when needed

    fit = linregress(1 / sizes, numbers)
    return FiniteSizeScaling(
        quantity,
        unit,
        tuple(grid.name for grid in grids),
        read_only(sizes),
        read_only(numbers),
        float(fit.intercept),
        float(fit.slope),
        float(fit.intercept_stderr),
        float(fit.stderr),
    )
