"""The terms of the two-layer model as real parameters of a fit, and back to a parameter set."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from moire._arrays import FloatArray
from moire._types import checked
from moire.continuum.harmonics import Harmonic
from moire.continuum.symmetry import Component, symmetric_components
from moire.errors import InputError, nearest
from moire.parameters import ContinuumParameters
from moire.units import HBAR2_OVER_2ME

_REPRESENTATIVES = MappingProxyType(
    {
        "mass": Harmonic((0, 0), 0, 0, 1.0, (1, 1)),
        "V": Harmonic((1, 0), 0, 0, 1.0),
        "w": Harmonic((0, 0), 0, 1, 1.0),
        "V2": Harmonic((1, 1), 0, 0, 1.0),
        "w2": Harmonic((1, -2), 0, 1, 1.0),
    }
)
_COMPLEX = ("V",)
TERMS = tuple(_REPRESENTATIVES)
"""Terms that may be fitted: the mass, both layer potentials and both tunnellings."""


@checked
def components_of(terms: Sequence[str]) -> tuple[Component, ...]:
    """Real parameters of some terms: V has two, its real and imaginary part, each other term one.

    The tunnellings are real: the phase of w is a choice of the layers' phases, and that of w_2 is kept at 0 as in
    arXiv:2403.17003; so is the imaginary part of V_2.

    Raises
    ------
    InputError
        If a term is unknown or named twice, or the mass is not among them.
    """
    for term in terms:
        if term not in TERMS:
            raise InputError(f"`terms` must be of {', '.join(TERMS)}, but has {term!r}{nearest(str(term), TERMS)}")
    if len(set(terms)) < len(terms) or "mass" not in terms:
        raise InputError(f"`terms` must hold the mass, and each term once, but is {tuple(terms)}.")
    found: list[Component] = []
    for term in terms:
        parts = symmetric_components(_REPRESENTATIVES[term], term)
        found += parts if term in _COMPLEX else [Component(term, parts[0].rows)]
    return tuple(found)


def values_of(parameters: ContinuumParameters, components: Sequence[Component]) -> FloatArray:
    """Values of the components in a parameter set."""
    phase = np.exp(1j * np.radians(parameters.potential_phase_deg))
    known = {
        "mass": -HBAR2_OVER_2ME / parameters.effective_mass,
        "Re V": parameters.potential_mev * phase.real,
        "Im V": parameters.potential_mev * phase.imag,
        "w": parameters.tunnelling_mev,
        "V2": parameters.second_potential_mev,
        "w2": parameters.second_tunnelling_mev,
    }
    return np.array([float(known[component.name]) for component in components])


def physical(values: FloatArray, components: Sequence[Component]) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Names, values, and derivatives (physical, component) of m*, V, phi in degrees, w, V_2 and w_2.

    V is positive and w negative, as in the published sets of MoTe2: energies do not tell w from -w.
    """
    names, numbers, rows = [], [], []
    place = {component.name: i for i, component in enumerate(components)}

    def put(name: str, value: float, slopes: dict[str, float]) -> None:
        names.append(name)
        numbers.append(value)
        row = np.zeros(len(components))
        for component, slope in slopes.items():
            row[place[component]] = slope
        rows.append(row)

    mass = -HBAR2_OVER_2ME / values[place["mass"]]
    put("m*", mass, {"mass": mass**2 / HBAR2_OVER_2ME})
    if "Re V" in place:
        x, y = values[place["Re V"]], values[place["Im V"]]
        size = float(np.hypot(x, y)) or 1.0
        put("V", float(np.hypot(x, y)), {"Re V": x / size, "Im V": y / size})
        degrees = 180 / np.pi
        put("phi", float(np.degrees(np.arctan2(y, x))), {"Re V": -degrees * y / size**2, "Im V": degrees * x / size**2})
    for name in ("w", "V2", "w2"):
        if name in place:
            put(name, values[place[name]], {name: 1.0})
    return tuple(names), np.array(numbers), np.array(rows)


def parameter_set(
    names: Sequence[str], numbers: FloatArray, lattice_constant_nm: float, name: str
) -> ContinuumParameters:
    """Parameter set of fitted numbers; terms that were not fitted are zero."""
    found = dict(zip(names, numbers.tolist(), strict=True))
    return ContinuumParameters(
        name=name,
        potential_mev=found.get("V", 0.0),
        potential_phase_deg=found.get("phi", 0.0),
        tunnelling_mev=found.get("w", 0.0),
        effective_mass=found["m*"],
        lattice_constant_nm=lattice_constant_nm,
        second_potential_mev=found.get("V2", 0.0),
        second_tunnelling_mev=found.get("w2", 0.0),
        reference="fitted to band energies",
    )
