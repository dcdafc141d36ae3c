"""Screened Coulomb interaction between the layers: V_ll'(q) with dual gate, single gate or none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.units import COULOMB

Gates = Literal["dual", "single", "none"]
GATES: tuple[Gates, ...] = ("dual", "single", "none")

_SMALLEST, _LONGEST_NM = 1e-6, 1e9  # squares and products stay within all numbers


@checked
@dataclass(frozen=True, kw_only=True)
class ScreenedCoulomb(Shown):
    """V_ll'(q) = e^2 / (2 eps_0 eps q) [ s(q) + (1 - delta_ll') (exp(-d q) - 1) ] in meV nm^2.

    The screening factor is s = tanh(d_gate q) between two gates at distance d_gate,
    1 - exp(-2 d_gate q) above one gate, and 1 without gates.

    Parameters
    ----------
    epsilon_r
        Relative dielectric constant eps.
    gate_distance_nm
        d_gate in nm; ignored when there are no gates.
    layer_distance_nm
        d in nm; 0 makes the interaction layer-blind.
    gates
        ``"dual"``, ``"single"`` or ``"none"``.

    Raises
    ------
    InputError
        If a constant or distance is out of range.

    References
    ----------
    arXiv:2308.07488 for the dual gate with layers.
    """

    epsilon_r: float
    gate_distance_nm: float = 30.0
    layer_distance_nm: float = 0.0
    gates: Gates = "dual"

    def __post_init__(self) -> None:
        require(self.epsilon_r > 0, "epsilon_r", "be positive", self.epsilon_r)
        require(self.epsilon_r >= _SMALLEST, "epsilon_r", f"be at least {_SMALLEST:g}", self.epsilon_r)
        require(
            0 <= self.layer_distance_nm < math.inf,
            "layer_distance_nm",
            "be finite and not negative (in nm)",
            self.layer_distance_nm,
        )
        require(self.layer_distance_nm <= _LONGEST_NM, "layer_distance_nm", "be at most 1e9 nm", self.layer_distance_nm)
        require(self.gates in GATES, "gates", f"be one of {', '.join(GATES)}", f"'{self.gates}'")
        if self.gates != "none":
            require(
                0 < self.gate_distance_nm < math.inf,
                "gate_distance_nm",
                "be positive and finite (in nm; gates = 'none' removes them)",
                self.gate_distance_nm,
            )
            require(
                self.gate_distance_nm <= _LONGEST_NM, "gate_distance_nm", "be at most 1e9 nm", self.gate_distance_nm
            )

    @property
    def strength(self) -> float:
        """e^2 / (2 eps_0 eps) in meV nm."""
        return float(2 * np.pi * COULOMB / self.epsilon_r)

    @property
    def diverges_at_zero(self) -> bool:
        """Whether V(q -> 0) is infinite (no gates)."""
        return self.gates == "none"

    def __call__(self, q: ArrayLike) -> FloatArray:
        """V_ll'(|q|) for moduli in 1/nm; shape (..., layer, layer), meV nm^2.

        At q = 0 the limit is returned: e^2 d_gate / (2 eps_0 eps) for two gates (twice that for one),
        minus e^2 d / (2 eps_0 eps) between the layers. Without gates it is infinite.
        """
        modulus = np.asarray(q, dtype=float)
        at_zero = modulus == 0
        safe = np.where(at_zero, 1.0, modulus)
        if self.gates == "dual":
            same = np.where(at_zero, self.gate_distance_nm, np.tanh(self.gate_distance_nm * safe) / safe)
        elif self.gates == "single":
            same = np.where(at_zero, 2 * self.gate_distance_nm, -np.expm1(-2 * self.gate_distance_nm * safe) / safe)
        else:
            same = np.where(at_zero, np.inf, 1 / safe)
        across = np.where(at_zero, -self.layer_distance_nm, np.expm1(-self.layer_distance_nm * safe) / safe)
        other = 1 - np.eye(2)
        return self.strength * (same[..., None, None] + across[..., None, None] * other)

    def __str__(self) -> str:
        gates = "no gates" if self.gates == "none" else f"{self.gates} gate at {self.gate_distance_nm:g} nm"
        return f"Coulomb, eps = {self.epsilon_r:g}, {gates}, layers {self.layer_distance_nm:g} nm apart"
