"""The documents do what they say: snippets and notebooks run, command lines parse, tables of plans are complete."""

import re
import shlex
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import click
import matplotlib.pyplot as plt
import pytest
from pydantic_core import to_jsonable_python

import moire
from moire import errors, solve_all_sectors
from moire.cli import cli
from moire.parameters import PUBLISHED
from moire.sweep import parse_plan
from moire.sweep.plan import TABLES, Plan
from moire.tasks.options import options_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


pytestmark = pytest.mark.filterwarnings("error::moire.errors.CutoffWarning")  # a reader would see it


def blocks(path, language):
    """Fenced blocks of one language, each with the number of its first line."""
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text[: match.start(1)].count("\n"), match[1]


def name(path):
    return str(path.relative_to(ROOT))


def run(path, source, first_line, namespace):
    exec(compile("\n" * first_line + source, path, "exec"), namespace)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if list(blocks(path, "python"))], ids=name)
def test_snippets_run_in_order(path, capsys):
    namespace = {"__name__": "snippet"}
    for first_line, source in blocks(path, "python"):
        run(path, source, first_line, namespace)
    if path.name == "README.md":
        ((_, shown),) = blocks(path, "text")
        assert capsys.readouterr().out == shown


@pytest.mark.slow
def test_the_readme_on_24_cells():
    namespace = {}
    (source,) = (source for _, source in blocks(ROOT / "README.md", "python"))
    larger = source.replace("lattice, 3, 5", "lattice, 4, 6").partition("spectrum =")[0]
    run(ROOT / "README.md", larger, 0, namespace)
    manifold = solve_all_sectors(namespace["problem"], filling=(2, 3), n_eigenstates=2).manifold
    assert manifold.momenta == ((0, 0), (0, 2), (0, 4))
    assert f"{manifold.splitting:.3f} meV apart, {manifold.gap:.2f} meV below" in (ROOT / "README.md").read_text()


NOTEBOOKS = [
    pytest.param(path, id=name(path), marks=[] if path.name.startswith("01") else pytest.mark.slow)
    for path in sorted(ROOT.glob("notebooks/*.py"))
]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_notebooks_run(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("# %%") > 3
    run(path, source, 0, {"__name__": "__main__"})


def command_lines():
    for path in DOCUMENTS:
        for _, block in blocks(path, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                reach = 4 if words[:1] == ["mpiexec"] else 2
                programs = [i for i, word in enumerate(words[:reach]) if Path(word).name == "moire"]
                if programs:  # moire ..., srun moire ..., or mpiexec -n 4 moire ...
                    yield pytest.param(words[programs[0] + 1 :], id=f"{name(path)}: {line.strip()}")


@pytest.mark.parametrize("arguments", list(command_lines()))
def test_command_lines_parse(arguments):
    if arguments == ["--version"]:
        return
    command = cli.commands[arguments[0]]
    with command.make_context(arguments[0], arguments[1:], parent=click.Context(cli)) as context:
        assert context.params
    if arguments[0] == "sweep" and str(context.params["plan"]).startswith("data"):
        assert (ROOT / context.params["plan"]).is_file()


def test_every_page_is_reached_from_the_first():
    entries = {}
    for path in ROOT.glob("docs/**/*.md"):
        trees = re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        names = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
        entries[path] = {path.parent / f"{entry}.md" for entry in names}
    reached, new = set(), {ROOT / "docs" / "index.md"}
    while new:
        reached |= new
        new = {entry for path in new for entry in entries.get(path, ())} - reached
    assert set(entries) <= reached
    assert all(path.is_file() for path in reached)


def test_executed_pages_run_in_the_build_alone():
    executed = [path for path in DOCUMENTS if list(blocks(path, r"\{code-cell\} \w+"))]
    assert len(executed) > 10
    for path in executed:
        assert path.read_text(encoding="utf-8").startswith("---\nfile_format: mystnb\n"), name(path)
        assert not list(blocks(path, "python")), f"{name(path)}: a block that nobody runs in its session"


def test_every_command_has_its_help_in_the_documents():
    text = (ROOT / "docs" / "command_line.md").read_text()
    assert re.findall(r"^```\{click-help\} (\w+)$", text, re.MULTILINE) == list(cli.commands)


def test_the_page_of_plans_holds_every_table():
    text = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^```\{plan-table\} ?([\w.]*)$", text, re.MULTILINE)) == sorted(["", *TABLES])


@pytest.mark.parametrize("table", [Plan, *TABLES.values()], ids=["plan", *TABLES])
def test_every_key_of_a_plan_is_explained(table):
    for field in options_of(table):
        assert field.option.help
        assert field.words
        if field.default is not MISSING and field.default_text != "`{}`":
            value = tomllib.loads(f"value = {field.default_text.strip('`')}")["value"]
            assert value == to_jsonable_python(field.default)


def test_the_plans_of_the_documents_are_plans():
    plans = [source for path in DOCUMENTS for _, source in blocks(path, "toml")]
    assert plans
    for source in plans:
        assert parse_plan(tomllib.loads(source)).requests()


def test_the_table_of_parameter_sets_is_that_of_the_package():
    text = (ROOT / "docs" / "theory" / "model.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    documented = {row[0]: row[1:] for row in rows if row[0] in PUBLISHED}
    assert list(documented) == list(PUBLISHED)
    for key, published in PUBLISHED.items():
        material, potential, phase, tunnelling, mass, constant, reference = documented[key]
        first = [float(cell.split()[0]) for cell in (potential, phase, tunnelling, mass, constant)]
        expected = [published.potential_mev, published.potential_phase_deg, published.tunnelling_mev]
        assert first == [*expected, published.effective_mass, published.lattice_constant_nm]
        second = [float(value) for value in re.findall(r"_2 = ([\d.]+)", potential + tunnelling)] or [0.0, 0.0]
        assert second == [published.second_potential_mev, published.second_tunnelling_mev]
        assert material == published.material
        assert published.reference in reference


def test_links_between_documents_lead_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{name(path)}: {target}"


def test_the_page_of_symbols_names_attributes_that_exist():
    text = (ROOT / "docs" / "symbols.md").read_text(encoding="utf-8")
    named = re.findall(r"`([A-Z]\w+)\.(\w+)`", text)
    assert len(named) > 50
    rooms = (moire, moire.topology, moire.exact_diagonalization, moire.hartree_fock, moire.observables)
    for noun, attribute in named:
        kind = next(getattr(room, noun) for room in (*rooms, moire.orbitals, moire.form_factors) if hasattr(room, noun))
        assert hasattr(kind, attribute) or attribute in {field.name for field in fields(kind)}, f"{noun}.{attribute}"


def test_what_the_pages_count_and_list_is_there():
    numbers = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
    notebooks = list(ROOT.glob("notebooks/*.py"))
    assert f"[notebooks/](notebooks): {numbers[len(notebooks)]} narratives" in (ROOT / "README.md").read_text()
    listed = (ROOT / "docs" / "errors.md").read_text()
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == errors.__name__:
            assert re.search(rf"`moire\.(errors\.)?{kind.__name__}`", listed), kind.__name__
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (row,) = re.findall(r"^\| `peers` \| (.*?) \|", (ROOT / "docs" / "installation.md").read_text(), re.MULTILINE)
    assert sorted(row.lower().split(", ")) == sorted(extras["peers"])
