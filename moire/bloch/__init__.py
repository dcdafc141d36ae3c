"""The protocols of a model: what bands, projection and topology need to know about it; checks that a model keeps them.

From little to much: :class:`MomentumModel` has H(k) on a plane, :class:`BlochModel` lives on a lattice,
:class:`PlaneWaveModel` says what its states are made of, so that an interaction can be projected onto its bands.
:class:`ThreefoldModel`, :class:`InversionModel` and :class:`TruncatedModel` are what some analyses ask for on top.
No protocol needs a base class: a model that has the members is one.
"""

from moire.bloch.checks import check_hermitian, check_plane_waves, check_sewing, check_time_reversal, check_velocity
from moire.bloch.protocols import (
    BlochModel,
    InversionModel,
    MomentumModel,
    PlaneWaveModel,
    PlaneWaves,
    ThreefoldModel,
    TruncatedModel,
    is_plane_wave_model,
    is_threefold_model,
    is_truncated_model,
    plane_wave_models,
)

__all__ = [
    "BlochModel",
    "InversionModel",
    "MomentumModel",
    "PlaneWaveModel",
    "PlaneWaves",
    "ThreefoldModel",
    "TruncatedModel",
    "check_hermitian",
    "check_plane_waves",
    "check_sewing",
    "check_time_reversal",
    "check_velocity",
    "is_plane_wave_model",
    "is_threefold_model",
    "is_truncated_model",
    "plane_wave_models",
]
