"""Options of the command line, derived from the annotated fields of tasks and of the point."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from moire.errors import InputError, broken
from moire.parameters import PUBLISHED, ContinuumParameters, published
from moire.tasks.options import OptionField, Spelling, options_of
from moire.tasks.point import ModelPoint

FILE = click.Path(path_type=Path)


class Spelled(click.ParamType):  # type: ignore[type-arg]
    """Values written as one word, such as the mesh ``6x6``."""

    name = "text"

    def __init__(self, spelling: Spelling) -> None:
        self._read = spelling.read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a text; raise InputError with the rule if it cannot be read."""
        del ctx
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            name = param.opts[0] if param is not None else "value"
            raise InputError(broken(name, str(error), f"'{value}'")) from None


def click_option(field: OptionField) -> click.Option:
    """Option of a field."""
    chosen = field.default if field.option.alone is None else field.option.alone
    flag, help_line = f"--{field.flag}", _help(field)
    if field.kind is bool:
        return click.Option([f"{flag}/--no-{field.flag}", field.name], default=chosen, help=help_line)
    if field.kind == tuple[float, float]:
        return click.Option([flag, field.name], nargs=2, type=float, default=chosen, help=help_line)
    kind: Any = field.kind
    if field.choices:
        kind = click.Choice(list(field.choices))
    elif field.spelling is not None:
        kind = Spelled(field.spelling)
        chosen = chosen if chosen is MISSING else field.spelling.write(chosen)
    typed = None if field.spelling is None else field.spelling.typed
    if chosen is MISSING:
        return click.Option([flag, field.name], type=kind, required=True, help=help_line, metavar=typed)
    return click.Option([flag, field.name], type=kind, default=chosen, help=help_line, metavar=typed)


def task_options(task: type, only: Iterable[str] | None = None) -> Iterator[click.Option]:
    """Options of the fields of a task, or of some of them, those without a default first."""
    chosen = [field for field in options_of(task) if only is None or field.name in set(only)]
    for field in sorted(chosen, key=lambda field: field.default is not MISSING):
        yield click_option(field)


def point_options(one_valley: bool) -> Iterator[click.Option]:
    """Options of a model at one point, of one valley or of both."""
    fields = {field.name: field for field in options_of(ModelPoint)}
    words = f"Parameter set: {', '.join(PUBLISHED)}, or a file mine.toml with the keys of one."
    yield click.Option(["--set", "parameters"], default="WANG_2023", help=words)
    for name in ("twist_deg", "displacement_mev", "plane_wave_shells"):
        yield click_option(fields[name])
    if one_valley:
        yield click_option(fields["valley"])


def taken_point(options: dict[str, Any]) -> ModelPoint:
    """Remove the options of the point from those of a command, and build the point."""
    names = [field.name for field in options_of(ModelPoint) if field.name in options]
    given = {name: options.pop(name) for name in names}
    return ModelPoint(**given | {"parameters": _taken_set(given["parameters"])})


def _taken_set(name: str) -> ContinuumParameters:
    """Return a published set, or that in a file of TOML."""
    if not name.lower().endswith(".toml"):
        return published(name)
    from moire.sweep import read_parameters  # not needed for a published set

    return read_parameters(Path(name))


def result_options() -> Iterator[click.Option]:
    """Options of the output of a result."""
    yield click.Option(["--output"], type=FILE, help="Write the result to this HDF5 file.")
    yield click.Option(["--figure"], type=FILE, help="Draw the result to this file (needs --output).")


def _help(field: OptionField) -> str:
    """Line of help: a sentence without the links of the documentation."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", field.option.help).replace("`", "")
    unit = f" in {field.option.unit}" if field.option.unit else ""
    head, *rest = text.split(";", 1)
    return f"{head[0].upper()}{head[1:]}{unit}{';' if rest else ''}{''.join(rest)}."
