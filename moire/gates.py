"""From the voltages of two gates to filling and displacement field, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.lattice import TriangularLattice
from moire.units import VACUUM_PERMITTIVITY

_MEV_PER_EV = 1e3


@checked
@dataclass(frozen=True, kw_only=True)
class DualGate(Shown):
    """Parallel-plate capacitors above and below a bilayer.

    n = (C_t V_t + C_b V_b) / e + n_0 electrons per area, and D / epsilon_0 = (C_t V_t - C_b V_b) / 2 epsilon_0 + D_0,
    which is how dual-gate experiments name them: holes fill the bands at negative voltages, and a positive field
    points from the top gate down. Layer b of the models is the lower one. The quantum capacitance is not counted.

    Parameters
    ----------
    top_nm, bottom_nm
        Thickness of the dielectrics.
    top_epsilon, bottom_epsilon
        Their dielectric constants perpendicular to the layers; about 3 for hexagonal boron nitride.
    density_offset, field_offset
        n_0 in electrons per nm^2 and D_0 in V/nm, found from a map: the voltages at which the bands are just full.

    Raises
    ------
    InputError
        If a thickness or a dielectric constant is not positive, or an offset not finite.
    """

    top_nm: float
    bottom_nm: float
    top_epsilon: float = 3.0
    bottom_epsilon: float = 3.0
    density_offset: float = 0.0
    field_offset: float = 0.0

    def __post_init__(self) -> None:
        for name in ("top_nm", "bottom_nm", "top_epsilon", "bottom_epsilon"):
            value = getattr(self, name)
            require(0 < value < math.inf, name, "be positive and finite", value)
        for name in ("density_offset", "field_offset"):
            require(math.isfinite(getattr(self, name)), name, "be finite", getattr(self, name))

    @property
    def capacitances(self) -> tuple[float, float]:
        """Of the top and the bottom gate in electrons/(V nm^2)."""
        pairs = (self.top_epsilon, self.top_nm), (self.bottom_epsilon, self.bottom_nm)
        top, bottom = (VACUUM_PERMITTIVITY * epsilon / thickness for epsilon, thickness in pairs)
        return top, bottom

    def filling(self, top_volt: FloatArray, bottom_volt: FloatArray, lattice: TriangularLattice) -> FloatArray:
        """Electrons per moire cell, nu = -1 for one hole, at voltages of any equal shape."""
        top, bottom = self.capacitances
        density = top * np.asarray(top_volt) + bottom * np.asarray(bottom_volt) + self.density_offset
        return np.asarray(density * lattice.cell_area_nm2)

    def field(self, top_volt: FloatArray, bottom_volt: FloatArray) -> FloatArray:
        """D / epsilon_0 in V/nm at voltages of any equal shape."""
        top, bottom = self.capacitances
        difference = top * np.asarray(top_volt) - bottom * np.asarray(bottom_volt)
        return np.asarray(difference / (2 * VACUUM_PERMITTIVITY) + self.field_offset)

    def voltages(
        self, filling: FloatArray, field: FloatArray, lattice: TriangularLattice
    ) -> tuple[FloatArray, FloatArray]:
        """Voltages of the top and the bottom gate in V at which filling and field (V/nm) are these."""
        top, bottom = self.capacitances
        total = np.asarray(filling) / lattice.cell_area_nm2 - self.density_offset
        difference = 2 * VACUUM_PERMITTIVITY * (np.asarray(field) - self.field_offset)
        return np.asarray((total + difference) / (2 * top)), np.asarray((total - difference) / (2 * bottom))


@checked
def displacement_mev(field: FloatArray, *, layer_distance_nm: float, layer_epsilon: float) -> FloatArray:
    """Displacement field D of the models in meV, the energy of an electron in layer b minus that in layer t.

    e (D / epsilon_0) d / epsilon. Models take D unscreened by the carriers; Hartree-Fock with a layer distance adds
    their part.

    Parameters
    ----------
    field
        D / epsilon_0 in V/nm, positive from the top gate down.
    layer_distance_nm
        Distance d of the two layers, about 0.7 nm in MoTe2.
    layer_epsilon
        Dielectric constant between the layers, perpendicular to them. Estimates range from about 7 to 10 and change D
        in proportion: state the one that is used.

    Raises
    ------
    InputError
        If the distance or the dielectric constant is not positive.
    """
    _check_layers(layer_distance_nm, layer_epsilon)
    return np.asarray(_MEV_PER_EV * np.asarray(field) * layer_distance_nm / layer_epsilon)


@checked
def field_of(displacement: FloatArray, *, layer_distance_nm: float, layer_epsilon: float) -> FloatArray:
    """D / epsilon_0 in V/nm of a displacement field in meV: the inverse of :func:`displacement_mev`."""
    _check_layers(layer_distance_nm, layer_epsilon)
    return np.asarray(np.asarray(displacement) * layer_epsilon / (_MEV_PER_EV * layer_distance_nm))


def _check_layers(layer_distance_nm: float, layer_epsilon: float) -> None:
    require(0 < layer_distance_nm < math.inf, "layer_distance_nm", "be positive and finite", layer_distance_nm)
    require(0 < layer_epsilon < math.inf, "layer_epsilon", "be positive and finite", layer_epsilon)
