"""The command that fits the continuum model to band energies."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE
from moire.errors import InputError, writing
from moire.fitting import TERMS, fit_continuum, read_band_table
from moire.fitting.band_table import UNITS
from moire.io import check_folder
from moire.lattice import MoireLattice
from moire.parameters import ContinuumParameters


@click.command(cls=OptionCommand)
@click.argument("bands", type=FILE)
@click.option("--twist", "twist_deg", type=float, required=True, help="Twist angle in degrees.")
@click.option(
    "--lattice-constant", "lattice_constant_nm", type=float, required=True, help="a_0 of the monolayer in nm."
)
@click.option("--terms", default="mass,V,w", help=f"Terms that are fitted, of {', '.join(TERMS)}.")
@click.option("--unit", type=click.Choice(list(UNITS)), default="meV", help="Unit of the energies.")
@click.option("--bands", "n_bands", type=int, help="Bands from the top; all columns by default.")
@click.option("--errors", "errors_mev", type=float, help="Standard deviation of the energies in meV.")
@click.option("--chern", type=int, help="Chern number of the top band in valley K, which fixes the sign of phi.")
@click.option("--shells", "plane_wave_shells", type=float, default=4.0, help="Plane-wave cutoff in |G_1|.")
@click.option("--name", default="FIT", help="Name of the parameter set.")
@click.option("--output", type=FILE, help="Write the parameter set to this TOML file, as --set takes it.")
def fit(
    bands: Path,
    twist_deg: float,
    lattice_constant_nm: float,
    terms: str,
    unit: str,
    n_bands: int | None,
    errors_mev: float | None,
    chern: int | None,
    plane_wave_shells: float,
    name: str,
    output: Path | None,
) -> None:
    """Fit the continuum model of valley K at D = 0 to the energies in BANDS (k1,k2,... or kx,ky,...)."""
    if output is not None:
        if output.exists():
            raise InputError(f"`output` must be a new file, but {output} exists.")
        check_folder(output, "output")
    lattice = MoireLattice.from_twist(twist_deg, lattice_constant_nm)
    energies, momenta = read_band_table(bands, lattice, unit=unit, n_bands=n_bands)
    found = fit_continuum(
        energies,
        momenta,
        lattice,
        terms=tuple(term.strip() for term in terms.split(",")),
        errors_mev=errors_mev,
        chern=chern,
        plane_wave_shells=plane_wave_shells,
        name=name,
    )
    click.echo(f"{len(energies)} momenta, {energies.shape[1]} bands\n{found}")
    if output is not None and found.parameters is not None:
        with writing(output):
            output.write_text(_toml(found.parameters), encoding="utf-8")
        click.echo(f"Written to {output}.")


def _toml(parameters: ContinuumParameters) -> str:
    """Return the keys of a parameter set; a JSON text or number is a TOML one."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in asdict(parameters).items())
