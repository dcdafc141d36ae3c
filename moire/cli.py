"""The command line: one point, a sweep, a look at what is on disk."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from moire import __version__
from moire.errors import InputError, MoireError
from moire.io import check_target, read_record, write_record
from moire.parameters import PUBLISHED, published
from moire.sweep import (
    BandsTask,
    ChernTask,
    EdTask,
    ModelPoint,
    Request,
    ResultsFolder,
    Task,
    TopologyTask,
    collect,
    compute,
    find_communicator,
    limit_threads,
    on_leader,
    read_plan,
    run_sweep,
    write_summary,
)
from moire.sweep.figures import check_figure_name, draw_file, draw_folder

Command = TypeVar("Command", bound=Callable[..., Any])


def main() -> None:
    """Run the command line; a MoireError becomes one sentence and exit code 2."""
    try:
        cli.main(standalone_mode=False)
    except MoireError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; finished points are kept and the same command resumes.", err=True)
        sys.exit(130)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="moire")
@click.option("-v", "--verbose", is_flag=True, help="State every allocation, not only the large ones.")
def cli(verbose: bool) -> None:
    """Twisted bilayer MoTe2 from the continuum model to fractional Chern insulators."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("moire").setLevel(logging.DEBUG if verbose else logging.WARNING)


def _point_options(command: Command) -> Command:
    for decorate in reversed(
        [
            click.option("--set", "set_name", default="WANG_2023", help=f"Parameter set: {', '.join(PUBLISHED)}."),
            click.option("--twist", type=float, required=True, help="Twist angle in degrees."),
            click.option("--displacement", type=float, default=0.0, help="Displacement field D in meV."),
            click.option("--shells", type=float, default=5.0, help="Plane-wave cutoff in units of |G_1|."),
            click.option("--valley", type=int, default=1, help="+1 for K, -1 for K'."),
            click.option("--output", type=click.Path(path_type=Path), help="Write the result to this HDF5 file."),
            click.option("--figure", type=click.Path(path_type=Path), help="Draw it to this file (needs --output)."),
        ]
    ):
        command = decorate(command)
    return command


def _single(
    task: Task,
    *,
    set_name: str,
    twist: float,
    displacement: float,
    shells: float,
    valley: int,
    output: Path | None,
    figure: Path | None,
) -> None:
    if figure is not None and output is None:
        raise InputError("`output` must be given with --figure, but is missing.")
    if figure is not None:
        check_figure_name(figure)
    if output is not None:
        check_target(output)
    point = ModelPoint(
        parameters=published(set_name),
        twist_deg=twist,
        displacement_mev=displacement,
        plane_wave_shells=shells,
        valley=valley,
    )
    request = Request(point=point, task=task)
    request.check()
    outcome = compute(request, progress=sys.stderr.isatty())
    click.echo(outcome.text)
    if output is not None:
        write_record(output, outcome.record)
        click.echo(f"Written to {output}.")
    if figure is not None and output is not None:
        click.echo(f"Drawn to {draw_file(output, figure)}.")


def _mesh(text: str, name: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise InputError(f"`{name}` must read N1xN2, such as 18x18, but is '{text}'.")
    return int(parts[0]), int(parts[1])


def _cluster(text: str) -> Any:
    if "," not in text:
        return _mesh(text, "cluster")
    try:
        a, b, c, d = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"`cluster` must read N1xN2 or four integers T11,T12,T21,T22, but is '{text}'.") from None
    return (a, b), (c, d)


def _groups(text: str) -> tuple[tuple[int, ...], ...]:
    try:
        return tuple(tuple(int(band) for band in group.split("+")) for group in text.split(","))
    except ValueError:
        raise InputError(f"`groups` must read like 0,1,0+1, but is '{text}'.") from None


@cli.command()
@_point_options
@click.option("--bands", "n_bands", type=int, default=3, help="Number of bands from the gap.")
@click.option("--mesh", default="18x18", help="Momentum mesh for widths and gaps.")
@click.option("--segment", type=int, default=30, help="Points per segment of the path.")
def bands(n_bands: int, mesh: str, segment: int, **point: Any) -> None:
    """Bands along the path and on a mesh: widths and gaps."""
    _single(BandsTask(n_bands=n_bands, mesh=_mesh(mesh, "mesh"), points_per_segment=segment), **point)


@cli.command()
@_point_options
@click.option("--groups", default="0,1,2", help="Groups of bands, such as 0,1,0+1; band 0 is the top one.")
@click.option("--mesh", default="18x18", help="Momentum mesh.")
def chern(groups: str, mesh: str, **point: Any) -> None:
    """Chern numbers by links, with the curvature as second route."""
    _single(ChernTask(bands=_groups(groups), mesh=_mesh(mesh, "mesh")), **point)


@cli.command()
@_point_options
@click.option("--groups", default="0,1", help="Groups of bands, such as 0,1,0+1; band 0 is the top one.")
@click.option("--mesh", default="18x18", help="Momentum mesh, even along b_1.")
@click.option("--index-radius", type=float, default=0.25, help="Radius of the index disks in |G_1|; 0 for none.")
def topology(groups: str, mesh: str, index_radius: float, **point: Any) -> None:
    """Chern numbers by four routes, geometry, Wilson loops, Z2, C3 eigenvalues, interband indices."""
    _single(TopologyTask(bands=_groups(groups), mesh=_mesh(mesh, "mesh"), index_radius=index_radius), **point)


