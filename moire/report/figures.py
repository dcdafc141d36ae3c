"""Figures of one file and of a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from moire.errors import FileFormatError, InputError, writing
from moire.io import Record, read_bands, read_record, read_spectrum
from moire.plot import panels, plot_bands, plot_spectrum, styled
from moire.ranks import on_leader
from moire.report.mean_field_figures import phase_figures
from moire.report.trend_figures import band_trends, fci_trends
from moire.sweep.collect import Summary
from moire.sweep.dispatch import dispatch
from moire.sweep.folder import ResultsFolder
from moire.tasks import TASKS

MAX_PANELS = 12


def check_figure_name(target: Path) -> None:
    """Raise InputError unless the suffix of `target` names a figure format."""
    if target.suffix.lstrip(".").lower() not in FigureCanvasBase.get_supported_filetypes():
        raise InputError(f"`figure` must end in .png, .pdf or another format of figures, but is {target}.")


@styled()
def draw_file(path: Path, target: Path) -> Path:
    """Draw the result that one file holds.

    Parameters
    ----------
    path
        Result file of a task.
    target
        Figure file; its suffix chooses the format.

    Raises
    ------
    InputError
        If there is no figure for this kind of file, or none of this format.
    """
    record = read_record(path)
    if record.kind not in TASKS:
        raise InputError(
            f"`file` must hold the result of a task ({', '.join(TASKS)}), but {path} is of kind '{record.kind}'."
        )
    return _save(TASKS[record.kind].figure(record, _title(record)), target)


def draw_folder(
    folder: ResultsFolder,
    summary: Summary,
    target: Path,
    keys: Sequence[str] | None = None,
    communicator: Any | None = None,
) -> list[Path]:
    """Draw a sweep: bands, trends with the angle or the field, spectra and fractional-Chern-insulator gaps.

    The figures are distributed over the ranks.

    Parameters
    ----------
    folder, summary
        The sweep and its tables.
    target
        Folder for the figures.
    keys
        Only the requests with these keys; all by default.
    communicator
        MPI communicator, or None to draw alone; then call this on all ranks, with the same summary.

    Returns
    -------
    list of paths
        The figures, in PNG, sorted by name; none on ranks other than 0.
    """
    figures: dict[str, Callable[[], Figure]] = {}
    by_kind: dict[str, list[tuple[Path, Record]]] = defaultdict(list)
    titles = {title for title, _ in summary.failures}
    wanted = None if keys is None else set(keys)
    for path in folder.files():
        task, key = path.name.partition("-")[0], path.stem.rpartition("-")[2]
        if task not in ("ed", "bands") or path.name in titles or (wanted is not None and key not in wanted):
            continue  # damaged files are listed in the summary
        request = read_record(path, group=None)
        if request.kind == "ed":
            by_kind[f"spectrum-{_slug(request.attributes['request']['options'])}"].append((path, request))
        elif request.kind == "bands":
            by_kind["bands"].append((path, request))
    for name, points in by_kind.items():
        shown = _spread(sorted(points, key=lambda point: _position(point[1])))
        figures[name] = partial(_point_panels, [path for path, _ in shown])
    if "bands" in summary.tables and "chern" in summary.tables:
        figures["bands-trend"] = partial(band_trends, summary.tables["bands"], summary.tables["chern"])
    if "ed" in summary.tables and "gap" in summary.tables["ed"].columns:
        figures["fci-trend"] = partial(fci_trends, summary.tables["ed"])
    if "hf" in summary.tables:
        phases = phase_figures(summary.tables["hf"])
        figures |= {name: partial(phases.__getitem__, name) for name in phases}
    on_leader(communicator, lambda: _make_folder(target))
    failures: list[Exception] = []

    def save(name: str) -> Exception | None:
        try:
            with styled():
                _save(figures[name](), target / f"{name}.png")
        except Exception as error:  # reported to rank 0, so that the other ranks do not wait forever
            return error
        return None

    def on_report(name: str, error: Exception | None) -> None:
        if error is not None:
            error.add_note(f"While {name} was drawn.")
            failures.append(error)

    dispatch(communicator, list(figures), save, on_report)  # those of many panels first
    if failures:
        raise failures[0]
    return sorted(target / f"{name}.png" for name in figures) if communicator is None or communicator.rank == 0 else []


def _point_panels(paths: Sequence[Path]) -> Figure:
    """One panel for each point."""
    records = [read_record(path) for path in paths]
    figure = panels([_drawing(record) for record in records], [_point_title(record) for record in records])
    figure.suptitle(_common_title(records[0]))
    return figure


def _drawing(record: Record) -> Callable[[Axes], Axes]:
    if record.kind == "ed":
        spectrum = read_spectrum(record)
        return lambda ax: plot_spectrum(spectrum, ax)
    path, _ = read_bands(record)
    return lambda ax: plot_bands(path, ax)


def _title(record: Record) -> str:
    """Parameter set and title of one point."""
    try:
        return f"{record.attributes['request']['point']['parameters']['name']}: {record.attributes['title']}"
    except (KeyError, TypeError):
        raise FileFormatError("`file` must hold the request and the title of its point, but does not.") from None


def _common_title(record: Record) -> str:
    """Common title of all panels: the parameter set, and for spectra cluster, filling and dielectric constant."""
    request = record.attributes["request"]
    name, options = request["point"]["parameters"]["name"], request["options"]
    if request["task"] != "ed":
        return str(name)
    return rf"{name}, cluster {options['cluster']}, $\nu = {options['filling']}$, $\epsilon = {options['epsilon_r']:g}$"


def _position(record: Record) -> tuple[float, float]:
    point = record.attributes["request"]["point"]
    return float(point["displacement_mev"]), float(point["twist_deg"])


def _point_title(record: Record) -> str:
    displacement, angle = _position(record)
    field = f", D = {displacement:g} meV" if displacement else ""
    return rf"$\theta$ = {angle:g}$\degree${field}"


def _slug(options: dict[str, object]) -> str:
    shape = np.ravel(np.array(options["cluster"]))
    filling = str(options["filling"]).replace("/", "_")
    return f"{'x'.join(map(str, shape))}-nu{filling}-eps{options['epsilon_r']:g}"


def _spread(points: Sequence[tuple[Path, Record]]) -> list[tuple[Path, Record]]:
    """Return at most MAX_PANELS points, evenly chosen."""
    if len(points) <= MAX_PANELS:
        return list(points)
    return [points[round(i)] for i in np.linspace(0, len(points) - 1, MAX_PANELS)]


def _make_folder(path: Path) -> None:
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def _save(figure: Figure, target: Path) -> Path:
    check_figure_name(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target)
    return target
