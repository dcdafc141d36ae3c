"""Lines of the keys of a plan: every place that the parser finds, and no other."""

import tomllib
from pathlib import Path

import pytest

from moire.sweep.toml_lines import toml_lines

PLANS = sorted((Path(__file__).parents[2] / "data" / "plans").glob("*.toml"))
ODD = '''a = 1 # c
"b c".d = [1, [2,
 3], # x ]
 {e = "]", f = 'x#'}]
s = """x
[no]
y\\""" z""""
l = \'\'\'
q'' \'\'\'
[m]
x = {start = 1, stop = 2}
[[ed]]
cluster = [3,4]
[ed.sub]
z = 1979-05-27 07:32:00
[[ed]]
[[ed.t]]
y = 2
[m.n."o.p"]
k = true'''


def places(value, at=()):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {place for key, part in inner for place in ((*at, key), *places(part, (*at, key)))}


@pytest.mark.parametrize("text", [ODD, ODD.replace("\n", "\r\n"), *(path.read_text() for path in PLANS)])
def test_every_place_has_a_line(text):
    assert set(toml_lines(text)) == places(tomllib.loads(text)) != set()


def test_the_lines_are_those_of_the_keys():
    lines, rows = toml_lines(ODD), ODD.split("\n")
    keys = {
        ("a",): "a =",
        ("b c", "d", 1, 1): " 3]",
        ("b c", "d", 2, "e"): "{e",
        ("l",): "l =",
        ("m", "x", "stop"): "x =",
    }
    keys |= {
        ("ed", 0): "[[ed]]",
        ("ed", 0, "cluster"): "cluster",
        ("ed", 1, "t", 0, "y"): "y =",
        ("m", "n", "o.p", "k"): "k =",
    }
    for place, text in keys.items():
        assert text in rows[lines[place] - 1], place
    assert lines[("ed", 1)] == 16
