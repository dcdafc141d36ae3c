"""Hartree-Fock bands at any momentum: the mean field of the converged density matrix, evaluated off the grid."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from moire._types import checked
from moire.bands import BandStructure
from moire.errors import is_whole, require
from moire.grids import KPath, MomentumGrid
from moire.hartree_fock.mean_field_model import MeanFieldModel
from moire.hartree_fock.result import HartreeFockResult
from moire.linalg.hermitian import extremal_eigenpairs
from moire.resources import reserve

EMPTY_BANDS = 6  # beyond the filled ones, where all plane waves are kept


@checked
def interpolate_bands(
    result: HartreeFockResult,
    momenta: MomentumGrid | KPath,
    image_correction: bool = True,
    n_bands: int | None = None,
) -> BandStructure:
    """Hartree-Fock bands on a path or on another grid, as :func:`quasiparticle_bands` gives them on its grid.

    Parameters
    ----------
    result
        The Hartree-Fock state.
    momenta
        Path or grid on the same lattice. Momenta of the grid of the state give its energies to rounding.
    image_correction
        Whether to subtract the exchange with the images of the cluster, see :class:`MeanFieldModel`.
    n_bands
        Bands returned, those that the carriers fill first. By default all bands of the mean field, and for a state in
        plane waves the filled ones with six more.

    Raises
    ------
    InputError
        If the image correction is requested for a metal, the lattices differ, or there are not so many bands.
    MemoryRefusedError
        If the bands do not fit in memory.
    """
    model = MeanFieldModel.of(result, image_correction)
    require(
        np.allclose(model.lattice.reciprocal, momenta.lattice.reciprocal, rtol=1e-9),
        "momenta",
        "lie on the lattice of the state",
        found=f"lie on one of period {momenta.lattice.period_nm:g} nm instead of {model.lattice.period_nm:g} nm",
    )
    n_points, in_waves = momenta.n_points, result.problem.basis == "plane waves"
    if n_bands is None:
        few = -(-result.n_particles // result.problem.grid.n_points) + EMPTY_BANDS
        n_bands = min(few, model.n_bands) if in_waves else model.n_bands
    rule = f"be an integer in 1..{model.n_bands}"
    require(is_whole(n_bands) and 1 <= n_bands <= model.n_bands, "n_bands", rule, n_bands)
    n_bands = int(n_bands)
    reserve(
        f"{n_bands} bands at {n_points} momenta",
        16.0 * n_points * n_bands * int(np.prod(model.state_shape)) + in_waves * result.density_matrix.nbytes,
        "fewer momenta or a smaller plane-wave cutoff would fit",
    )
    energies = np.empty((1, n_points, n_bands))
    states = np.empty((1, n_points, n_bands, *model.state_shape), dtype=np.complex128)
    sign = -1.0 if model.top_band_first else 1.0
    with threadpool_limits(1, user_api="blas"):
        for i, k in enumerate(momenta.points):
            fock, bare = model.fock(k)
            values, rows = extremal_eigenpairs(fock, n_bands, False)
            energies[0, i] = sign * values
            orbitals = rows.conj() if model.top_band_first else rows
            parts = orbitals.reshape(n_bands, len(bare), -1)
            mixed = np.einsum("nfm,fmlg->nflg", parts, bare, optimize=True)
            states[0, i] = mixed.reshape(n_bands, *model.state_shape)
    for array in (energies, states):
        array.setflags(write=False)
    return BandStructure(momenta, energies, (model.name,), model.top_band_first, (model,), states)
