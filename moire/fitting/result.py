"""Result of a fit: the model with its errors, and what the energies do not determine."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.continuum import HarmonicTable
from moire.errors import InputError
from moire.parameters import ContinuumParameters

_UNITS = {"m*": "m_e", "phi": "deg"}


@checked
@dataclass(frozen=True, eq=False)
class BandFit(Shown):
    """Model fitted to band energies.

    Parameters
    ----------
    names, values, errors
        Fitted numbers: m* in electron masses, phi in degrees, all others in meV (nm^(m + n) of their powers), and
        standard deviations. Without given errors of the energies these follow from the residuals.
    correlation
        Correlation of the numbers, (name, name).
    offset_mev
        Energy that was added to all bands of the model: the zero of energy of the data.
    residuals
        Model minus data in meV, (k, band); NaN where there is no datum.
    undetermined
        Combinations of numbers that the energies leave free, in words.
    parameters
        Parameter set; None if other harmonics than its own were fitted.
    table
        The model as a table of harmonics.
    n_starts, n_reached
        Starting points, and those that ended in this minimum.
    converged, stop_reason
        Whether the least-squares solver converged, and its reason.
    sign
        How the sign of phi was chosen, which no energy depends on.
    """

    names: tuple[str, ...]
    values: FloatArray
    errors: FloatArray
    correlation: FloatArray = field(repr=False)
    offset_mev: float
    residuals: FloatArray = field(repr=False)
    undetermined: tuple[str, ...]
    parameters: ContinuumParameters | None = field(repr=False)
    table: HarmonicTable = field(repr=False)
    n_starts: int
    n_reached: int
    converged: bool
    stop_reason: str
    sign: str

    @property
    def rms_mev(self) -> FloatArray:
        """Root mean square residual of every band in meV."""
        return np.asarray(np.sqrt(np.nanmean(self.residuals**2, axis=0)))

    def __getitem__(self, name: str) -> float:
        if name not in self.names:
            raise InputError(f"`name` must be one of {', '.join(self.names)}, but is {name!r}.")
        return float(self.values[self.names.index(name)])

    def __str__(self) -> str:
        lines = [f"{'':>8} {'value':>12} {'error':>10}"]
        for name, value, error in zip(self.names, self.values, self.errors, strict=True):
            unit = _UNITS.get(name, "meV")
            lines.append(f"{name:>8} {Number(value):12.4f} {Number(error):10.4f} {unit}")
        lines.append(f"{'offset':>8} {Number(self.offset_mev):12.4f} {'':>10} meV")
        bands = ", ".join(f"band {i} {Number(rms):.4f}" for i, rms in enumerate(self.rms_mev))
        lines.append(f"Root mean square residual (meV): {bands}.")
        first, second = np.triu_indices(len(self.names), 1)
        strong = [(abs(c), i, j) for i, j in zip(first, second, strict=True) if abs(c := self.correlation[i, j]) > 0.95]
        lines += [
            f"{self.names[i]} and {self.names[j]} are correlated: {Number(self.correlation[i, j]):+.3f}."
            for _, i, j in sorted(strong, reverse=True)
        ]
        weak = [
            name for name, value, error in zip(self.names, self.values, self.errors, strict=True) if error > abs(value)
        ]
        lines += [f"Not determined by these energies: {text}." for text in (*self.undetermined, *weak)]
        lines.append(self.sign)
        state = "converged" if self.converged else f"not converged: {self.stop_reason}"
        lines.append(f"{self.n_reached} of {self.n_starts} starts ended here; {state}")
        return "\n".join(lines)
