"""Public objects show themselves: in few lines, as a table with units, as a figure, and as data frames."""

import sys
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import moire as mo
from moire import hartree_fock as hf
from moire import observables as obs
from moire import topology
from moire._described import described
from moire._shown import Shown, short
from moire.errors import EnvironmentMismatchError
from moire.io import Dataset
from moire.plot import FIGURES, draw
from moire.sweep import Summary, Table, parse_plan
from moire.verdicts import Verdict
from tests.message_cases import BASIS, GRID, LATTICE, MODEL, PATH, WANG, bands, problem, regular, spectrum, structure
from tests.public_api import CLASSES

RECORDS = {"moire.io.topology.StoredTopology"}  # a named tuple, of arrays read from a file


def made():
    """Real objects of many kinds."""
    square = regular(3, 3)
    solved = bands(2, square)
    return [
        WANG, LATTICE, BASIS, MODEL, GRID, PATH, solved, problem(), spectrum(), structure(), Verdict(True, "so"),
        mo.ScreenedCoulomb(epsilon_r=10.0), mo.models.HaldaneModel(0.25, 1000.0, 100.0, 90.0, 0.0),
        topology.chern_number(solved, [0]), topology.berry_curvature(solved, [0]), topology.wilson_loops(solved, [0]),
        topology.quantum_geometry(solved, [0]), obs.momentum_occupation(spectrum()), hf.ScfSettings(),
        mo.exact_diagonalization.suggest_clusters("1/3", 9),
        parse_plan({"model": {"parameter_set": "WANG_2023", "twist_deg": 3}}),
        mo.SpectrumSettings(), hf.Folding(square, 2), Table(COLUMNS), Summary({"hf": Table(COLUMNS)}, ()),
    ]  # fmt: skip


COLUMNS = {"D": Dataset(np.array([0.0, 1.0]), "meV", ("point",), "field")}


def test_every_public_class_shows_itself():
    assert len(CLASSES) > 120
    assert {name for name, kind in CLASSES.items() if not issubclass(kind, Shown)} == RECORDS
    for kind in CLASSES.values():
        if issubclass(kind, Shown):
            assert kind.__repr__ is Shown.__repr__, kind
            assert kind._repr_html_ is Shown._repr_html_, kind


def test_no_repr_is_a_wall_of_text():
    """Objects are made without their constructors, and every field is a large array."""
    for name, kind in CLASSES.items():
        if not issubclass(kind, Shown) or not is_dataclass(kind):
            continue
        empty = object.__new__(kind)
        for field in fields(kind):
            object.__setattr__(empty, field.name, np.linspace(0.0, 1.0, 300).reshape(100, 3))
        lines = repr(empty).split("\n")
        assert len(lines) <= 4, name
        assert max(map(len, lines)) <= 120, name


def test_real_objects_show_themselves():
    for thing in made():
        lines = repr(thing).split("\n")
        assert lines[0].startswith(f"{type(thing).__name__}("), lines
        assert len(lines) <= 4, lines
        assert max(map(len, lines)) <= 140, lines
        table = thing._repr_html_()
        assert table.count("<tr>") == 1 + len(list(described(thing))), type(thing)
        assert "<script" not in table
        assert "object at 0x" not in table


def test_a_table_holds_units_and_meanings():
    table = topology.chern_number(bands(2, regular(3, 3)), [0])._repr_html_()
    assert "<tr><th>flux</th><td>3 x 3, -" in table
    assert "<td>radians</td><td>Plaquette fluxes in radians, (n1, n2);" in table
    assert "<tr><th>lattice_constant_nm</th><td>0.352</td><td>nm</td>" in WANG._repr_html_()
    assert (
        "&lt;b&gt;"
        in mo.ContinuumParameters(
            name="<b>",
            potential_mev=1,
            potential_phase_deg=0,
            tunnelling_mev=1,
            effective_mass=1,
            lattice_constant_nm=1,
        )._repr_html_()
    )


def test_units_and_axes_are_those_of_the_docstrings():
    parts = {part.name: part for part in described(spectrum())}
    assert parts["energies"].unit == "meV"
    assert parts["energies"].dimensions == ("sector", "level")
    assert parts["momenta"].dimensions == ("sector", "momenta_1")
    assert {part.name: part.unit for part in described(bands())}["energies"] == "meV"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((4, 3)), "<array 4x3>"),
        (np.float64(0.1), "0.1"),
        ((1.0, 2.5), "(1, 2.5)"),
        (tuple(range(100)), "<100 values>"),
        ("x" * 100, f"'{'x' * 55} ..."),
        (GRID, "<MomentumGrid 2x3>"),
        (("a",), "('a',)"),
    ],
)
def test_values_are_abbreviated(value, text):
    assert short(value) == text


def test_a_result_draws_the_figure_of_its_kind():
    ax = Figure().subplots()
    assert spectrum().plot(ax) is ax
    assert len(ax.collections) + len(ax.lines) > 0
    few = spectrum("1/3", regular(3, 3), 2)
    assert few.manifold.momenta == ((0, 0),) * 3  # of which two levels are solved
    assert isinstance(few.plot(Figure().subplots()), Axes)
    chern = topology.chern_number(bands(2, regular(3, 3)), [0])
    assert isinstance(chern.plot(Figure().subplots(), lattice=LATTICE), Axes)
    with pytest.raises(mo.InputError, match=r"^`lattice` must be given to draw a ChernResult, but is missing\.$"):
        chern.plot(Figure().subplots())
    with pytest.raises(mo.InputError, match=r"`result` must be of a kind with one figure, .*, but is a PlaneWaveBasis"):
        BASIS.plot()
    assert isinstance(bands(2, PATH).plot(), Axes)  # in a figure of pyplot
    assert len(FIGURES) >= 15
    assert all(issubclass(kind, Shown) for kind in FIGURES)
    assert draw(spectrum(), Figure().subplots()) is not None


@pytest.mark.parametrize(("package", "method"), [("pandas", "to_dataframe"), ("xarray", "to_xarray")])
def test_a_missing_package_is_named(package, method, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    for thing in (spectrum(), Table(COLUMNS)):
        with pytest.raises(
            EnvironmentMismatchError, match=f"`{method}` must find the package {package}, but it is not"
        ):
            getattr(thing, method)()


def test_a_summary_of_several_tasks_asks_for_one():
    summary = Summary({"hf": Table(COLUMNS), "ed": Table(COLUMNS)}, ())
    assert summary["hf"]["D"].tolist() == [0.0, 1.0]
    with pytest.raises(mo.InputError, match="`to_dataframe` must be asked of a summary of one task, but this one"):
        summary.to_dataframe()
    with pytest.raises(mo.InputError, match="`task` must be one of those there, but is 'h'; did you mean 'hf'"):
        summary["h"]
    with pytest.raises(mo.InputError, match="`column` must be one of those there, but is 'gap'"):
        summary["hf"]["gap"]
