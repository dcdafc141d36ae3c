"""The command that prints what to cite."""

from __future__ import annotations

import click

from moire import __version__
from moire.citations import bibtex_of_package
from moire.parameters import PUBLISHED, published


@click.command()
@click.argument("names", nargs=-1, metavar="[SET]...")
def cite(names: tuple[str, ...]) -> None:
    """BibTeX of the package and of the papers of parameter sets; of all published sets if none is named."""
    sets = [published(name) for name in names or PUBLISHED]
    entries = dict.fromkeys([bibtex_of_package(__version__), *(each.bibtex for each in sets)])
    click.echo("\n\n".join(entries))
