"""An argument of a wrong type is refused by name, in one sentence and before any work, by every public function."""
# ruff: noqa: E501 - one case a line reads best

import dataclasses
import re
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import moire as mo
from moire import exact_diagonalization as ed
from moire._type_rules import rule_of
from moire._types import checked, rules
from moire.errors import MemoryRefusedError
from moire.io import bands_record, read_bands, read_record, write_record
from moire.sweep import ModelPoint, ResultsFolder, read_plan
from tests.message_cases import BASIS, GRID, LATTICE, MODEL, PATH, WANG, bands
from tests.public_api import PUBLIC, calls, has_arguments

CALLS = {name: (function, owner) for name, function, owner in calls()}
EXEMPT = {
    "moire.sweep.plan.Plan": "pydantic checks it",
    "moire.io.topology.StoredTopology": "read from files alone",
}


class Foreign:
    """An object of no kind that the package knows."""


WRONG = {
    "an integer": [None, "3", 1.5, True, [1], float("inf"), Foreign()],
    "a number": [None, "3", False, 1j, [1.0], np.array([1.0, 2.0]), Foreign()],
    "a text": [None, 3, b"x", ["x"], Path("x"), Foreign()],
    "a path": [None, 3, ["x"], Foreign()],
    "True or False": [None, 1, "yes", [], Foreign()],
    "two integers": [None, 3, "12", (1,), (1, 2, 3), (1, "2"), (1.5, 2)],
    "two numbers": [None, 0.5, "12", (1.0,), (0, 0, 0), (0, "x")],
    "a sequence of integers": [None, 0, "01", [0, "1"], [0.5], {0: 1}],
    "an array of real numbers": [None, "text", Foreign(), [[1.0], [1.0, 2.0]], np.array([1j]), ["a"]],
    "an array of integers": [None, "text", [0.5], [[1], [1, 2]], np.array([1j])],
    "an array of numbers": [None, "text", Foreign(), [[1.0], [1.0, 2.0]]],
    "a function": [None, 3, "text"],
}  # fmt: skip
"""Values that break a rule, by its words; of all other rules a foreign object and None."""


def generated():
    """Wrong calls of every public function by its signature: the function, a name and a value that its rule refuses."""
    for label, (function, owner) in CALLS.items():
        if not hasattr(function, "__wrapped__"):
            continue
        for name, rule in rules(function.__wrapped__, owner).items():
            if rule.words == "anything" or "anything" in rule.words.split(" or "):
                continue
            values = WRONG.get(
                rule.words, [Foreign(), *([] if "None" in rule.words or "reads as" in rule.words else [None])]
            )
            for value in values:
                yield f"{label}({name}={type(value).__name__})", function, owner, name, value


GENERATED = list(generated())


def refused(call, name):
    with pytest.raises(mo.InputError) as failure:
        call()
    sentence = str(failure.value)
    assert re.fullmatch(rf"`{name}` must [^`]+, but is .+\.", sentence, re.S), sentence
    assert "\n" not in sentence
    return sentence


def test_every_public_function_refuses_wrong_types():
    assert len(GENERATED) > 1500
    passed = []
    for label, function, owner, name, value in GENERATED:
        before = {"self": None} if "self" in rules(function.__wrapped__, owner) else {}
        try:
            refused(partial(function, **before, **{name: value}), name)
        except (Exception, pytest.fail.Exception) as error:  # all at once
            passed.append((label, error))
    assert passed == []


def test_every_public_call_with_arguments_is_checked():
    unchecked = {
        label
        for label, (function, _) in CALLS.items()
        if has_arguments(function) and not hasattr(function, "__wrapped__") and label.rpartition(".")[0] not in EXEMPT
    }
    assert unchecked == set()
    assert set(EXEMPT) <= set(PUBLIC)


