"""Memory of the parts that tasks share, as simple models; a dry run adds them up before anything is built.

They count the arrays that grow with the problem, at their largest: within a factor of two of what is measured once
that is above some hundred MiB, and without the 200 MiB of a process that holds nothing yet.
"""

from __future__ import annotations

import math

from moire.bands import band_bytes
from moire.form_factors import FormFactors
from moire.resources import threads
from moire.tasks.point import ModelPoint


def bands_memory(point: ModelPoint, n_momenta: int, n_bands: int, n_flavours: int = 1) -> float:
    """Bytes of a band structure while it is solved: the states twice, and the matrices H(k) at work on all threads."""
    return band_bytes(n_flavours, point.dimension, n_momenta, n_bands, min(threads(), n_momenta))


def projection_memory(point: ModelPoint, n_momenta: int, n_bands: int, n_flavours: int, q_cutoff: float) -> float:
    """Bytes of the bands, of their shifted copies and tables over pairs of momenta, and of the form factors."""
    states = float(n_flavours * n_momenta * n_bands * point.dimension)
    transfers = 2 * math.pi / math.sqrt(3) * q_cutoff**2 * n_momenta
    form_factors = 32.0 * n_flavours * transfers * n_momenta * n_bands**2  # two layers
    tables = FormFactors.estimated_bytes(n_momenta, q_cutoff, states)
    return bands_memory(point, n_momenta, n_bands, n_flavours) + tables + form_factors
