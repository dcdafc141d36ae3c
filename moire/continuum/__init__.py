"""The two-layer continuum model of one valley: plane waves, harmonics as data, and the model that assembles them."""

from moire.continuum.basis import PlaneWaveBasis
from moire.continuum.harmonics import Harmonic, HarmonicTable, with_conjugates
from moire.continuum.model import ContinuumModel
from moire.continuum.terms import (
    FIRST_SHELL,
    SECOND_SHELL,
    SECOND_TUNNELLING_TRANSFERS,
    TUNNELLING_TRANSFERS,
    Delta_b,
    Delta_T,
    Delta_t,
    displacement,
    harmonic_table,
    kinetic,
)

__all__ = [
    "FIRST_SHELL",
    "SECOND_SHELL",
    "SECOND_TUNNELLING_TRANSFERS",
    "TUNNELLING_TRANSFERS",
    "ContinuumModel",
    "Delta_T",
    "Delta_b",
    "Delta_t",
    "Harmonic",
    "HarmonicTable",
    "PlaneWaveBasis",
    "displacement",
    "harmonic_table",
    "kinetic",
    "with_conjugates",
]
