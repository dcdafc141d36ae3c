"""Commands on bands: energies, Chern numbers, topology."""

from __future__ import annotations

from typing import Any

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.point import point_options, read_groups, read_mesh, run_single
from moire.sweep import BandsTask, ChernTask, TopologyTask


@click.command(cls=OptionCommand)
@point_options
@click.option("--bands", "n_bands", type=int, default=3, help="Number of bands from the gap.")
@click.option("--mesh", default="18x18", help="Momentum mesh for widths and gaps.")
@click.option("--segment", type=int, default=30, help="Points per segment of the path.")
def bands(n_bands: int, mesh: str, segment: int, **point: Any) -> None:
    """Bands along the path and on a mesh: widths and gaps."""
    run_single(BandsTask(n_bands=n_bands, mesh=read_mesh(mesh, "mesh"), points_per_segment=segment), **point)


@click.command(cls=OptionCommand)
@point_options
@click.option("--groups", default="0,1,2", help="Groups of bands, such as 0,1,0+1; band 0 is the top one.")
@click.option("--mesh", default="18x18", help="Momentum mesh.")
def chern(groups: str, mesh: str, **point: Any) -> None:
    """Chern numbers by links, with the curvature as second route."""
    run_single(ChernTask(bands=read_groups(groups), mesh=read_mesh(mesh, "mesh")), **point)


@click.command(cls=OptionCommand)
@point_options
@click.option("--groups", default="0,1", help="Groups of bands, such as 0,1,0+1; band 0 is the top one.")
@click.option("--mesh", default="18x18", help="Momentum mesh, even along b_1.")
@click.option("--index-radius", type=float, default=0.25, help="Radius of the index disks in |G_1|; 0 for none.")
def topology(groups: str, mesh: str, index_radius: float, **point: Any) -> None:
    """Chern numbers by four routes, geometry, Wilson loops, Z2, C3 eigenvalues, interband indices."""
    run_single(
        TopologyTask(bands=read_groups(groups), mesh=read_mesh(mesh, "mesh"), index_radius=index_radius), **point
    )
