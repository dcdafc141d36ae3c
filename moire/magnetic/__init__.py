"""Magnetic field: the continuum model at rational flux per moire cell, its subbands, and the Landau fan."""

from moire.magnetic.fan import FanGap, LandauFan, landau_fan
from moire.magnetic.model import MagneticModel
from moire.magnetic.subbands import MagneticSubbands, solve_magnetic

__all__ = ["FanGap", "LandauFan", "MagneticModel", "MagneticSubbands", "landau_fan", "solve_magnetic"]
