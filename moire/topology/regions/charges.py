"""Quantities built from interband indices: topological charges, the valley index, index against radius."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bloch import MomentumModel
from moire.errors import InputError, require
from moire.topology.regions.interband import InterbandIndex, interband_index
from moire.topology.regions.shapes import Disk, Region


@checked
@dataclass(frozen=True, eq=False)
class TopologicalCharges(Shown):
    """Band-resolved charges Q_n = (1/N_b) sum_{m != n} Theta_nm of a set of bands.

    Parameters
    ----------
    charges
        Q_n, (band,); they sum to zero.
    indices
        Theta_nm, (band, band), antisymmetric.
    bands, region, model
        The bands, the region and the model.
    """

    charges: FloatArray
    indices: FloatArray = field(repr=False)
    bands: tuple[int, ...]
    region: str
    model: str

    def __str__(self) -> str:
        lines = [f"{self.model}, {self.region}", f"{'band':>6} {'Q':>8}   Theta"]
        lines += [
            f"{band:>6} {Number(charge):8.4f}   {' '.join(f'{Number(value):+8.4f}' for value in row)}"
            for band, charge, row in zip(self.bands, self.charges, self.indices, strict=True)
        ]
        return "\n".join(lines)


@checked
def topological_charges(
    model: MomentumModel, region: Region, bands: Sequence[int], **options: Any
) -> TopologicalCharges:
    """Band-resolved topological charges of `bands` on a region; see :func:`interband_index` for the rest.

    References
    ----------
    arXiv:2307.16893.
    """
    chosen = tuple(int(band) for band in bands)
    require(len(chosen) >= 2 and len(set(chosen)) == len(chosen), "bands", "be at least two distinct bands", bands)
    theta = np.zeros((len(chosen), len(chosen)))
    for i, n in enumerate(chosen):
        for j in range(i + 1, len(chosen)):
            theta[i, j] = interband_index(model, region, n, chosen[j], **options).value
            theta[j, i] = -theta[i, j]
    charges = theta.sum(axis=1) / len(chosen)
    return TopologicalCharges(read_only(charges), read_only(theta), chosen, str(region), model.name)


@checked
@dataclass(frozen=True, eq=False)
class ValleyIndex(Shown):
    """Interband valley index: Theta_nm of valley K on a region minus that of K' on the time-reversed one."""

    valley_k: InterbandIndex
    valley_k_prime: InterbandIndex

    @property
    def value(self) -> float:
        """Theta(K) - Theta(K'), before rounding."""
        return self.valley_k.value - self.valley_k_prime.value

    def __str__(self) -> str:
        return f"Theta_K - Theta_K' = {Number(self.value):+.6f}\n  K : {self.valley_k}\n  K': {self.valley_k_prime}"


@checked
def interband_valley_index(
    valley_k: MomentumModel, valley_k_prime: MomentumModel, region: Region, n: int, m: int, **options: Any
) -> ValleyIndex:
    """Difference of the interband index between the valleys; K' is taken on the region of all -k."""
    return ValleyIndex(
        interband_index(valley_k, region, n, m, **options),
        interband_index(valley_k_prime, region.inverted(), n, m, **options),
    )


@checked
@dataclass(frozen=True, eq=False)
class RadiusScan(Shown):
    """Theta_nm on concentric disks, `values` against `radii`; nan and a reason where the index is not defined.

    Parameters
    ----------
    radii
        (r,), 1/nm.
    values
        (r,), before rounding.
    reasons
        Error message or stop reason of the mesh, for each radius.
    """

    radii: FloatArray
    values: FloatArray
    reasons: tuple[str, ...] = field(repr=False)
    centre: tuple[float, float]
    n: int
    m: int
    model: str


@checked
def index_versus_radius(
    model: MomentumModel, centre: tuple[float, float], radii: Sequence[float], n: int, m: int, **options: Any
) -> RadiusScan:
    """Interband index on concentric disks; nan at radii where it is not defined."""
    disks = [Disk(centre, radius) for radius in radii]
    values, reasons = [], []
    for disk in disks:
        try:
            index = interband_index(model, disk, n, m, **options)
        except InputError as refusal:
            if "region" not in str(refusal):
                raise
            values.append(np.nan)
            reasons.append(str(refusal))
        else:
            values.append(index.value if index.converged else np.nan)
            reasons.append(index.stop_reason)
    return RadiusScan(
        read_only(np.array(radii, dtype=float)),
        read_only(np.array(values)),
        tuple(reasons),
        disks[0].centre,
        n,
        m,
        model.name,
    )
