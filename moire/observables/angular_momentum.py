"""Angular momenta of many-body states in the sectors that a rotation of the cluster by 120 degrees leaves invariant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch.protocols import is_threefold_model
from moire.errors import InputError, require
from moire.exact_diagonalization import MomentumSector, OrbitalSymmetry, Spectrum
from moire.exact_diagonalization.spectrum import DEGENERACY_TOLERANCE_MEV
from moire.exact_diagonalization.symmetry import rotated_orbitals
from moire.grids import Label, MomentumGrid
from moire.lattice import C3_ROTATION
from moire.projection import Carrier

NOT_RESOLVED = -1
_TOLERANCE = 0.05  # distance of an eigenvalue from a cube root of one


@checked
@dataclass(frozen=True, eq=False)
class AngularMomenta(Shown):
    """Angular momenta modulo 3 of the levels of a spectrum.

    Parameters
    ----------
    values
        (sector, level), l with C3 = exp(2 pi i l / 3); -1 where the sector is not invariant, the level is not solved,
        or a degenerate level is not complete.
    momenta
        Labels of the sectors.
    distance
        Largest distance of an eigenvalue from its cube root of one: the error of the plane-wave cutoff.
    """

    values: IntArray
    momenta: tuple[Label, ...] = field(repr=False)
    distance: float

    def of(self, label: Label, level: int = 0) -> int:
        """Angular momentum of a level of the first sector with a label."""
        return int(self.values[self.momenta.index(label), level])

    def __str__(self) -> str:
        lines = []
        for label, levels in zip(self.momenta, self.values, strict=True):
            if (levels != NOT_RESOLVED).any():
                names = ["?" if value == NOT_RESOLVED else str(value) for value in levels]
                lines.append(f"{label!s:>10}  l = {' '.join(names)}")
        return "\n".join(["angular momenta modulo 3 of the levels, ascending in energy", *lines])


@checked
def angular_momenta(spectrum: Spectrum, bands: BandStructure, carrier: Carrier) -> AngularMomenta:
    """Eigenvalues of C3 on the levels of a spectrum with vectors, counted from the state without carriers.

    C3 acts on the Bloch states as the model says, so that the phases of the states drop out; in other places of the
    rotation centre, a sector of momentum kappa_+ or kappa_- has other values.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    bands
        Its bands, one of each flavour.
    carrier
        ``"hole"`` or ``"electron"``; a hole has the complex conjugate of the eigenvalue of the electron removed.

    Raises
    ------
    InputError
        If the spectrum has no vectors, there are several bands, the cluster has no threefold axis about Gamma, or a
        model has no C3.
    """
    species = spectrum.species
    require(len(spectrum.vectors) > 0, "spectrum", "be solved with keep_vectors=True", found="holds no vectors")
    require(species.orbitals.n_bands == 1, "bands", "be one of each flavour", found=f"are {species.orbitals.n_bands}")
    image = rotated_orbitals(species.orbitals, 2)
    if image is None:
        raise InputError(
            f"`spectrum` must be that of a cluster with C3 about gamma, but is that of {spectrum.grid.name}."
        )
    phases = _bloch_phases(bands, spectrum.grid, image)
    phases = phases if carrier == "hole" else -phases  # of the operators that annihilate a carrier
    vacuum = np.exp(-1j * phases.sum()) if species.missing else 1.0  # of the state that all carriers fill
    rotation = OrbitalSymmetry(120, image, -phases if species.missing else phases, 0.0, 0.0)
    values, distance = np.full(spectrum.energies.shape, NOT_RESOLVED), 0.0
    for row, label in enumerate(spectrum.labels):
        sector = spectrum.numbers(row), species.momentum(spectrum.grid.index_of(label))
        if rotation.image_sector(sector, spectrum.grid) != sector or not len(spectrum.vectors[row]):
            continue
        basis, vectors = MomentumSector(species.orbitals, *sector), spectrum.vectors[row]
        overlaps = vacuum * vectors.conj() @ rotation.map_vectors(vectors, basis, basis).T
        for levels in _multiplets(spectrum.energies[row, : len(vectors)]):
            eigenvalues = np.linalg.eigvals(overlaps[np.ix_(levels, levels)])
            nearest = np.round(np.angle(eigenvalues) * 3 / (2 * np.pi)).astype(np.int64) % 3
            apart = float(np.abs(eigenvalues - np.exp(2j * np.pi * nearest / 3)).max())
            if apart < _TOLERANCE:
                values[row, levels], distance = np.sort(nearest), max(distance, apart)
    return AngularMomenta(read_only(values), spectrum.labels, distance)


def _bloch_phases(bands: BandStructure, grid: MomentumGrid, image: IntArray) -> FloatArray:
    """Phases of <u_{R k}| C3 u_k> of the states of every flavour, (orbital,)."""
    origin = np.linalg.solve(grid.matrix.astype(float), np.array(grid.boundary_phase))
    points, target = grid.fractional + origin, image[: grid.n_points] % grid.n_points
    umklapps = np.round(points @ C3_ROTATION - points[target]).astype(np.int64)
    overlaps: list[ComplexArray] = []
    for model, states in zip(bands.models, bands.states[:, :, 0], strict=True):
        if not is_threefold_model(model):
            raise InputError(f"`bands` must be those of models with C3, but {type(model).__name__} has no `rotated`.")
        turned = [model.rotated(state, umklapp) for state, umklapp in zip(states, umklapps, strict=True)]
        overlaps.append(np.einsum("klg,klg->k", states[target].conj(), np.array(turned)))
    return np.angle(np.concatenate(overlaps))


def _multiplets(energies: FloatArray) -> list[IntArray]:
    """Levels of equal energy."""
    breaks = np.flatnonzero(np.diff(energies) > 10 * DEGENERACY_TOLERANCE_MEV) + 1
    return [levels.astype(np.int64) for levels in np.split(np.arange(len(energies)), breaks)]
