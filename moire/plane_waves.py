"""The plane waves themselves as orbitals: the full space of a model at its cutoff, without projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import PlaneWaveModel, check_hermitian
from moire.cutoff import warn_of_cutoff_at
from moire.errors import require
from moire.grids import MomentumGrid
from moire.resources import reserve


@checked
@dataclass(frozen=True, eq=False)
class PlaneWaveOrbitals(BandStructure):
    """All plane waves (layer, G) of one or more flavours as orbitals, in place of bands.

    Parameters
    ----------
    momenta, names, top_band_first, models
        As in :class:`moire.BandStructure`.
    energies
        Diagonal elements of H(k) in meV, (flavour, k, wave), wave = (layer, G) with layer slow.
    states
        Unit vectors, (flavour, k, wave, layer, G).
    hamiltonian
        H(k) in meV, (flavour, k, wave, wave).
    """

    hamiltonian: ComplexArray = field(repr=False)


@checked
def plane_wave_orbitals(models: PlaneWaveModel | Sequence[PlaneWaveModel], grid: MomentumGrid) -> PlaneWaveOrbitals:
    """Orbitals of the full plane-wave space on a grid, to be passed to :func:`moire.project` as bands are.

    Parameters
    ----------
    models
        One model, or one per flavour (the two valleys), all with the same waves.
    grid
        The momenta of a cluster.

    Raises
    ------
    InputError
        If the models differ in their waves, or one has an H(k) that is not Hermitian.
    MemoryRefusedError
        If the matrices H(k) do not fit in memory.

    Warns
    -----
    CutoffWarning
        If plane waves beyond the cutoff would move the band nearest the gap by more than 0.01 meV at gamma, m or kappa.
    """
    flavours = tuple(models) if isinstance(models, Sequence) else (models,)
    require(flavours, "models", "hold at least one model", "empty")
    n_layers, n_waves = flavours[0].state_shape
    waves = flavours[0].basis.vectors
    same = all(np.array_equal(model.basis.vectors, waves) for model in flavours)
    require(same, "models", "share their plane waves", found="differ in them")
    size = n_layers * n_waves
    what = f"H(k) of {size} plane waves for {len(flavours)} flavours on {grid.name}"
    reserve(what, 16.0 * len(flavours) * grid.n_points * size**2, "fewer plane_wave_shells or momenta would fit")
    for model in flavours:
        check_hermitian(model)
        warn_of_cutoff_at(model, np.stack(list(grid.lattice.corners.values())), 1)
    hamiltonian = np.stack([np.stack([model.hamiltonian(k) for k in grid.points]) for model in flavours])
    unit = np.eye(size, dtype=np.complex128).reshape(size, n_layers, n_waves)
    return PlaneWaveOrbitals(
        momenta=grid,
        energies=read_only(np.einsum("fkii->fki", hamiltonian).real),
        names=tuple(model.name for model in flavours),
        top_band_first=flavours[0].top_band_first,
        models=flavours,
        states=np.broadcast_to(unit, (len(flavours), grid.n_points, *unit.shape)),
        hamiltonian=read_only(hamiltonian),
    )
