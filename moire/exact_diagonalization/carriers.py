"""Number of carriers at a filling on a cluster, and clusters commensurate with a filling."""

from __future__ import annotations

from fractions import Fraction

from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization.cluster_shapes import cluster_shapes
from moire.filling import FillingLike, one_band_filling
from moire.grids import MomentumGrid
from moire.orbitals import MAX_ORBITALS

_LARGEST_DENOMINATOR = 1000


@checked
def carriers_on(grid: MomentumGrid, filling: FillingLike, n_bands: int = 1, *, truncated: bool = False) -> int:
    """Number of carriers at a filling on a cluster.

    Parameters
    ----------
    grid
        The cluster.
    filling
        Carriers per moire cell; the sign (minus for holes) does not matter on a cluster alone.
    n_bands
        Bands of all flavours.
    truncated
        Whether the states are truncated, so that more than 64 orbitals may be there.

    Raises
    ------
    InputError
        If it is not an integer; the message names clusters of similar size that fit.
    """
    value = one_band_filling(filling, n_bands=n_bands)
    n_orbitals = grid.n_points * n_bands
    found = f"has {n_orbitals} ({grid.name}{'' if n_bands == 1 else f', {n_bands} bands'})"
    advice = " without a truncation" if n_bands > 1 else ""
    require(
        truncated or n_orbitals <= MAX_ORBITALS, "cluster", f"have at most {MAX_ORBITALS} orbitals{advice}", found=found
    )
    count = value * grid.n_points
    if count.denominator != 1:
        fitting = ", ".join(clusters_for(value, grid.n_points))
        advice = f"{fitting} would fit" if fitting else f"no cluster of up to {MAX_ORBITALS} cells would fit"
        given, product = str(value), str(count)
        if value.denominator > _LARGEST_DENOMINATOR:  # of a decimal that stands for no simple fraction
            given, product = f"{float(value):.6g}", f"{float(count):.6g}"
            advice = "write a fraction as a text, such as '2/3'"
        raise InputError(
            f"`filling` must give an integer number of carriers on the cluster, "
            f"but {given} x {grid.n_points} = {product} on {grid.name}; {advice}."
        )
    return int(count)


@checked
def clusters_for(filling: Fraction, near: int) -> list[str]:
    """Names of clusters commensurate with `filling`: the roundest of the size nearest to `near`, then rectangles."""
    sizes = [size for size in range(4, MAX_ORBITALS + 1) if (filling * size).denominator == 1]
    if not sizes:
        return []
    roundest = cluster_shapes(min(sizes, key=lambda size: abs(size - near)))[0].name
    rectangles = rectangles_for(filling, near)
    return rectangles if roundest in rectangles else [roundest, *rectangles]


@checked
def rectangles_for(filling: Fraction, near: int, how_many: int = 4) -> list[str]:
    """Names of the rectangular clusters nearest in size to `near` that are commensurate with `filling`, sorted."""
    options = [
        (abs(n1 * n2 - near), n2 / n1, f"{n1}x{n2}")
        for n1 in range(2, 9)
        for n2 in range(n1, 2 * n1 + 1)
        if n1 * n2 <= MAX_ORBITALS and (filling * n1 * n2).denominator == 1
    ]
    return [name for _, _, name in sorted(options)[:how_many]]
