"""What the pages need of their own: help of commands, tables of plans, numbers of equations, no other host."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import click
from click.testing import CliRunner
from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset

import moire
from moire.cli import cli
from moire.sweep.plan import TABLES, Plan
from moire.tasks.options import options_of
from tests.reference import validation

LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*\"[^>]*>")
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
NOT_LOADED = re.compile(r'rel="(?:canonical|author|license)"')


class ClickHelp(SphinxDirective):
    """The help text of a command of ``moire``, as the terminal shows it."""

    required_arguments = 0
    optional_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return one literal block."""
        context = cli.make_context("moire", [], resilient_parsing=True, terminal_width=100)
        command: click.Command = cli
        if self.arguments:
            command = cli.commands[self.arguments[0]]
            context = command.make_context(self.arguments[0], [], parent=context, resilient_parsing=True)
        block = nodes.literal_block(text=command.get_help(context))
        block["language"] = "text"
        return [block]


class PlanTable(SphinxDirective):
    """The keys of a table of a plan, or of the plan itself: types, defaults, units and meanings."""

    optional_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return one table."""
        table = TABLES[self.arguments[0]] if self.arguments else Plan
        rows = ["| key | type | default | unit | meaning |", "| --- | --- | --- | --- | --- |"]
        for field in options_of(table):
            cells = [f"`{field.name}`", field.words, field.default_text, field.option.unit, field.option.help]
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return self.parse_text_to_nodes("\n".join(rows))


class BibtexEntries(SphinxDirective):
    """What ``moire cite`` prints: the package and every published set."""

    def run(self) -> list[nodes.Node]:
        """Return one literal block."""
        block = nodes.literal_block(text=CliRunner().invoke(cli, ["cite"], catch_exceptions=False).output)
        block["language"] = "bibtex"
        return [block]


class ValidationTable(SphinxDirective):
    """Published values beside ours, topic by topic, after the counts of rows and of differences."""

    def run(self) -> list[nodes.Node]:
        """Return sections with a table each."""
        found = list(validation.rows())
        agreeing = sum(row.agrees for row in found)
        text = [
            f"{len(found)} rows: {agreeing} agree within their tolerance, {len(found) - agreeing} differ and say why.",
            "",
        ]
        for topic in validation.topics():
            text += [f"## {topic['name']}", "", topic["about"], "", *HEAD]
            text += [cells(row) for row in found if row.topic == topic["name"]] + [""]
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


HEAD = [
    "| quantity | setting | source | published | ours | status | difference | tolerance | command |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
]


def cells(row: validation.Row) -> str:
    """One row of the table of validation."""
    source = re.sub(r"arXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", row.source)
    values = [validation.text(row.published), validation.text(row.ours)]
    status = "agrees" if row.agrees else f"**differs**: {row.why}"
    limits = [f"{row.difference:.2g} {row.unit}".strip(), f"{row.tolerance:g}"]
    each = [row.quantity, row.setting, source, *values, status, *limits, f"`{row.command}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in each) + " |"


class EquationNumbers(SphinxTransform):
    """Number every displayed equation of a page, in order, labelled or not."""

    default_priority = 900

    def apply(self) -> None:
        """Give labels to those without, and count all."""
        domain, page = self.env.domains.math_domain, self.env.current_document.docname
        if page.startswith("api/"):
            return
        for number, node in enumerate(self.document.findall(nodes.math_block), start=1):
            if not node.get("label"):
                node["label"], node["docname"] = f"{page}:{number}", page
                node["ids"].append(nodes.make_id(f"equation-{number}"))
            node["number"] = number
            domain.equations[node["label"]] = (page, number)


def plain_mathematics(app, what, name, obj, options, lines: list[str]) -> None:
    """Let |G_1|, kappa_+ and A^* in docstrings stand for themselves, outside backticks."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`+[^`]*`+)", line)
        parts[::2] = [re.sub(r"\||\b\w+_(?!\w)|(?<=\S)\*(?!\w)", escaped, part) for part in parts[::2]]
        lines[i] = "".join(parts)


def escaped(match: re.Match[str]) -> str:
    """Put a backslash before the last character, which has a meaning in reStructuredText."""
    return match[0][:-1] + "\\" + match[0][-1]


def document_once(app, what, name, obj, skip, options) -> bool | None:
    """Skip what the page of the top level documents already."""
    elsewhere = app.env.current_document.docname != "api/moire"
    return True if elsewhere and name in moire.__all__ and getattr(moire, name) is obj else None


def ship_mathjax(app, error) -> None:
    """Copy what the pages use of MathJax from the package that holds it."""
    if not error and app.builder.format == "html":
        target = Path(app.outdir, "_static", "mathjax")
        copy_asset(MATHJAX / "tex-chtml.js", target)
        for folder in ("input/tex/extensions", "output/chtml/fonts"):
            copy_asset(MATHJAX / folder, target / folder)


def no_other_host(app, error) -> None:
    """Warn of everything that a page would load from a network."""
    if error or app.builder.format != "html":
        return
    for page in sorted(Path(app.outdir).rglob("*.html")):
        for tag in LOADED.findall(page.read_text(encoding="utf-8")):
            if not NOT_LOADED.search(tag):
                logging.getLogger(__name__).warning("%s loads from a network: %s", page.relative_to(app.outdir), tag)


def setup(app) -> dict[str, bool]:
    """Register the directives and the handlers; pages may be read by several processes."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("build-finished", ship_mathjax)
    app.add_transform(EquationNumbers)
    app.add_directive("click-help", ClickHelp)
    app.add_directive("plan-table", PlanTable)
    app.add_directive("bibtex-entries", BibtexEntries)
    app.add_directive("validation-table", ValidationTable)
    app.connect("autodoc-process-docstring", plain_mathematics, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", document_once)
    app.connect("build-finished", no_other_host)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
