"""Parameter sets of one's own in a file of TOML, for the command line."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from moire._types import checked
from moire.errors import InputError
from moire.parameters import ContinuumParameters
from moire.sweep.plan_errors import fault_of
from moire.sweep.plan_source import load_table
from moire.sweep.plan_tables import ParametersTable


@checked
def read_parameters(path: Path) -> ContinuumParameters:
    """Read a parameter set from a file with the keys of the table ``[model.parameter_set]`` of a plan.

    They stand at the top of the file, or under that heading, as in a plan.

    Raises
    ------
    InputError
        If the file is missing or not TOML, a key is unknown or missing, or a value is of a wrong type or size. The
        message begins with the file and the line.
    """
    table, source = load_table(path, "parameter_set")
    place: tuple[str, ...] = ()
    while place in ((), ("model",)) and isinstance(table, dict) and len(table) == 1:
        (key,) = table
        if key not in ("model", "parameter_set"):
            break
        place, table = (*place, key), table[key]
    try:
        return ContinuumParameters(**ParametersTable.model_validate(table).model_dump())
    except ValidationError as error:
        fault, text = fault_of(error, table, lambda _: list(ParametersTable.model_fields), "a parameter set")
        raise InputError(source.mark((*place, *fault)) + text) from None
