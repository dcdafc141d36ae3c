"""The model at one twist angle and displacement field of a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from moire._shown import Shown
from moire._types import checked
from moire.continuum import ContinuumModel, PlaneWaveBasis
from moire.cutoff import default_plane_wave_shells
from moire.errors import require
from moire.grids import MomentumGrid
from moire.lattice import MoireLattice
from moire.parameters import LARGEST_FIELD_MEV, ContinuumParameters
from moire.tasks.options import Option
from moire.tasks.values import MOST_SHELLS, ClusterShape


@checked
@dataclass(frozen=True, kw_only=True)
class ModelPoint(Shown):
    """The model at one twist angle and displacement field, with its cutoff.

    Parameters
    ----------
    parameters, twist_deg, displacement_mev, valley
        The model.
    plane_wave_shells
        Radius of the plane-wave disk in units of |G_1|; None for
        :func:`moire.cutoff.default_plane_wave_shells`, whose value it then holds.
    """

    parameters: Annotated[ContinuumParameters, Option("parameter set", flag="set")]
    twist_deg: Annotated[float, Option("twist angle", "degrees", flag="twist")]
    displacement_mev: Annotated[float, Option("displacement field D", "meV", at_most=LARGEST_FIELD_MEV)] = 0.0
    plane_wave_shells: Annotated[
        float | None,
        Option(
            "plane-wave cutoff; by default 5, and more at small angles", "|G_1|", flag="shells", at_most=MOST_SHELLS
        ),
    ] = None
    valley: Annotated[int, Option("+1 for K, -1 for K'")] = +1

    def __post_init__(self) -> None:
        if self.plane_wave_shells is None:
            found = f"is {self.twist_deg:g}, where the default cutoff would be {self.shells:g} plane_wave_shells"
            require(self.shells <= MOST_SHELLS, "twist_deg", "be larger without a cutoff of its own", found=found)
        object.__setattr__(self, "plane_wave_shells", self.shells)

    @property
    def shells(self) -> float:
        """The cutoff as a number."""
        if self.plane_wave_shells is None:
            return default_plane_wave_shells(self.parameters, self.twist_deg)
        return self.plane_wave_shells

    def lattice(self) -> MoireLattice:
        """Moire lattice of the point."""
        return MoireLattice.from_twist(self.twist_deg, self.parameters.lattice_constant_nm)

    def build(self) -> ContinuumModel:
        """Continuum model of the point."""
        basis = PlaneWaveBasis(self.lattice(), self.shells)
        return ContinuumModel(self.parameters, basis, self.valley, self.displacement_mev)

    def grid(self, shape: ClusterShape, boundary_phase: tuple[float, float] = (0.0, 0.0)) -> MomentumGrid:
        """Momentum grid on the lattice of the point, with boundary phases in units of 2 pi."""
        return MomentumGrid.cluster(self.lattice(), shape, boundary_phase)

    @property
    def dimension(self) -> int:
        """Dimension of H(k), the total number of bands."""
        return 2 * plane_waves(self.shells)

    def check_bands(self, n_bands: int) -> None:
        """Raise InputError unless H(k) has `n_bands` bands."""
        dimension = self.dimension
        require(
            1 <= n_bands <= dimension,
            "n_bands",
            f"lie in 1..{dimension}, the dimension of H(k) at {self.shells:g} shells",
            n_bands,
        )


@lru_cache
def plane_waves(plane_wave_shells: float) -> int:
    """Number of reciprocal vectors within a cutoff in units of |G_1|, which depends on nothing else."""
    return PlaneWaveBasis(MoireLattice(1.0, 1.0), plane_wave_shells).size
