"""Refusals on the command line name the option that was typed, not the argument that it becomes in Python."""

from __future__ import annotations

import re
from typing import Any

import click

from moire.errors import InputError

_OPTIONS = {
    "bands": ("groups",),
    "cluster": ("cluster", "mesh"),
    "displacement_mev": ("displacement",),
    "epsilon_r": ("epsilon",),
    "figure": ("figure", "output"),
    "flux_directions": ("flux",),
    "gate_distance_nm": ("gate-distance",),
    "guess": ("guesses",),
    "layer_distance_nm": ("layer-distance",),
    "mesh": ("mesh", "cluster"),
    "n_bands": ("bands", "groups"),
    "n_eigenstates": ("states",),
    "n_flux_steps": ("flux-steps",),
    "n_kept": ("kept",),
    "n_modes": ("modes",),
    "n_random": ("random",),
    "parameter_set": ("set",),
    "plane_wave_shells": ("shells",),
    "points_per_segment": ("segment",),
    "temperature_mev": ("temperature",),
    "tolerance_mev": ("tolerance",),
    "twist": ("boundary-twist",),
    "twist_deg": ("twist",),
    "twist_mesh": ("twists",),
}
"""Options, the first of which a command has, of the arguments of other names."""


class OptionCommand(click.Command):
    """A command whose refusals speak of its options."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an InputError names the options as they are typed."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise InputError(as_typed(str(error), {flag for option in self.params for flag in option.opts})) from None


def as_typed(sentence: str, flags: set[str]) -> str:
    """Return the sentence with every name in backticks replaced by its option, where the command has one."""

    def option(match: re.Match[str]) -> str:
        words = _OPTIONS.get(match[1], (match[1].replace("_", "-"),))
        return next((f"`--{word}`" for word in words if f"--{word}" in flags), match[0])

    return re.sub(r"`(\w+)`", option, sentence)
