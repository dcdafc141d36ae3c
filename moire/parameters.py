"""Continuum parameters of twisted MoTe2 and WSe2: the published sets and user-defined ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

from moire._shown import Shown
from moire._types import checked
from moire.citations import bibtex_of_paper
from moire.errors import InputError, nearest, require

LARGEST = {
    "potential_mev": 1e6,
    "potential_phase_deg": 1e6,
    "tunnelling_mev": 1e6,
    "effective_mass": 1e3,
    "lattice_constant_nm": 1e3,
    "second_potential_mev": 1e6,
    "second_tunnelling_mev": 1e6,
}
"""Largest size of each number, far beyond any material: squares and fourth powers of energies stay finite."""
LARGEST_FIELD_MEV = 1e6


@checked
@dataclass(frozen=True, kw_only=True)
class ContinuumParameters(Shown):
    """Material parameters of the two-layer continuum model, without twist angle, displacement field and cutoff.

    The symbols are those of arXiv:2308.07488, Eq. (1); the signs of `potential_phase_deg` and
    `tunnelling_mev` follow it, so that ``Delta_b(r) = 2 V sum cos(G_i r + phi)``.

    Parameters
    ----------
    name
        Name in plans, files and figures.
    potential_mev, potential_phase_deg
        First-harmonic layer potential V in meV and its phase phi in degrees.
    tunnelling_mev
        First-harmonic interlayer tunnelling w in meV.
    effective_mass
        Hole mass m* in units of the electron mass.
    lattice_constant_nm
        Lattice constant a_0 of the monolayer in nm.
    second_potential_mev, second_tunnelling_mev
        Second-harmonic V_2 and w_2 in meV.
    material, reference, note
        Material, publication, and note on signs.

    Raises
    ------
    InputError
        If a number is not finite, or the mass or the lattice constant is not positive.
    """

    name: str
    potential_mev: float
    potential_phase_deg: float
    tunnelling_mev: float
    effective_mass: float
    lattice_constant_nm: float
    second_potential_mev: float = 0.0
    second_tunnelling_mev: float = 0.0
    material: str = "MoTe2"
    reference: str = "user-defined"
    note: str = ""

    def __post_init__(self) -> None:
        for name, most in LARGEST.items():
            value = getattr(self, name)
            require(math.isfinite(value), name, "be finite", value)
            require(abs(value) <= most, name, f"be at most {most:g} in size", value)
        require(self.effective_mass > 0, "effective_mass", "be positive (in electron masses)", self.effective_mass)
        require(self.effective_mass >= 1e-6, "effective_mass", "be at least 1e-6 electron masses", self.effective_mass)
        require(self.lattice_constant_nm > 0, "lattice_constant_nm", "be positive (in nm)", self.lattice_constant_nm)

    @property
    def bibtex(self) -> str:
        """BibTeX entry of the paper that the numbers are from."""
        return bibtex_of_paper(self.reference, self.name)

    def __str__(self) -> str:
        text = (
            f"{self.name} ({self.material}, {self.reference}): V = {self.potential_mev} meV, "
            f"phi = {self.potential_phase_deg} deg, w = {self.tunnelling_mev} meV, "
            f"m* = {self.effective_mass} m_e, a_0 = {self.lattice_constant_nm} nm"
        )
        if self.second_potential_mev or self.second_tunnelling_mev:
            text += f", V2 = {self.second_potential_mev} meV, w2 = {self.second_tunnelling_mev} meV"
        return text


WU_2019 = ContinuumParameters(
    name="WU_2019",
    potential_mev=8.0,
    potential_phase_deg=-89.6,
    tunnelling_mev=-8.5,
    effective_mass=0.62,
    lattice_constant_nm=0.3472,
    reference="arXiv:1807.03311",
    note="First continuum model of twisted MoTe2, from untwisted stackings.",
)

WANG_2023 = ContinuumParameters(
    name="WANG_2023",
    potential_mev=20.8,
    potential_phase_deg=-107.7,
    tunnelling_mev=-23.8,
    effective_mass=0.60,
    lattice_constant_nm=0.352,
    reference="arXiv:2304.11864",
    note="Fitted to density functional theory at 3.89 degrees; sign of phi as in arXiv:2308.07488.",
)

REDDY_2023 = ContinuumParameters(
    name="REDDY_2023",
    potential_mev=11.2,
    potential_phase_deg=-91.0,
    tunnelling_mev=-13.3,
    effective_mass=0.62,
    lattice_constant_nm=0.352,
    reference="arXiv:2304.12261",
)

JIA_2023_FIRST_HARMONIC = ContinuumParameters(
    name="JIA_2023_FIRST_HARMONIC",
    potential_mev=16.5,
    potential_phase_deg=-105.9,
    tunnelling_mev=-18.8,
    effective_mass=0.60,
    lattice_constant_nm=0.352,
    reference="arXiv:2311.04958",
    note="First-harmonic fit, as quoted by others.",
)

XU_2024 = ContinuumParameters(
    name="XU_2024",
    potential_mev=2.4,
    potential_phase_deg=-90.0,
    tunnelling_mev=-5.8,
    effective_mass=0.60,
    lattice_constant_nm=0.352,
    second_potential_mev=1.0,
    second_tunnelling_mev=2.8,
    reference="arXiv:2403.17003",
    note="Two harmonics, for angles near 2 degrees.",
)

DEVAKUL_2021 = ContinuumParameters(
    name="DEVAKUL_2021",
    potential_mev=9.0,
    potential_phase_deg=128.0,
    tunnelling_mev=18.0,
    effective_mass=0.43,
    lattice_constant_nm=0.3317,
    material="WSe2",
    reference="arXiv:2106.11954",
    note="Opposite sign of phi to the MoTe2 sets: the Chern numbers are opposite too.",
)

PUBLISHED = MappingProxyType(
    {
        parameters.name: parameters
        for parameters in (WU_2019, WANG_2023, REDDY_2023, JIA_2023_FIRST_HARMONIC, XU_2024, DEVAKUL_2021)
    }
)
"""Every published set by its name."""


@checked
def published(name: str) -> ContinuumParameters:
    """Return the published set called `name`.

    Raises
    ------
    InputError
        If there is no such set; the message names the nearest.
    """
    if name not in PUBLISHED:
        raise InputError(f"`parameter_set` must be a published set, but is '{name}'{nearest(str(name), PUBLISHED)}")
    return PUBLISHED[name]
