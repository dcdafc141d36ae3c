"""Bloch models other than the moire one; each obeys the protocols of :mod:`moire.bloch`.

On the plane of one valley: :class:`MassiveDirac`, :class:`ChiralMultilayer`, :class:`RhombohedralMultilayer`.
On a lattice: :class:`HaldaneModel`, :class:`KaneMeleModel`, :class:`BreathingKagome`.
"""

from moire.models.chiral import ChiralMultilayer
from moire.models.dirac import MassiveDirac
from moire.models.haldane import HaldaneModel
from moire.models.hopping import Hopping, HoppingModel, Termination
from moire.models.kagome import BreathingKagome
from moire.models.kane_mele import KaneMeleModel
from moire.models.polynomial import PolynomialModel
from moire.models.rhombohedral import RhombohedralMultilayer

__all__ = [
    "BreathingKagome",
    "ChiralMultilayer",
    "HaldaneModel",
    "Hopping",
    "HoppingModel",
    "KaneMeleModel",
    "MassiveDirac",
    "PolynomialModel",
    "RhombohedralMultilayer",
    "Termination",
]
