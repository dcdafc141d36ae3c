"""Commands on interacting carriers: Hartree-Fock and exact diagonalization."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from moire.cli.point import Command, model_options, point_options, read_matrix, read_mesh, result_options, run_single
from moire.errors import InputError
from moire.hartree_fock import SYMMETRIES
from moire.projection import REFERENCES
from moire.sweep import EdTask, FciTask, HfTask


def read_cluster(text: str) -> Any:
    """Read ``N1xN2`` or ``T11,T12,T21,T22``."""
    separator, n_numbers = (",", 4) if "," in text else ("x", 2)
    try:
        numbers = [int(part) for part in text.lower().split(separator)]
    except ValueError:
        numbers = []
    if len(numbers) != n_numbers or (separator == "x" and min(numbers) < 1):
        raise InputError(
            f"`cluster` must read N1xN2 with positive sides, or be four integers T11,T12,T21,T22, but is '{text}'."
        )
    return tuple(numbers) if n_numbers == 2 else (tuple(numbers[:2]), tuple(numbers[2:]))


def interaction_options(layer_distance: float, q_cutoff: float, zero_momentum: str) -> Callable[[Command], Command]:
    """Add the options of the interaction, with the defaults of the task."""
    rules = click.Choice(["drop", "keep", "exchange"])

    def add(command: Command) -> Command:
        for decorate in reversed(
            [
                click.option("--gates", type=click.Choice(["dual", "single", "none"]), default="dual", help="Gates."),
                click.option("--gate-distance", type=float, default=30.0, help="Gate distance in nm."),
                click.option(
                    "--layer-distance", type=float, default=layer_distance, help="Layer distance in nm; 0: layer-blind."
                ),
                click.option(
                    "--q-cutoff", type=float, default=q_cutoff, help="Largest momentum transfer in units of |G_1|."
                ),
                click.option("--zero-momentum", type=rules, default=zero_momentum, help="What to do with V(q=0)."),
            ]
        ):
            command = decorate(command)
        return command

    return add


@click.command()
@model_options
@result_options
@click.option("--filling", default="-2", help="Holes per cell, both valleys together, such as -1 or -2; 2 means -2.")
@click.option("--mesh", default="12x12", help="Momentum mesh.")
@click.option("--bands", "n_bands", type=int, default=3, help="Bands kept per valley.")
@click.option("--epsilon", default="20", help="Dielectric constant, or several: 10,20,40.")
@interaction_options(0.7, 2.0, "exchange")
@click.option("--reference", type=click.Choice(REFERENCES), default="vacuum", help="P_ref in P - P_ref.")
@click.option("--supercell", default="", help="Enlarged cell: sqrt3, or S11,S12,S21,S22.")
@click.option("--boost", type=click.Choice(["", "+Q", "-Q"]), default="", help="Displace K' by Q = kappa_+ - kappa_-.")
@click.option("--guesses", default="", help="Such as AFMxy,AFMz,random; all by default.")
@click.option("--symmetry", type=click.Choice(SYMMETRIES), default="free", help="What no state may break.")
@click.option("--temperature", type=float, default=0.0, help="k_B T in meV.")
@click.option("--tolerance", type=float, default=1e-6, help="Residual in meV of a converged state.")
@click.option("--segment", type=int, default=15, help="Points per segment of the path of the bands; 0 for none.")
@click.option("--modes", type=int, default=0, help="Excitations at each momentum, by time-dependent Hartree-Fock.")
@click.option("--random", "n_random", type=int, default=4, help="Random starts of the guess 'random'.")
def hf(
    filling: str,
    mesh: str,
    n_bands: int,
    epsilon: str,
    gates: Any,
    gate_distance: float,
    layer_distance: float,
    q_cutoff: float,
    zero_momentum: Any,
    reference: Any,
    supercell: str,
    boost: Any,
    guesses: str,
    symmetry: Any,
    temperature: float,
    tolerance: float,
    segment: int,
    modes: int,
    n_random: int,
    **point: Any,
) -> None:
    """Hartree-Fock ground state of both valleys, with its phase and the competing states."""
    try:
        constants = tuple(float(part) for part in epsilon.split(","))
    except ValueError:
        raise InputError(f"`epsilon` must be a number, or several such as 10,20,40, but is '{epsilon}'.") from None
    cell: Any = supercell if supercell in ("", "sqrt3") else read_matrix(supercell, "supercell")
    task = HfTask(
        filling=filling,
        mesh=read_mesh(mesh, "mesh"),
        n_bands=n_bands,
        epsilon_r=constants,
        gates=gates,
        gate_distance_nm=gate_distance,
        layer_distance_nm=layer_distance,
        q_cutoff=q_cutoff,
        zero_momentum=zero_momentum,
        reference=reference,
        supercell=cell,
        boost=boost,
        guesses=tuple(filter(None, guesses.split(","))),
        symmetry=symmetry,
        temperature_mev=temperature,
        tolerance_mev=tolerance,
        n_random=n_random,
        points_per_segment=segment,
        n_modes=modes,
    )
    run_single(task, **point)


def _spectrum_options(command: Command) -> Command:
    """Add the options of a spectrum."""
    for decorate in reversed(
        [
            click.option("--cluster", required=True, help="N1xN2, or T11,T12,T21,T22 for a tilted cluster."),
            click.option("--filling", required=True, help="Holes per cell, such as -2/3; 2/3 means the same."),
            click.option("--boundary-twist", nargs=2, type=float, default=(0.0, 0.0), help="In units of 2 pi."),
            click.option("--states", type=int, default=4, help="Levels per momentum sector."),
            click.option("--epsilon", type=float, default=10.0, help="Relative dielectric constant."),
            interaction_options(0.0, 4.0, "drop"),
            click.option("--seed", type=int, default=0, help="Seed of the starting vectors."),
            click.option("--checkpoint", type=click.Path(path_type=Path), help="Folder to keep solved sectors in."),
        ]
    ):
        command = decorate(command)
    return command


_POINT = ("set_name", "twist", "displacement", "shells", "valley", "output", "figure", "checkpoint")


def _run_spectrum(kind: type[EdTask], options: dict[str, Any], **extra: Any) -> None:
    """Run a task on a spectrum from the options of its command."""
    logger = logging.getLogger("moire")
    logger.setLevel(min(logger.level, logging.INFO))  # one spectrum states its memory, a sweep of them does not
    point = {name: options.pop(name) for name in _POINT}
    options["cluster"] = read_cluster(options["cluster"])
    renamed = {_FIELDS.get(name, name): value for name, value in options.items()}
    run_single(kind(**renamed, **extra), **point)


_FIELDS = {
    "states": "n_eigenstates",
    "epsilon": "epsilon_r",
    "gate_distance": "gate_distance_nm",
    "layer_distance": "layer_distance_nm",
}


@click.command()
@point_options
@_spectrum_options
def ed(**options: Any) -> None:
    """Many-body spectrum of one band of one valley, all momentum sectors; resumes from its checkpoint."""
    _run_spectrum(EdTask, options)


@click.command()
@point_options
@_spectrum_options
@click.option("--kept", type=int, default=-1, help="Particles kept in the entanglement cut; -1: by itself, 0: none.")
@click.option("--flux", "flux", default="1,2", help="Insert a flux along L_1, L_2 or both; empty for none.")
@click.option("--flux-steps", type=int, default=12, help="Steps of one turn.")
@click.option("--twists", default="6x6", help="Boundary twists of the many-body Chern number; 0x0 for none.")
@click.option("--charge-gap/--no-charge-gap", default=True, help="Solve one carrier more and one fewer.")
def fci(kept: int, flux: str, flux_steps: int, twists: str, charge_gap: bool, **options: Any) -> None:
    """Every diagnostic of a fractional Chern insulator: flux, Chern number, entanglement, S(q), charge gap.

    Resumes from its checkpoint.
    """
    try:
        directions = tuple(int(part) for part in flux.split(",") if part)
    except ValueError:
        raise InputError(f"`flux` must be 1, 2, 1,2 or empty, but is '{flux}'.") from None
    _run_spectrum(
        FciTask,
        options,
        n_kept=kept,
        flux_directions=directions,
        n_flux_steps=flux_steps,
        twist_mesh=read_mesh(twists, "twists"),
        with_charge_gap=charge_gap,
    )