@cli.command()
@_point_options
@click.option("--cluster", required=True, help="N1xN2, or T11,T12,T21,T22 for a tilted cluster.")
@click.option("--filling", required=True, help="Such as -2/3 (holes per cell).")
@click.option("--boundary-twist", nargs=2, type=float, default=(0.0, 0.0), help="In units of 2 pi.")
@click.option("--states", type=int, default=4, help="Levels per momentum sector.")
@click.option("--epsilon", type=float, default=10.0, help="Relative dielectric constant.")
@click.option("--gates", type=click.Choice(["dual", "single", "none"]), default="dual", help="Metallic gates.")
@click.option("--gate-distance", type=float, default=30.0, help="Gate distance in nm.")
@click.option("--layer-distance", type=float, default=0.0, help="Layer distance in nm; 0 is layer-blind.")
@click.option("--q-cutoff", type=float, default=4.0, help="Largest momentum transfer in units of |G_1|.")
@click.option(
    "--zero-momentum", type=click.Choice(["drop", "keep", "exchange"]), default="drop", help="What to do with V(q=0)."
)
@click.option("--seed", type=int, default=0, help="Seed of the starting vectors.")
def ed(
    cluster: str,
    filling: str,
    boundary_twist: tuple[float, float],
    states: int,
    epsilon: float,
    gates: Any,
    gate_distance: float,
    layer_distance: float,
    q_cutoff: float,
    zero_momentum: Any,
    seed: int,
    **point: Any,
) -> None:
    """Many-body spectrum of one band of one valley, all momentum sectors."""
    logger = logging.getLogger("moire")
    logger.setLevel(min(logger.level, logging.INFO))  # one spectrum states its memory, a sweep of them does not
    task = EdTask(
        cluster=_cluster(cluster),
        filling=filling,
        boundary_twist=boundary_twist,
        n_eigenstates=states,
        epsilon_r=epsilon,
        gates=gates,
        gate_distance_nm=gate_distance,
        layer_distance_nm=layer_distance,
        q_cutoff=q_cutoff,
        zero_momentum=zero_momentum,
        seed=seed,
    )
    _single(task, **point)


@cli.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Results folder; results/NAME by default.")
@click.option("--plot", is_flag=True, help="Draw the figures afterwards.")
@click.option("--dry-run", is_flag=True, help="List the points and stop.")
def sweep(plan: Path, output: Path | None, plot: bool, dry_run: bool) -> None:
    """Run a PLAN (TOML), alone or under mpiexec -n N; finished points are skipped."""
    communicator, situation = find_communicator()
    leading = communicator is None or communicator.rank == 0
    try:
        n_failed = _sweep(plan, output, plot, dry_run, communicator, situation if leading else "")
    except MoireError as error:  # every rank reads the same plan and fails alike; only one says so
        if leading:
            click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BaseException as error:
        if communicator is not None:  # one rank that leaves would make the others wait for ever
            if not isinstance(error, KeyboardInterrupt | SystemExit):
                traceback.print_exc()
            communicator.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
        raise
    if n_failed:
        sys.exit(1)


def _sweep(
    plan_path: Path, output: Path | None, plot: bool, dry_run: bool, communicator: Any | None, situation: str
) -> int:
    """Run a sweep on this rank; return the number of failed points on rank 0 and 0 elsewhere."""
    leading = communicator is None or communicator.rank == 0
    plan = read_plan(plan_path)
    requests = plan.requests()
    folder = ResultsFolder(output or Path("results") / plan.name)
    if dry_run:
        if leading:
            click.echo("\n".join(f"{request.key}  {request.title}" for request in requests))
        return 0
    on_leader(communicator, folder.open_for_writing)
    n_threads = limit_threads(communicator)
    if leading:
        click.echo(f"{plan.name}: {len(requests)} points. {situation} {n_threads} threads each.")
    report = run_sweep(requests, folder, communicator, say=click.echo)
    if not leading:
        return 0
    click.echo(str(report))
    keys = [request.key for request in requests]
    summary = collect(folder, keys)
    click.echo(f"\n{summary}\n")
    click.echo(f"Files: {folder.points}, summary: {write_summary(folder, summary)}")
    if plot:
        for figure in draw_folder(folder, summary, folder.path / "figures", keys):
            click.echo(f"Figure: {figure}")
    return len(report.failures)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Print what a FILE or a results folder holds."""
    if path.is_dir():
        click.echo(str(collect(ResultsFolder(path))))
        return
    record = read_record(path)
    click.echo(f"{record.kind}: {record.attributes.get('title', path.name)}")
    for name, value in record.attributes.items():
        click.echo(f"  {name:>14}  {value}")
    for name, dataset in record.datasets.items():
        values = dataset.values
        size = f"{values.shape} {values.dtype}" if getattr(values, "shape", ()) else f"= {values}"
        click.echo(f"  {name:<28} {size} {dataset.unit}  {' '.join(dataset.dims)}  {dataset.doc}")


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Figure file, or folder for a results folder.")
def plot(path: Path, output: Path | None) -> None:
    """Draw a FILE or a results folder."""
    if path.is_dir():
        folder = ResultsFolder(path)
        for figure in draw_folder(folder, collect(folder), output or path / "figures"):
            click.echo(f"Figure: {figure}")
    else:
        click.echo(f"Figure: {draw_file(path, output or path.with_suffix('.png'))}")
