"""The table of validation: complete, true, and computed by this package."""

import json
import re

import click
import numpy as np
import pytest

from moire.cli import cli
from tests.reference.validation import QUICK, SLOW, STORED, numbers, rows, topics

ROWS = list(rows())
# Stored with all digits: another processor keeps these, a search for a minimum stops at 1e-3 degrees or 1e-4 meV,
# and self-consistent states at a residual of 1e-6 meV.
DIGITS = 2e-4


def check(sources):
    stored = json.loads(STORED.read_text())
    found = numbers(sources)
    for name, value in found.items():
        if isinstance(value, str):
            assert value == stored[name], name
        else:
            np.testing.assert_allclose(value, stored[name], rtol=DIGITS, atol=1e-9, err_msg=name)
    return set(found)


def test_there_are_many_rows_of_many_sources():
    assert len(ROWS) >= 50
    papers = {
        re.sub(r",? ?(Fig.*|abstract|from the .*)$", "", row.source) for row in ROWS if "program" not in row.source
    }
    assert len(papers) >= 12


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.topic}: {row.quantity}, {row.setting}, {row.source}")
def test_a_row_agrees_or_says_why(row):
    assert row.agrees != bool(row.why), f"differs by {row.difference} {row.unit}, tolerance {row.tolerance}"
    assert row.source
    assert row.command
    if row.command.startswith("moire "):
        name, *words = row.command.split()[1:]
        known = {option for each in cli.commands[name].params for option in each.opts if isinstance(each, click.Option)}
        assert {word for word in words if word.startswith("--")} <= known


def test_no_stored_number_is_idle():
    named = {row["ours"] for topic in topics() for row in topic["rows"] if isinstance(row["ours"], str)}
    assert named == set(json.loads(STORED.read_text()))


def test_the_quick_numbers_are_those_stored():
    assert len(check(QUICK)) > 30


@pytest.mark.slow
def test_the_other_numbers_are_those_stored():
    assert len(check(SLOW)) > 30
