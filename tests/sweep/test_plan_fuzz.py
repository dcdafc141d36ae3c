"""Plans with random faults: each is a plan that works, or one sentence; never a traceback, a hang or much memory."""
# ruff: noqa: E501 - tables of values

import signal
import tracemalloc

import numpy as np
import pytest

from moire.errors import MoireError
from moire.sweep import read_plan

SECONDS, BYTES = 30, 300e6  # of one plan, both far above what an honest one needs

LINES = {
    "": ['name = "fuzz"', 'tasks = ["bands", "chern", "topology", "hf", "ed", "fci"]'],
    "[model]": [
        'parameter_set = "WANG_2023"', "twist_deg = { start = 3.5, stop = 3.7, step = 0.1 }",
        "displacement_mev = [0, 10]", "plane_wave_shells = 3", "valley = 1",
    ],
    "[bands]": ["n_bands = 2", "mesh = [6, 6]", "points_per_segment = 3"],
    "[chern]": ["bands = [[0], [0, 1]]", "mesh = [6, 6]"],
    "[topology]": ["bands = [[0]]", "mesh = [6, 6]", "index_radius = 0.25"],
    "[interaction]": [
        "epsilon_r = [5, 10]", 'gates = "dual"', "gate_distance_nm = 30", "layer_distance_nm = 0.7", "q_cutoff = 2",
        'zero_momentum = "drop"',
    ],
    "[[hf]]": [
        'filling = "-2"', "mesh = [3, 3]", "n_bands = 2", "epsilon_r = 20", 'supercell = ""', 'boost = ""',
        'symmetry = "free"', 'guesses = ["AFMxy"]', "n_random = 2", "temperature_mev = 0.0", "tolerance_mev = 1e-6",
        "n_modes = 0", "q_cutoff = 2.0",
    ],
    "[[ed]]": [
        "cluster = [2, 3]", 'filling = "-2/3"', "boundary_phase = [0.0, 0.5]", "n_bands = 1", 'valleys = "one"',
        "n_eigenstates = 2", "seed = 0", "polarisation = []", "max_promoted = []",
    ],
    "[[fci]]": [
        "cluster = [3, 4]", 'filling = "-2/3"', "n_kept = -1", "flux_directions = [1]", "n_flux_steps = 4",
        "phase_mesh = [2, 2]", "with_charge_gap = false",
    ],
    "[refine]": ['axis = "displacement_mev"', "min_step = 5"],
}  # fmt: skip
VALUES = [
    "0", "-1", "1", "3", "1e-12", "1e300", "-1e300", "1e-300", "nan", "inf", "-inf", "true", "false", '""', '"a"',
    "'x'", "[]", "[[]]", "[0, 0]", "[1, 1]", "[-3, 3]", "[30000, 30000]", "[1000000, 1000002]", "[1000, 1000]",
    "[[2, 1], [-1, 4]]", "[[1, 2], [2, 4]]", "[[1000000, 1], [1, 1000000]]", "{ start = 1, stop = 30, step = 1e-12 }",
    "{ start = 1, stop = inf, step = 1 }", '{ start = "a", stop = 3, step = 1 }', "{ start = 1, stop = 1e308, step = 1 }",
    "{ start = 3, stop = 3, step = 0 }", "{ stop = 3 }", "{ }", '"1e1000000"', '"1/0"', '"-2/3"', '"9/7"', "1000000000000",
    "9" * 40, "9" * 400, "9" * 5000, f'"{"9" * 4290}/7"', r'"a\u001b[2J"', r'"\u0000"', r'"\u202e"', '"../x"', '"/"', '"all"',
    "1979-05-27", "07:32:00", '["all"]', "[1]", "[0.5]", "[[0], [0]]", "[nan, 1]", "[true, 1]", '["1", "2"]', "0x10", "1_000",
    '"both"', '"sqrt3"', '"exchange"', '"none"', "[1, 2, 3]", "1e9", "100000", "200", '"a\\nb"', '"""\nx\n"""', f'"{"n" * 300}"',
    '"twist_deg < 3.6"', '["task == 1"]', '"9**9**9 > twist_deg"', '"twist_deg / 0 > 1"', '["twist_deg", "epsilon_r"]',
    '["twist_deg", "displacement_mev"]', '["hf"]', '["ed", "ed"]', '"fuzz.toml"', '"absent.toml"', "{ name = 1 }",
]  # fmt: skip
MILD = [
    "1",
    "2",
    "3",
    "4.5",
    "0.5",
    "[2, 2]",
    "[4, 4]",
    "[3, 6]",
    "[[0], [1]]",
    "[1, 2]",
    '"-1"',
    '"1/3"',
    "[5, 10]",
    "{}",
]
KEYS = [
    "where",
    "zip",
    "extends",
    "refine",
    "model",
    "ed",
    "mesh",
    "x.y",
    '"a\\u001b[2J"',
    "n_eigenstates",
    "twist_dge",
]
SCRAPS = ["=", "[", "]", '"', "'''", "\x00", "\x1b", "#", "\n", "\r", "\\", "[" * 2000, "[[", ".", ",", "é", "{", "}"]


