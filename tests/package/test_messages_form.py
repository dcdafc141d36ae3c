"""The form of every message in the source: one sentence, a verb after "must", a clause after "but"."""

import ast
import re
from functools import cache
from pathlib import Path

import click
import numpy as np
import pytest

import moire as mo
from moire.cli.as_typed import as_typed
from moire.errors import is_whole, require

PACKAGE = Path(mo.__file__).parent
VERBS = {
    "act", "allow", "ask", "be", "belong", "bound", "conserve", "cross", "differ", "divide", "enclose", "end", "exceed",
    "fill", "form", "give", "go", "have", "hold", "include", "keep", "leave", "lie", "list", "mix", "name",
    "put", "reach", "read", "return", "satisfy", "share", "split", "turn",
}  # fmt: skip
FORBIDDEN = (
    "but is one", "full of", "must not need", "be right", "but is a mixture", "but is of {", "but is on ",
    "but is with", "by itself", "without a word", "is so by", " less the ", "but for ", "  ",
)  # fmt: skip


def texts(node, names):
    """Texts that an expression may be, with {} for what is filled in; () where it cannot be told."""
    if isinstance(node, ast.Constant):
        return (str(node.value),)
    if isinstance(node, ast.JoinedStr):
        return ("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),)
    if isinstance(node, ast.IfExp):
        return texts(node.body, names) + texts(node.orelse, names)
    if isinstance(node, ast.Name):
        return tuple(text for value in names.get(node.id, ()) for text in texts(value, {}))
    return ()


@cache
def calls():
    """(place, call, names assigned in its function) of every call in the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef):
                continue
            names = {}
            for node in ast.walk(scope):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    names.setdefault(node.targets[0].id, []).append(node.value)
            every = [node for node in ast.walk(scope) if isinstance(node, ast.Call)]
            found += [(f"{path.relative_to(PACKAGE)}:{node.lineno}", node, names) for node in every]
    return found


def called(node):
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def sentences():
    """Every message as (place, text), those of `require` put together."""
    found = []
    for place, node, names in calls():
        if called(node) == "require" and len(node.args) > 2:
            clauses = [text for word in node.keywords for text in texts(word.value, names)]
            if len(node.args) > 3:
                clauses = [f"is {text}" for text in texts(node.args[3], names)] or ["is {}"]
            for rule in texts(node.args[2], names):
                found += [(place, f"`name` must {rule}, but {clause}.") for clause in clauses or ["{}"]]
        elif called(node) in ("InputError", "FileFormatError", "SchemaError") and node.args:
            found += [(place, text) for text in texts(node.args[0], names)]
    return sorted(set(found))


def test_every_message_was_found():
    found = sentences()
    assert len(found) > 300
    assert len({place for place, _ in found}) > 280
    untold = {
        place
        for place, node, names in calls()
        if called(node) == "require" and not texts(node.args[2], names) and "errors.py" not in place
    }
    assert not untold


def test_every_message_has_the_form_of_a_sentence():
    wrong = []
    for place, text in sentences():
        if text == "{}" or place.startswith("errors.py"):
            continue
        form = re.fullmatch(r"`[^`]+`(?: and `\w+`)? must (not )?(\w+) .*, but .+?(\.|\{\})", text)
        if form is None or form[2] not in VERBS:
            wrong.append((place, text))
        if any(piece in text for piece in FORBIDDEN) or text.endswith("..") or re.search(r"[a-z]\. [A-Z]", text):
            wrong.append((place, text))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_warning_is_a_sentence_too():
    found = {
        (place, text) for place, node, names in calls() if called(node) == "warn" for text in texts(node.args[0], names)
    }
    assert len(found) > 10
    wrong = [(place, text) for place, text in found if not re.fullmatch(r"[A-Z].*[^.](\.|\{\})", text)]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_clause_of_its_own_replaces_is_value():
    require(True, "x", "be anything", 0)
    with pytest.raises(mo.InputError, match=r"^`x` must hold 3, but holds 17\.$"):
        require(False, "x", "hold 3", found="holds 17")
    with pytest.raises(mo.InputError, match=r"^`x` must be given, but is None\.$"):
        require(False, "x", "be given", None)


def test_values_of_numpy_are_shown_as_python_shows_them():
    with pytest.raises(mo.InputError, match=r"but is \(2, \[0\.5\]\)\.$"):
        require(False, "x", "be even", (np.int64(2), [np.float64(0.5)]))
    with pytest.raises(mo.InputError, match=r"but is \[1, 2\]\.$"):
        require(False, "x", "be even", np.array([1, 2]))


@pytest.mark.parametrize(("value", "whole"), [(2, True), (2.0, True), (2.5, False), (float("inf"), False)])
def test_infinity_and_nan_are_no_integers(value, whole):
    assert is_whole(value) is whole
    assert not is_whole(float("nan"))


def test_names_are_those_of_the_options():
    twist, mesh, phase = (
        click.Option(["--twist", "twist_deg"]),
        click.Option(["--mesh"]),
        click.Option(["--boundary-phase"]),
    )
    flags = [twist, mesh, phase]
    assert as_typed("`twist_deg` must be `even`.", flags) == "`--twist` must be `even`."
    assert as_typed("`boundary_phase` must be finite.", flags) == "`--boundary-phase` must be finite."
    assert as_typed("`boundary_phase` must be finite.", [twist]) == "`boundary_phase` must be finite."
    assert as_typed("`cluster` must fit.", flags) == "`--mesh` must fit."
