"""One Hartree-Fock band of one valley as the basis of exact diagonalization, the other filled states frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._text import Number
from moire.bands import BandStructure
from moire.errors import require
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.moments import mixes_valleys
from moire.hartree_fock.quasiparticles import valley_bands
from moire.hartree_fock.result import HartreeFockResult, require_unit_cell


@dataclass(frozen=True, eq=False)
class ActiveBand:
    """A Hartree-Fock band in the field of frozen carriers.

    Parameters
    ----------
    bands
        One flavour and one band, for ``problem.on_bands(bands, reference="vacuum")`` with the problem of the
        Hartree-Fock state. Its energies hold the mean field of the frozen carriers and that of P_ref, and nothing of
        the carriers in the band itself: their interaction is what the diagonalization treats.
    frozen_energy_per_cell
        Energy per cell in meV of the frozen carriers alone: add it to that of the diagonalization.
    n_frozen
        Frozen carriers in the cluster.
    flavour, band
        Which band.
    """

    bands: BandStructure = field(repr=False)
    frozen_energy_per_cell: float
    n_frozen: int
    flavour: int
    band: int

    def __str__(self) -> str:
        return (
            f"band {self.band} of flavour {self.flavour}, width {Number(self.bands.width()):.4f} "
            f"meV, above {self.n_frozen} "
            f"frozen carriers of {Number(self.frozen_energy_per_cell):.5f} meV per cell"
        )


def active_band(result: HartreeFockResult, flavour: int, band: int, mean_field: MeanField | None = None) -> ActiveBand:
    """Prepare exact diagonalization in one Hartree-Fock band.

    The carriers of the band move in e(k) = <phi_k| F[P_frozen] |phi_k>, where F[P] is the bare energy with Hartree and
    Fock of P, and P_frozen is the density matrix without the band. Taking the quasiparticle energies instead would
    count the interaction among the carriers of the band twice. A determinant then has the same energy on both sides.

    Parameters
    ----------
    result
        A state that does not mix the valleys, at zero temperature.
    flavour, band
        Which band; band 0 is filled by the carriers first.
    mean_field
        The mean field of the problem, if there is one already.

    Raises
    ------
    InputError
        If the state mixes the valleys, or fills other bands in part, or there is no such band.
    """
    require_unit_cell(result)
    problem = result.problem
    n_flavours, n_bands, n_k = problem.bands.n_flavours, problem.bands.n_bands, problem.grid.n_points
    blocks = result.density_matrix.reshape(n_k, n_flavours, n_bands, n_flavours, n_bands)
    require(
        not mixes_valleys(problem, result.density_matrix),
        "result",
        "not mix the valleys",
        found=f"mixes them, with an intervalley coherence of {result.moments.coherence:.3g}",
    )
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    require(band in range(n_bands), "band", f"lie in 0..{n_bands - 1}", band)
    own = valley_bands(problem, result.occupation, flavour)
    states = own.states[:, :, band : band + 1]
    orbitals = np.einsum("kmlg,klg->km", problem.bands.states[flavour].conj(), states[0, :, 0], optimize=True)
    if problem.carrier == "hole":
        orbitals = orbitals.conj()
    frozen = _frozen(blocks, orbitals, flavour)
    counts = np.einsum("kii->k", frozen).real
    miss = float(np.abs(frozen @ frozen - frozen).max())
    require(miss < 1e-3, "result", "fill each other band whole or not at all", found=f"misses that by {miss:.3g}")
    functional = MeanField(problem) if mean_field is None else mean_field
    part = slice(flavour * n_bands, (flavour + 1) * n_bands)
    fock = functional(frozen)[:, part, part]
    energies = np.einsum("km,kmn,kn->k", orbitals.conj(), fock, orbitals).real
    sign = -1 if problem.carrier == "hole" else 1
    name = f"Hartree-Fock band {band} of {problem.bands.names[flavour]}"
    bands = BandStructure(
        problem.grid,
        read_only(sign * energies[None, :, None]),
        (name,),
        own.top_band_first,
        own.models,
        read_only(states),
    )
    return ActiveBand(bands, functional.energy_parts(frozen).total, round(float(counts.sum())), flavour, band)


def _frozen(blocks: ComplexArray, orbitals: ComplexArray, flavour: int) -> ComplexArray:
    """The density matrix with the orbitals phi(k) of one flavour emptied: (1 - |phi><phi|) P (1 - |phi><phi|)."""
    n_k, n_flavours, n_bands = blocks.shape[:3]
    frozen = np.zeros_like(blocks)
    outside = np.eye(n_bands) - orbitals[:, :, None] * orbitals[:, None, :].conj()
    for f in range(n_flavours):
        own = blocks[:, f, :, f, :]
        frozen[:, f, :, f, :] = outside @ own @ outside if f == flavour else own
    return frozen.reshape(n_k, n_flavours * n_bands, n_flavours * n_bands)
