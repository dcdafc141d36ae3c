"""Every check of a report: its answer and its sentence come from one decision, for yes, no and undecided."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization.manifold import find_manifold
from moire.observables import (
    ChargeGap,
    ChargeOrder,
    Check,
    EntanglementSpectrum,
    FciReport,
    ManyBodyChern,
    MomentumOccupation,
    QuantumWeight,
    SpectralFlow,
    StructureFactor,
    charge_gap,
    charge_order,
    fci_report,
    structure_factor,
)
from moire.verdicts import Verdict
from tests.fractional_cases import problem_on, solved

GRID = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 1, 3)
THIRD, NAN, INF = Fraction(1, 3), float("nan"), float("inf")
LABELS = ((0, 0), (0, 1), (0, 2))
HEXAGON = ((4, 2), (-2, 2))  # 12 cells, where the tower of the wave has the momenta of the fractional state
HEADS = {
    "manifold": ("FCI signature", "No FCI signature", "Weak"),
    "flow": ("Spectral flow", "No spectral flow of a manifold"),
    "chern": ("Chern number of the filling", "Chern number other than the filling"),
    "entanglement": ("Laughlin counting", "No Laughlin counting", "Weak"),
    "order": ("Charge-density wave", "No charge-density wave"),
    "charge": ("Charge gap", "No charge gap"),
}


def manifold(levels):
    return find_manifold(GRID, THIRD, LABELS, np.full(3, 100), np.array(levels, dtype=float))


def flow(gaps=(1.0, 1.0), **changes):
    settings = {
        "permutation": (1, 2, 0),
        "every_sector": True,
        "converged": True,
        "min_link": 0.9,
        "splitting": np.array([0.1, 0.2]),
    }
    return SpectralFlow(
        *(GRID, THIRD, 1, np.array([0.0, 1.0]), LABELS, np.zeros((2, 3, 2)), LABELS, np.zeros((2, 3))),
        gap=np.array(gaps),
        closure_mev=1e-7,
        seed=0,
        **(settings | changes),
    )


def chern(value=1.0, **changes):
    settings = {"pumped": value, "min_link": 0.9, "converged": True, "min_gap": 1.0, "momenta": LABELS}
    settings |= {"filling": THIRD, "cluster": GRID.name}
    return ManyBodyChern(
        value=value,
        flux=np.zeros((6, 6)),
        max_flux=0.1,
        min_position=0.5,
        max_step=1.0,
        max_splitting=0.1,
        mesh=(6, 6),
        carrier="hole",
        seed=0,
        **(settings | changes),
    )


def entanglement(levels, predicted=(1, 1, 1)):
    eigenvalues = np.exp(-np.array(levels, dtype=float))
    counts = None if predicted is None else np.array(predicted)
    return EntanglementSpectrum(GRID, 6, 2, np.full((3, 1), 2), "carriers", ((0, 0),), eigenvalues, counts)


def order(peak=1.0, gap=-1.0, **changes):
    settings = {"background": 1.0, "momenta": LABELS, "shared": False, "fci_gap": NAN}
    return ChargeOrder(
        corner_peak=peak,
        projected_peak=peak - 0.5,
        largest_at=(0, 1),
        energies=(0.0, 0.0, 0.0),
        splitting=0.1,
        gap=gap,
        peak_threshold=2.0,
        n_carriers=3,
        **(settings | changes),
    )


def charge(middle, rule="drop", converged=True):
    return ChargeGap(GRID, THIRD, 1, (0.0, middle, 0.0), LABELS, 0.5, 2.0, rule, converged, 0)


CASES = [
    ("manifold", True, manifold([[0.0, 2.0], [0.1, 2.1], [0.2, 1.9]])),
    ("manifold", False, manifold([[0.0, 0.1], [0.1, 2.1], [0.2, 1.9]])),  # another state lies lower
    ("manifold", False, manifold([[0.0, 2.0], [0.5, 2.1], [1.2, 1.9]])),  # a gap below the splitting
    ("manifold", None, manifold([[0.0], [0.1], [0.2]])),
    ("manifold", None, manifold([[0.0, 2.0], [NAN, NAN], [0.2, 1.9]])),
    ("flow", True, flow()),
    ("flow", True, flow((INF, INF))),  # every state of every sector belongs to the manifold
    ("flow", False, flow((1.0, -0.1))),
    ("flow", False, flow((1.0, -0.1), every_sector=False)),
    ("flow", False, flow(permutation=None)),
    ("flow", None, flow((1.0, NAN))),
    ("flow", None, flow(converged=False)),
    ("flow", None, flow(every_sector=False)),
    ("flow", None, flow(min_link=0.3)),
    ("chern", True, chern()),
    ("chern", True, chern(-1.0)),
    ("chern", False, chern(2.0)),
    ("chern", False, chern(0.0)),
    ("chern", None, chern(1.0, min_link=0.3)),
    ("chern", None, chern(1.0, pumped=2.0)),
    ("chern", None, chern(1.0, converged=False)),
    ("chern", None, chern(NAN)),
    ("entanglement", True, entanglement([[1.0, 5.0], [1.1, 5.1], [1.2, 5.2]])),
    ("entanglement", True, entanglement([[1.0, INF], [1.1, INF], [1.2, INF]])),
    ("entanglement", True, entanglement([[1.0], [1.1], [1.2]])),  # nothing else is there
    ("entanglement", False, entanglement([[1.0, 1.1], [1.1, 5.1], [1.2, 5.2]])),
    ("entanglement", False, entanglement([[1.0, 5.0], [2.9, 5.1], [4.6, 5.2]])),
    ("entanglement", False, entanglement([[1.0, 5.0], [1.1, 5.1], [INF, INF]])),
    ("entanglement", None, entanglement([[1.0, 5.0], [1.1, 5.1], [1.2, 5.2]], None)),
    ("order", True, order(3.0, 1.0)),
    ("order", False, order(1.0, -1.0)),
    ("order", False, order(1.0, -1.0, shared=True)),  # the tower is not even the lowest
    ("order", None, order(3.0, -1.0)),
    ("order", None, order(1.0, 1.0)),
    ("order", None, order(NAN)),
    ("order", None, order(1.0, NAN)),
    ("order", None, order(1.0, NAN, momenta=None)),
    ("order", None, order(1.0, 1.0, background=-INF)),
    ("order", None, order(1.4, 1.0, shared=True)),  # the issue: nothing tells the two apart
    ("order", None, order(3.0, 1.0, shared=True)),
    ("order", False, order(1.4, 1.0, shared=True, chern_per_state=Fraction(-2, 3))),
    ("order", True, order(3.0, 1.0, shared=True, chern_per_state=Fraction(-1))),
    ("order", None, order(3.0, 1.0, shared=True, chern_per_state=Fraction(-2, 3))),
    ("order", None, order(1.4, 1.0, shared=True, chern_per_state=Fraction(0))),
    ("order", False, order(1.4, 1.0, shared=True, growth=0.1)),
    ("order", True, order(3.0, 1.0, shared=True, growth=0.9)),
    ("order", None, order(3.0, 1.0, growth=0.1)),  # a peak that does not grow is no wave
    ("charge", True, charge(-1.0)),
    ("charge", False, charge(1.0)),
    ("charge", None, charge(-1.0, converged=False)),
    ("charge", None, charge(NAN)),
    ("charge", None, charge(-1e-7)),
    ("charge", True, charge(-1.5, "keep")),
    ("charge", False, charge(-0.5, "keep")),  # only the charging energy of the gates, 2 meV
]


@pytest.mark.parametrize(("name", "answer", "result"), CASES)
def test_answer_and_sentence_are_one(name, answer, result):
    check = Check("question", result.decision, denied=name == "order")
    wanted = answer if name != "order" or answer is None else not answer
    assert check.answer is wanted
    assert check.evidence == result.verdict
    assert str(check).split("  ")[-2].strip() == {True: "yes", False: "NO", None: "undecided"}[wanted]
    yes, *no = HEADS[name]
    heads = {True: [yes], False: no, None: ["Undecided"]}[answer]
    assert any(check.evidence.startswith(f"{head}: ") for head in heads)
    for flag in ("is_signature", "is_ordered"):
        assert getattr(result, flag, answer is True) is (answer is True)
    for word in ("nan", "inf ", "inf,", "inf.", "inf;", "..", " ;"):
        assert word not in check.evidence
        assert name == "manifold" or word not in str(result)


def test_every_kind_of_check_gives_every_answer():
    given = {(name, answer) for name, answer, _ in CASES}
    assert given == {(name, answer) for name in HEADS for answer in (True, False, None)}


def test_a_report_shows_the_decisions_of_its_parts():
    parts = {"spectrum": solved((3, 4), n_eigenstates=2, everywhere=True), "flows": (flow((1.0, NAN)),)}
    parts |= {"chern": chern(converged=False), "entanglement": entanglement([[1.0], [1.1], [1.2]], None)}
    parts |= {"order": order(NAN), "charge": charge(NAN)}
    kinds = {"occupation": MomentumOccupation, "structure": StructureFactor, "weight": QuantumWeight}
    report = FciReport(**parts, **{name: object.__new__(kind) for name, kind in kinds.items()})  # none is looked at
    checks = report.checks
    assert [check.answer for check in checks] == [True, *[None] * 5]
    every = [report.spectrum.manifold, *report.flows, report.chern, report.entanglement, report.order, report.charge]
    assert [check.verdict for check in checks] == [part.decision for part in every]
    assert [check.denied for check in checks] == [False, False, False, False, True, False]


def test_the_momenta_of_the_tower_do_not_decide_where_they_are_those_of_the_liquid():
    options = {"n_kept": 0, "flux_directions": (), "with_charge_gap": False}
    full = fci_report(problem_on(HEXAGON), "2/3", 2, phase_mesh=(6, 3), **options)
    bare = replace(full, chern=None, order=charge_order(full.spectrum, full.structure))
    assert bare.order.shared
    assert bare.order.momenta == bare.spectrum.manifold.momenta
    assert bare.order.has_tower
    assert [check.answer for check in bare.checks] == [True, None]
    assert "neither their Chern number nor the growth of the peak is known" in bare.order.verdict
    assert [check.answer for check in full.checks] == [True, True, True]
    assert full.order.chern_per_state == Fraction(-2, 3)
    assert full.order.verdict.startswith("No charge-density wave: full S(K) = ")
    assert "their Chern number per state is -2/3" in full.order.verdict


def test_a_crystal_at_the_momenta_of_the_liquid_is_told_by_the_growth_of_its_peak():
    trivial = {"displacement_mev": 60.0, "epsilon_r": 5.0}
    found = []
    for shape in (((2, 1), (0, 3)), HEXAGON):  # 6 and 12 cells
        spectrum = solved(shape, (1, 3), 2, everywhere=True, **trivial)
        found.append((spectrum, structure_factor(spectrum, problem_on(shape, **trivial))))
    small, large = (charge_order(*pair) for pair in found)
    assert large.shared
    assert large.has_peak
    assert large.has_tower
    assert large.decision.answer is None
    grown = charge_order(*found[1], smaller=small)
    assert grown.growth > 0.5
    assert grown.decision.answer is True
    with pytest.raises(mo.InputError, match="`smaller` must have a peak at K and fewer than 2 carriers, but has 4"):
        charge_order(*found[0], smaller=large)
    with pytest.raises(mo.InputError, match=r"`chern` must belong to .* at filling 1/3, but belongs to 1x3 at 1/3"):
        charge_order(*found[0], chern=chern())


def test_the_answer_about_the_gap_does_not_depend_on_the_rule_at_zero_momentum():
    rules = [charge_gap(problem_on((2, 3), zero_momentum=rule), (2, 3)) for rule in ("drop", "keep")]
    assert rules[1].charge_gap - rules[0].charge_gap == pytest.approx(rules[0].charging_mev, abs=1e-6)
    assert rules[0].charging_mev > 1
    assert rules[0].without_charging == pytest.approx(rules[1].without_charging, abs=1e-6)
    assert rules[0].decision.answer is rules[1].decision.answer


def test_the_head_of_a_sentence_is_the_answer():
    for answer, head in ((True, "So"), (False, "Not so"), (None, "Undecided")):
        verdict = Verdict(answer, "the numbers", "So", "Not so")
        assert str(verdict) == f"{head}: the numbers."
        assert replace(verdict, answer=None).sentence == "Undecided: the numbers."
