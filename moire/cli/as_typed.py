"""Error messages on the command line name the option instead of the Python argument."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from moire.errors import InputError

_OTHER_NAMES = {
    "cluster": ("cluster", "mesh"),
    "figure": ("figure", "output"),
    "guess": ("guesses",),
    "mesh": ("mesh", "cluster"),
    "n_bands": ("bands", "groups"),
    "parameter_set": ("set",),
}
"""Options that stand for an argument that is not itself an option; the first that the command has is named."""


class OptionCommand(click.Command):
    """A command whose error messages name its options."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an InputError names the options as typed."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise InputError(as_typed(str(error), self.params)) from None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options; an InputError names them as typed."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except InputError as error:
            raise InputError(as_typed(str(error), self.params)) from None


def as_typed(sentence: str, parameters: Sequence[click.Parameter]) -> str:
    """Return the sentence with every name in backticks replaced by its option, where the command has one."""
    flags = {parameter.name: parameter.opts[0] for parameter in parameters}
    typed = set(flags.values())

    def option(match: re.Match[str]) -> str:
        if match[1] in flags:
            return f"`{flags[match[1]]}`"
        words = _OTHER_NAMES.get(match[1], (match[1].replace("_", "-"),))
        return next((f"`--{word}`" for word in words if f"--{word}" in typed), match[0])

    return re.sub(r"`(\w+)`", option, sentence)
