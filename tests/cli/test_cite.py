"""What `moire cite` prints, for every published set."""

import re

from click.testing import CliRunner

from moire import ContinuumParameters
from moire.cli import cli
from moire.parameters import PUBLISHED, WANG_2023


def cited(*names):
    return CliRunner().invoke(cli, ["cite", *names], catch_exceptions=False).output


def test_every_published_set_has_an_entry_of_its_paper():
    keys = set()
    for parameters in PUBLISHED.values():
        entry = parameters.bibtex
        number = parameters.reference.removeprefix("arXiv:")
        assert f"eprint = {{{number}}}" in entry
        assert re.search(r"^  author = \{\w+, .+ and .+\},$", entry, re.MULTILINE)
        keys.add(re.match(r"@misc\{(\w+),\n", entry)[1])
        assert entry.count("{") == entry.count("}")
    assert keys == {"Wu2018", "Wang2023", "Reddy2023", "Jia2023", "Xu2024", "Devakul2021"}


def test_the_command_prints_the_package_and_the_sets():
    assert cited("WANG_2023", "WANG_2023").count("@misc") == 2
    assert WANG_2023.bibtex in cited("WANG_2023")
    assert cited().count("@misc") == 1 + len(PUBLISHED)
    assert "@misc{moire," in cited()


def test_a_set_of_ones_own_names_its_reference():
    numbers = {"potential_mev": 1.0, "potential_phase_deg": 0.0, "tunnelling_mev": 1.0, "effective_mass": 1.0}
    mine = ContinuumParameters(name="my set", lattice_constant_nm=0.35, reference="a thesis", **numbers)
    assert "@misc{myset," in mine.bibtex
    assert "note = {a thesis}" in mine.bibtex
