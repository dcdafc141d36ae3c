"""Physical constants in meV and nm, from CODATA through :mod:`scipy.constants`."""

from scipy import constants

_MEV = 1e-3 * constants.electron_volt
_NM2_PER_M2 = 1e18

HBAR2_OVER_2ME = constants.hbar**2 / (2 * constants.electron_mass) / _MEV * _NM2_PER_M2
"""hbar^2 / (2 m_e) in meV nm^2."""

KELVIN = constants.k / _MEV
"""k_B in meV/K: the energy of one kelvin."""

COULOMB = constants.e**2 / (4 * constants.pi * constants.epsilon_0) / _MEV * 1e9
"""e^2 / (4 pi epsilon_0) in meV nm."""

VACUUM_PERMITTIVITY = constants.epsilon_0 / constants.e * 1e-9
"""epsilon_0 in e/(V nm): a field of 1 V/nm ends on this many electrons per nm^2."""

FLUX_QUANTUM = constants.h / constants.e * _NM2_PER_M2
"""phi_0 = h/e in T nm^2: one electron per flux quantum."""

VON_KLITZING = constants.h / constants.e**2
"""h/e^2 in ohm."""
