"""Faults of plans in one sentence each, in the words of TOML."""
# ruff: noqa: E501 - one case a line reads best

import pytest

import moire as mo
from moire.sweep import parse_plan, read_plan

ED = {"cluster": [3, 4], "filling": "-2/3"}
SENTENCES = [
    ({"ed": [ED]}, "`tasks` must name ed, whose table ed is given, but names bands, chern."),
    ({"tasks": ["hf"], "hf": [{}], "interaction": {"epsilon_r": 5}}, "`tasks` must name ed or fci, whose table interaction is given, but names hf."),
    ({"tasks": ["bands"], "chern": {"mesh": [6, 6]}}, "`tasks` must name chern, whose table chern is given, but names bands."),
    ({"tasks": ["ed"], "ed": ED}, "`ed` must be a list of tables, [[ed]], but is { cluster = [3, 4], filling = '-2/3' }."),
    ({"tasks": ["ed"], "ed": [ED | {"cluster": [3, 4, 5]}]}, "`ed.0.cluster` must hold two values, but is [3, 4, 5]."),
    ({"tasks": ["ed"], "ed": [ED | {"filling": 0.1234567891234}]}, "`ed.0.filling` must give an integer number of carriers on the cluster, but 0.123457 x 12 = 1.48148 on 3x4; write a fraction as a text, such as '2/3'."),
    ({"tasks": ["ed"], "ed": [ED | {"polarisation": "x"}]}, "`ed.0.polarisation` must be a list, or 'all', but is 'x'."),
    ({"tasks": ["hf"], "hf": [{"n_bands": "al"}]}, "`hf.0.n_bands` must be an integer, or 'all', but is 'al'."),
    ({"tasks": ["hf"], "hf": [{"reference": "given"}]}, "`hf.0.reference` must be 'vacuum', 'hole_vacuum', 'electron_vacuum' or 'average', but is 'given'."),
    ({"bands": {"n_bands": 1.0}}, "`bands.n_bands` must be an integer, but is 1.0."),
    ({"where": 3}, "`where` must be a text or a list of texts, but is 3."),
    ({"model": {"parameter_set": "WANG_2023", "twist_deg": 3.7, "plane_wave_shells": "5"}}, "`model.plane_wave_shells` must be a number, or 'auto', but is '5'."),
    ({"model": {"parameter_set": "WANG_2023", "twist_deg": 0.001}}, "`model.twist_deg` must be larger without a cutoff of its own, but is 0.001, where the default cutoff would be 198 plane_wave_shells."),
]  # fmt: skip


@pytest.mark.parametrize(("table", "sentence"), SENTENCES, ids=[sentence[:40] for _, sentence in SENTENCES])
def test_a_plan_is_refused_in_the_words_of_toml(table, sentence):
    with pytest.raises(mo.InputError) as failure:
        parse_plan({"model": {"parameter_set": "WANG_2023", "twist_deg": 3.7}} | table).requests()
    assert str(failure.value) == sentence


def test_a_plan_that_is_no_table_is_refused():
    with pytest.raises(mo.InputError, match=r"^`table` must be a dictionary, but is 3\.$"):
        parse_plan(3)


def test_a_table_of_a_base_plan_may_stay_unread(tmp_path):
    (tmp_path / "base.toml").write_text(
        'tasks = ["ed"]\n[model]\nparameter_set = "WANG_2023"\ntwist_deg = 3.7\n[[ed]]\ncluster = [3, 4]\nfilling = "-2/3"\n'
    )
    own = tmp_path / "own.toml"
    own.write_text('extends = "base.toml"\ntasks = ["bands"]\n')
    assert [request.task.name for request in read_plan(own).requests()] == ["bands"]
    own.write_text('extends = "base.toml"\ntasks = ["bands"]\n[chern]\nmesh = [6, 6]\n')
    with pytest.raises(mo.InputError, match=r"own.toml, line 2: `tasks` must name chern, whose table chern is given"):
        read_plan(own).requests()
