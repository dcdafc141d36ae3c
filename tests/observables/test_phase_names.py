"""Names of mean-field phases: every combination of invariants, and each name against its own meaning."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from moire.io import read_record
from moire.observables.mean_field.phase_names import Invariants, name_phase

ORDER = 0.02
BELOW, ABOVE = 0.0199, 0.5
NUMBERS = (-2, -1, 0, 1, 2)


def totals(valleys):
    """What the total can read: the sum where it is known, and not known where the mesh is too coarse for it."""
    return (None, sum(valleys)) if None not in valleys else (None, *NUMBERS)


TWO_VALLEYS = [
    Invariants(
        coherence=coherence,
        staggering=staggering,
        valley_polarisation=polarisation,
        staggered_moment=moment,
        chern=chern,
        valley_chern=valleys,
    )
    for valleys in itertools.product((*NUMBERS, None), repeat=2)
    for chern in totals(valleys)
    for coherence, staggering, polarisation, moment in itertools.product(
        (0.0, BELOW, ABOVE), (-1.0, 1.0), (0.0, -BELOW, 1.0, -1.0), (0.0, BELOW, -BELOW, ABOVE, -ABOVE)
    )
]
ONE_VALLEY = [
    Invariants(coherence=0.0, staggering=0.0, valley_polarisation=0.0, staggered_moment=0.0, chern=c, valley_chern=(c,))
    for c in (*NUMBERS, None)
]


def allowed(state):
    """Names whose meaning the numbers satisfy, each written down for itself."""
    coherent = state.coherence > ORDER
    polarised = len(state.valley_chern) == 1 or abs(state.valley_polarisation) > ORDER
    staggered = abs(state.staggered_moment) > ORDER
    known = None not in state.valley_chern
    first, second = (*state.valley_chern, 0)[:2]
    reversed_ = known and first == -second  # what time reversal asks for
    neutral = not coherent and not polarised
    meanings = {
        "AFMxy": coherent and state.staggering < 0 and state.chern == 0,
        "IVC": coherent and not (state.staggering < 0 and state.chern == 0),
        "QAH": not coherent and polarised and state.chern not in (0, None),
        "VP": not coherent and polarised and state.chern == 0,
        "AFMz": neutral and (staggered or (known and not reversed_) or (not known and bool(state.chern))),
        "QSH": neutral and not staggered and reversed_ and abs(first) % 2 == 1,
        "BI": neutral and not staggered and reversed_ and first % 2 == 0,
        "insulator": not coherent
        and not staggered * neutral
        and (state.chern is None if polarised else not known and not state.chern),
    }
    return [name for name, holds in meanings.items() if holds]


def test_every_name_fits_its_own_invariants():
    seen = set()
    for state in TWO_VALLEYS + ONE_VALLEY:
        name = name_phase(state, ORDER)
        assert allowed(state) == [name], state
        seen.add(name)
        if name in ("QSH", "BI"):
            assert sum(state.valley_chern) == 0
            assert state.chern in (0, None)
    assert seen == {"AFMxy", "IVC", "QAH", "VP", "AFMz", "QSH", "BI", "insulator"}


@pytest.mark.parametrize("valleys", [(1, 0), (0, 1), (-1, 0), (0, -1), (2, -1), (1, 1), (-1, -1)])
def test_a_state_that_breaks_time_reversal_is_no_quantum_spin_hall_insulator(valleys):
    weak = Invariants(
        coherence=0.0,
        staggering=0.0,
        valley_polarisation=0.0,
        staggered_moment=BELOW,
        chern=sum(valleys),
        valley_chern=valleys,
    )
    assert name_phase(weak, ORDER) == "AFMz"


def test_numbers_that_contradict_each_other_name_nothing():
    odd = Invariants(
        coherence=0.0, staggering=0.0, valley_polarisation=0.0, staggered_moment=0.0, chern=1, valley_chern=(1, -1)
    )
    assert name_phase(odd, ORDER) == "insulator"


@pytest.mark.parametrize("name", ["hf_nu2_field_epsilon", "hf_nu2_all_waves", "hf_nu2_angle_field", "hf_nu1"])
def test_names_of_the_reference_data_fit_their_invariants(name):
    table = read_record(Path(__file__).parents[2] / "data" / "reference" / f"{name}.h5").datasets
    columns = {key.removeprefix("hf/"): np.asarray(dataset.values) for key, dataset in table.items()}
    phases, chern = columns["phase"].astype(str), np.round(columns["chern"])
    order = {key: np.abs(columns[key]) > ORDER for key in ("coherence", "valley_polarisation", "staggered_moment")}
    assert set(phases) <= {"AFMxy", "IVC", "QAH", "VP", "AFMz", "QSH", "BI"}
    for trivial in ("QSH", "BI", "AFMxy", "VP"):
        assert (chern[phases == trivial] == 0).all(), trivial
    np.testing.assert_array_equal(np.isin(phases, ["AFMxy", "IVC"]), order["coherence"])
    polarised = order["valley_polarisation"] & ~order["coherence"]
    np.testing.assert_array_equal(np.isin(phases, ["QAH", "VP"]), polarised)
    np.testing.assert_array_equal(phases == "QAH", polarised & (chern != 0))
    magnetic = order["staggered_moment"] | (chern != 0)
    np.testing.assert_array_equal(phases == "AFMz", magnetic & ~polarised & ~order["coherence"])
    named = columns["runner_up"].astype(str) != ""
    np.testing.assert_array_equal(named, np.isfinite(columns["margin"]))
    assert (columns["margin"][named] >= 0).all()
    assert columns["converged"].all()


def test_all_plane_waves_move_the_lines_of_the_diagram_down():
    """Bands left out favour AFMxy over AFMz and AFMz over BI; at eps = 20 the phases are those of arXiv:2308.07488."""
    tables = []
    for name in ("hf_nu2_field_epsilon", "hf_nu2_all_waves"):
        table = read_record(Path(__file__).parents[2] / "data" / "reference" / f"{name}.h5").datasets
        columns = [np.asarray(table[f"hf/{key}"].values) for key in ("D", "epsilon", "phase")]
        tables.append({(d, round(e, 1)): str(phase) for d, e, phase in zip(*columns, strict=True) if d % 2 == 0})
    few, every = tables
    assert set(few) == set(every)
    changes = [(few[cell], every[cell]) for cell in few if few[cell] != every[cell]]
    assert set(changes) == {("AFMxy", "AFMz"), ("AFMz", "BI")}
    assert len(changes) == 23
    line = {field: every[field, 20.0] for field in range(0, 51, 2)}
    published = {field: "AFMxy" if field <= 26 else "AFMz" if field <= 44 else "BI" for field in line}
    assert line == published