def faulty_plan(rng):
    """A plan with up to three faults, as text."""
    lines = {head: list(body) for head, body in LINES.items()}
    tasks = rng.choice(["bands", "chern", "topology", "hf", "ed", "fci"], rng.integers(1, 4), replace=False)
    lines[""][1] = f"tasks = [{', '.join(f'{chr(34)}{task}{chr(34)}' for task in tasks)}]"
    if rng.random() < 0.8:
        del lines["[refine]"]
    relevant = ["", "[model]", "[interaction]", *(h for h in lines if h.strip("[]") in {*tasks, "refine"})]
    for _ in range(rng.integers(1, 3)):
        head = relevant[rng.integers(len(relevant))]
        row, kind = int(rng.integers(len(lines[head]) or 1)), rng.random()
        pool = MILD if rng.random() < 0.4 else VALUES
        value = pool[rng.integers(len(pool))]
        if not lines[head] or kind < 0.15:
            lines[head].append(f"{KEYS[rng.integers(len(KEYS))]} = {value}")
        elif kind < 0.85:
            lines[head][row] = f"{lines[head][row].split(' = ')[0]} = {value}"
        elif kind < 0.9:
            del lines[head][row]
        elif kind < 0.93:
            lines[head].append(lines[head][row])
        else:
            text, scrap = lines[head][row], SCRAPS[rng.integers(len(SCRAPS))]
            at = int(rng.integers(len(text) + 1))
            lines[head][row] = text[:at] + scrap + text[at:]
    read = {*relevant} if {"ed", "fci"} & {*tasks} else {*relevant} - {"[interaction]"}
    return "\n".join(f"{head}\n" + "\n".join(body) for head, body in lines.items() if head in read)


class Hang(BaseException):
    """A plan took longer than any honest one."""


def stop(*_):
    raise Hang


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 240), marks=pytest.mark.slow)], ids=["40", "200"])
def test_a_faulty_plan_is_refused_in_one_sentence_or_works(seeds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fuzz.toml"
    before, outcomes = signal.signal(signal.SIGALRM, stop), []
    tracemalloc.start()
    try:
        for seed in seeds:
            text = faulty_plan(np.random.default_rng([13, seed]))
            path.write_text(text, newline="")
            tracemalloc.reset_peak()
            held = tracemalloc.get_traced_memory()[0]
            signal.alarm(SECONDS)
            try:
                sentence = "" if read_plan(path).requests() else "nothing"
            except MoireError as error:
                sentence = str(error)
            except (Exception, Hang) as error:
                raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{text}") from error
            finally:
                signal.alarm(0)
            assert tracemalloc.get_traced_memory()[1] - held < BYTES, (seed, text)
            outcomes.append(sentence)
            if sentence:
                assert sentence[-1] in ".?", (seed, sentence)
                assert sentence.isprintable(), (seed, sentence)
                assert len(sentence) < 700, (seed, sentence)
                assert str(path) in sentence, (seed, sentence)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        tracemalloc.stop()
    refused = sum(map(bool, outcomes)) / len(outcomes)
    assert 0.5 < refused < 1  # the faults are met, and some plans survive theirs
