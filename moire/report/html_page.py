"""One self-contained HTML page of a results folder: no network, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from moire.errors import require, writing

_SCRIPTS = ("dom.js", "colours.js", "panels.js", "overview.js", "page.js")


def check_page_name(target: Path) -> None:
    """Raise InputError unless the suffix of `target` is that of a page."""
    require(target.suffix.lower() in (".html", ".htm"), "output", "end in .html", f"{target}")


def html_page(data: Mapping[str, Any]) -> str:
    """Return the page that shows the data of :func:`moire.report.page_data.page_data`."""
    assets = files("moire.report") / "page"
    parts = {
        "title": escape(f"{data['name']}: moire report"),
        "style": (assets / "page.css").read_text(encoding="utf-8"),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "script": "\n".join((assets / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    }
    page = (assets / "page.html").read_text(encoding="utf-8")
    pieces = page.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", maxsplit=1)
        filled += [parts[name], rest]
    return "".join(filled)


def write_page(target: Path, data: Mapping[str, Any]) -> Path:
    """Write the page and return its path.

    Raises
    ------
    InputError
        If the name does not end in .html.
    OutputError
        If the file cannot be written.
    """
    check_page_name(target)
    page = html_page(data)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    return target
