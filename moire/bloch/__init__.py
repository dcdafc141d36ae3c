"""Protocols of Bloch models for bands, projection and topology, and checks that a model satisfies them.

In increasing order: :class:`MomentumModel` has H(k) on a plane, :class:`BlochModel` is periodic on a lattice,
:class:`PlaneWaveModel` has states in plane waves, so that an interaction can be projected onto its bands.
:class:`ThreefoldModel`, :class:`InversionModel` and :class:`TruncatedModel` have members that some analyses need.
No protocol needs a base class: a model satisfies it by having its members.
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
