"""Commands around exact diagonalization: which cluster to take, and its Hamiltonian for other codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.many_body import interaction_options, read_cluster
from moire.cli.point import model_options, valley_option
from moire.errors import InputError, require
from moire.exact_diagonalization import PairHamiltonian, carriers_on, suggest_clusters
from moire.io import check_folder, check_target, hamiltonian_record, write_diagham, write_fcidump, write_record
from moire.parameters import published
from moire.sweep import EdTask, ModelPoint


@click.command(cls=OptionCommand)
@click.option("--filling", required=True, help="Holes per cell, such as -2/3.")
@click.option("--max-sites", type=int, default=36, help="Largest number of cells.")
@click.option("--min-sites", type=int, default=6, help="Smallest number of cells.")
@click.option("--rows", type=int, default=20, help="Rows of the table.")
def clusters(filling: str, max_sites: int, min_sites: int, rows: int) -> None:
    """Clusters that hold a filling, roundest first, with symmetry, momenta, dimension and memory."""
    require(rows >= 1, "rows", "be at least 1", rows)
    click.echo(suggest_clusters(filling, max_sites, min_sites).table(rows))


@click.command(cls=OptionCommand)
@model_options
@valley_option
@click.option("--cluster", required=True, help="N1xN2, or T11,T12,T21,T22 for a tilted cluster.")
@click.option(
    "--filling", default="", help="Such as -2/3: written into an FCIDUMP as its number of carriers; refused elsewhere."
)
@click.option("--epsilon", type=float, default=10.0, help="Relative dielectric constant.")
@interaction_options(0.0, 4.0, "drop")
@click.option("--format", "layout", type=click.Choice(["hdf5", "fcidump", "diagham"]), default="hdf5", help="Layout.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="File; diagham adds .onebody beside it.")
def export(
    cluster: str,
    filling: str,
    epsilon: float,
    gates: Any,
    gate_distance: float,
    layer_distance: float,
    q_cutoff: float,
    zero_momentum: Any,
    layout: str,
    output: Path,
    set_name: str,
    twist: float,
    displacement: float,
    shells: float | None,
    valley: int,
) -> None:
    """Hamiltonian of one band of one valley for other codes."""
    point = ModelPoint(
        parameters=published(set_name),
        twist_deg=twist,
        displacement_mev=displacement,
        plane_wave_shells=shells,
        valley=valley,
    )
    named = filling and layout != "fcidump"
    require(not named, "filling", "be left out of all formats except fcidump, which names it", f"'{filling}'")
    shape: Any = read_cluster(cluster)
    grid = point.grid(shape)
    task = EdTask(
        cluster=shape,
        filling=filling or "1",
        epsilon_r=epsilon,
        gates=gates,
        gate_distance_nm=gate_distance,
        layer_distance_nm=layer_distance,
        q_cutoff=q_cutoff,
        zero_momentum=zero_momentum,
    )
    task.check(point)
    one_body = output.with_name(output.name + ".onebody")
    if layout == "hdf5":
        check_target(output, "hamiltonian")
    else:
        for path in (output, one_body) if layout == "diagham" else (output,):
            if path.exists():
                raise InputError(f"`output` must be a new file, but {path} exists.")
        check_folder(output, "output")
    problem = task.problem(point)
    hamiltonian = PairHamiltonian.from_problem(problem)
    if layout == "hdf5":
        write_record(output, hamiltonian_record(hamiltonian))
    elif layout == "fcidump":
        write_fcidump(hamiltonian, output, carriers_on(grid, filling) if filling else 0)
    else:
        write_diagham(hamiltonian, output, one_body)
    click.echo(f"{problem}\nWritten to {output}.")
