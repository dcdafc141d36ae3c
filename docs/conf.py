"""Sphinx configuration."""

import os
import re
import sys
from pathlib import Path
from typing import ClassVar

import click
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

os.environ.setdefault("MPLBACKEND", "Agg")
sys.path.insert(0, str(Path(__file__).parents[1]))

import moire
from moire.cli import cli
from moire.sweep.plan import TABLES, Plan
from moire.tasks.options import options_of

project = "moire"
author = "The moire developers"
copyright = "2026, the moire developers"
release = version = "" if moire.__version__ == "unknown" else moire.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"moire {release}".strip()
default_role = "code"
suppress_warnings = ["ref.python"]  # a word in a docstring that is also an attribute of two classes
nitpicky = True
nitpick_ignore_regex = [  # links to public names of this package must lead somewhere
    ("py:.*", r"(?!moire\.).*"),
    ("py:class", r"moire\.\w+\.\w+\..*"),
    ("py:class", r"moire\.ranks\.Result"),  # a type variable
    ("py:mod", r"moire\.\w+\.\w+"),
]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_custom_sections = [("Warns", "params_style")]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {
    name: name for name in ("ArrayLike", "ComplexArray", "FillingLike", "FloatArray", "IntArray", "Values")
}


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


def setup(app) -> None:
    """Register the directives and the handlers."""
    app.add_directive("click-help", ClickHelp)
    app.add_directive("plan-table", PlanTable)
    app.connect("autodoc-process-docstring", plain_mathematics, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", document_once)