BY_HAND = {
    "no angle": (lambda: mo.MoireLattice.from_twist(None, 0.352), "`twist_deg` must be a number, but is None."),
    "text as potential": (lambda: dataclasses.replace(WANG, potential_mev="20"), "`potential_mev` must be a number, but is '20'."),
    "text as cutoff": (lambda: mo.PlaneWaveBasis(LATTICE, "5"), "`plane_wave_shells` must be a number, but is '5'."),
    "parameters as model": (lambda: mo.solve_bands(WANG, GRID, 1), "`models` must be a BlochModel or a sequence of BlochModel objects, but is a ContinuumParameters."),
    "band as group": (lambda: mo.topology.chern_number(bands(), 0), "`band_indices` must be a sequence of integers, but is 0."),
    "text as constant": (lambda: mo.ScreenedCoulomb(epsilon_r="10"), "`epsilon_r` must be a number, but is '10'."),
    "three phases": (lambda: mo.MomentumGrid.regular(LATTICE, 3, 3, (0, 0, 0)), "`boundary_phase` must be two numbers, but is (0, 0, 0)."),
    "name as parameters": (lambda: mo.ContinuumModel("WANG_2023", BASIS), "`parameters` must be a ContinuumParameters or a HarmonicTable, but is 'WANG_2023'."),
    "class as object": (lambda: mo.solve_bands(MODEL, mo.MomentumGrid, 1), "`momenta` must be a MomentumGrid or a KPath, but is the class MomentumGrid."),
    "bands as problem": (lambda: mo.solve_all_sectors(bands(), "1/3"), "`problem` must be a ProjectedHamiltonian, but is a BandStructure."),
    "truth value as number": (lambda: mo.solve_bands(MODEL, GRID, True), "`n_bands` must be an integer, but is True."),
    "words as states": (lambda: ed.solve_sector("sector", 1), "`hamiltonian` must be a SectorHamiltonian, but is 'sector'."),
    "path of bytes": (lambda: mo.read_result(b"x"), "`path` must be a path or a text, but is b'x'."),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_the_sentence(case):
    call, sentence = BY_HAND[case]
    with pytest.raises(mo.InputError) as failure:
        call()
    assert str(failure.value) == sentence


@pytest.mark.parametrize(
    "change",
    [{"twist_deg": "3.7"}, {"displacement_mev": None}, {"valley": 1.5}, {"parameters": "WANG_2023"}],
    ids=lambda change: next(iter(change)),
)
def test_tasks_and_points_in_python_are_checked_as_plans_are(change):
    given = {"parameters": WANG, "twist_deg": 3.7} | change
    refused(lambda: ModelPoint(**given), next(iter(change)))


def test_near_types_are_converted():
    grid = mo.MomentumGrid.regular(LATTICE, np.int64(3), 2.0, [0.5, 0])
    assert grid.moduli == (3, 2)
    assert grid.boundary_phase == (0.5, 0.0)
    assert mo.PlaneWaveBasis(LATTICE, np.float32(2)).plane_wave_shells == 2
    assert mo.PlaneWaveBasis(LATTICE, np.array(2.0)).size == 19
    groups = mo.topology.chern_number(bands(2, mo.MomentumGrid.regular(LATTICE, 3, 3)), np.array([0]))
    assert groups.band_indices == (0,)


def test_texts_name_files_wherever_paths_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ResultsFolder("out").path == Path("out")
    write_record("bands.h5", bands_record(bands(2, PATH), bands(2)))
    assert read_bands(read_record("bands.h5"))[0].n_bands == 2
    with pytest.raises(mo.InputError, match=r"`plan` must be a readable file, but nowhere\.toml is not"):
        read_plan("nowhere.toml")
    names = [
        name
        for function, owner in CALLS.values()
        if hasattr(function, "__wrapped__")
        for name, rule in rules(function.__wrapped__, owner).items()
        if rule.words.startswith("a path") and rule.read("x") not in (Path("x"), "x")
    ]
    assert names == []


def test_large_grids_are_refused_before_anything_is_allocated():
    for call in (
        lambda: mo.MomentumGrid.regular(LATTICE, 10**6, 10**6),
        lambda: mo.MomentumGrid(LATTICE, np.diag([10**5, 10**6])),
    ):
        with pytest.raises(
            MemoryRefusedError, match=r"^A grid of \d+ momenta would take .*; a smaller mesh would fit\.$"
        ):
            call()


@pytest.mark.parametrize(
    ("annotation", "accepted", "words"),
    [
        ("Fraction", [Fraction(1, 3), 2, "-2/3"], "a fraction such as '2/3'"),
        ("int | None", [None, 3], "an integer or None"),
        ("tuple[float, float]", [(1, 2.5), [0.1, 2], np.array([1.0, 2.0])], "two numbers"),
        ("tuple[tuple[int, int], ...]", [(), [(1, 2)]], "a sequence of sets of two integers"),
        ("Sequence[str]", [["a"], ("b",)], "a sequence of texts"),
        ("Literal['a', 'b']", ["a", "of its own"], "a text"),
        ("np.ndarray", [np.zeros(2)], "a ndarray"),
        ("Unknown | None", [None], "an Unknown or None"),
        ("Callable[[int], float]", [abs], "a function"),
    ],
)
def test_annotations_in_words(annotation, accepted, words):
    from collections.abc import Callable, Sequence
    from typing import Literal

    known = {"Fraction": Fraction, "Sequence": Sequence, "Literal": Literal, "np": np, "Callable": Callable}
    rule = rule_of(annotation, known)
    assert rule.words == words
    for value in accepted:
        rule.read(value)


def test_what_is_not_given_is_left_to_python():
    @checked
    def add(a: int, b: int = 2, *more: int, **named: str) -> int:
        return a + b + sum(more) + len(named)

    assert add(1) == 3
    assert add(1.0, b=3) == 4
    assert add(1, 2, 3, x="y") == 7
    with pytest.raises(TypeError, match="missing 1 required"):
        add(b=1)
