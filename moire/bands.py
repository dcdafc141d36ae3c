"""Band structures of a Bloch model: energies, states, widths and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bloch import BlochModel, check_hermitian, is_plane_wave_model
from moire.cutoff import warn_of_cutoff
from moire.errors import InputError, require
from moire.grids import KPath, MomentumGrid
from moire.linalg.hermitian import solve_many, workspace_bytes
from moire.resources import fits_in_memory, reserve, threads, would_fit_times


@checked
@dataclass(frozen=True, eq=False)
class BandEnergies(Shown):
    """Energies of one or more flavours on a grid or a path, the part of a band structure that files keep.

    Parameters
    ----------
    momenta
        The grid or path.
    energies
        (flavour, k, band), meV; band 0 is nearest the gap.
    names
        Name of the model of each flavour.
    top_band_first
        Whether band 0 is the highest one.
    """

    momenta: MomentumGrid | KPath
    energies: FloatArray = field(repr=False)
    names: tuple[str, ...]
    top_band_first: bool

    def __post_init__(self) -> None:
        check_shape("energies", self.energies, (len(self.names), self.momenta.n_points, self.n_bands))

    @property
    def n_bands(self) -> int:
        """Number of bands kept."""
        return int(self.energies.shape[2])

    def width(self, band: int = 0, flavour: int = 0) -> float:
        """Width of a band in meV over the momenta solved."""
        require(0 <= band < self.n_bands, "band", f"lie in 0..{self.n_bands - 1}", band)
        self._check_flavour(flavour)
        return float(np.ptp(self.energies[flavour, :, band]))

    def gap(self, band: int = 0, flavour: int = 0) -> float:
        """Indirect gap in meV between `band` and the next one, negative when they overlap."""
        upper, lower = self._ordered(band, flavour)
        return float(upper.min() - lower.max())

    def direct_gap(self, band: int = 0, flavour: int = 0) -> float:
        """Smallest gap in meV between `band` and the next one at equal momentum."""
        upper, lower = self._ordered(band, flavour)
        return float((upper - lower).min())

    def _ordered(self, band: int, flavour: int) -> tuple[FloatArray, FloatArray]:
        require(0 <= band < self.n_bands - 1, "band", f"have a next band among the {self.n_bands} kept", band)
        self._check_flavour(flavour)
        pair = self.energies[flavour, :, band], self.energies[flavour, :, band + 1]
        return pair if self.top_band_first else pair[::-1]

    def _check_flavour(self, flavour: int) -> None:
        n_flavours = len(self.names)
        require(0 <= flavour < n_flavours, "flavour", f"lie in 0..{n_flavours - 1}", flavour)

    def __str__(self) -> str:
        lines = []
        for flavour, name in enumerate(self.names):
            lines.append(f"{name}, {self.momenta.n_points} momenta")
            lines.append(
                f"{'band':>6} {'min (meV)':>12} {'max (meV)':>12} {'width':>9} {'gap to next':>12} {'direct':>9}"
            )
            for band in range(self.n_bands):
                energies = self.energies[flavour, :, band]
                low, high, width = energies.min(), energies.max(), self.width(band, flavour)
                row = f"{band:>6} {Number(low):12.4f} {Number(high):12.4f} {Number(width):9.4f}"
                if band < self.n_bands - 1:
                    row += f" {Number(self.gap(band, flavour)):12.4f} {Number(self.direct_gap(band, flavour)):9.4f}"
                lines.append(row)
        return "\n".join(lines)


@checked
@dataclass(frozen=True, eq=False)
class BandStructure(BandEnergies):
    """Energies and Bloch states of one or more flavours on a grid or a path.

    Parameters
    ----------
    momenta, energies, names, top_band_first
        As in :class:`BandEnergies`.
    models
        One Bloch model per flavour; they provide `sew`.
    states
        (flavour, k, band, layer, G), orthonormal over (layer, G).
    """

    models: tuple[BlochModel, ...]
    states: ComplexArray = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shape("states", self.states, (*self.energies.shape, *self.models[0].state_shape))

    @property
    def n_flavours(self) -> int:
        """Number of flavours."""
        return len(self.models)

    @property
    def grid(self) -> MomentumGrid:
        """The momentum grid.

        Raises
        ------
        InputError
            If the bands were solved on a path.
        """
        if not isinstance(self.momenta, MomentumGrid):
            raise InputError("`bands` must be solved on a MomentumGrid, but are on a KPath.")
        return self.momenta

    def check_bands(self, band_indices: Sequence[int]) -> tuple[int, ...]:
        """Return the indices as integers; raise InputError unless each is one of the bands kept."""
        indices = tuple(int(index) for index in band_indices)
        require(
            indices and all(0 <= index < self.n_bands for index in indices) and len(set(indices)) == len(indices),
            "band_indices",
            f"be distinct bands in 0..{self.n_bands - 1}, at least one",
            list(indices),
        )
        return indices


@checked
def solve_bands(
    models: BlochModel | Sequence[BlochModel],
    momenta: MomentumGrid | KPath,
    n_bands: int,
    n_threads: int | None = None,
) -> BandStructure:
    """Solve the bands nearest the gap on a grid or a path; only these are computed.

    Parameters
    ----------
    models
        One Bloch model, or one per flavour (the two valleys), all with the same state shape.
    momenta
        Grid or path, on the lattice of the models.
    n_bands
        Number of bands, counted from the gap.
    n_threads
        Threads over momenta, with one BLAS thread each; by default all threads of this process.

    Returns
    -------
    BandStructure
        Energies in meV of shape (flavour, k, band) and states (flavour, k, band, layer, G).

    Raises
    ------
    InputError
        If the models have fewer bands than requested, do not match each other or the lattice of the momenta,
        or one has an H(k) that is not Hermitian.
    MemoryRefusedError
        If the matrices H(k), the workspace of the eigensolver or the states do not fit in memory.

    Warns
    -----
    CutoffWarning
        If plane waves beyond the cutoff would move a band by more than 0.01 meV
        (:func:`moire.cutoff.cutoff_shifts`).
    """
    flavours = tuple(models) if isinstance(models, Sequence) else (models,)
    require(flavours, "models", "hold at least one model", "empty")
    require(n_threads is None or n_threads >= 1, "n_threads", "be at least 1", n_threads)
    shape = flavours[0].state_shape
    dimension = shape[0] * shape[1]
    require(
        n_bands in range(1, dimension + 1),
        "n_bands",
        f"be an integer in 1..{dimension}, the dimension of H(k) at this plane-wave cutoff",
        n_bands,
    )
    n_bands = int(n_bands)
    shapes = sorted({model.state_shape for model in flavours})
    require(len(shapes) == 1, "models", "share one state shape", found=f"have {' and '.join(map(str, shapes))}")
    require(
        all(np.allclose(model.lattice.reciprocal, momenta.lattice.reciprocal, rtol=1e-9) for model in flavours),
        "momenta",
        "lie on the lattice of the models",
        found=f"lie on one of period {momenta.lattice.period_nm:g} nm instead of {flavours[0].lattice.period_nm:g} nm",
    )
    _reserve(flavours, momenta.n_points, n_bands, n_threads or threads())
    for model in flavours:
        check_hermitian(model)
    energies, states = [], []
    for model in flavours:
        values, vectors = solve_many(
            lambda i, model=model: model.hamiltonian(momenta.points[i]),  # type: ignore[misc]
            momenta.n_points,
            n_bands,
            largest=model.top_band_first,
            n_threads=n_threads,
        )
        energies.append(values)
        states.append(vectors.reshape(momenta.n_points, n_bands, *shape))
    stacked = np.stack(energies), np.stack(states)
    for array in stacked:
        array.setflags(write=False)
    warn_of_cutoff(flavours, momenta.points, *stacked)
    names, top_band_first = tuple(model.name for model in flavours), flavours[0].top_band_first
    return BandStructure(momenta, stacked[0], names, top_band_first, flavours, stacked[1])


def _reserve(flavours: Sequence[BlochModel], n_momenta: int, n_bands: int, n_threads: int) -> None:
    """Reserve the memory of a band structure; raise MemoryRefusedError before any matrix is built."""
    dimension = flavours[0].state_shape[0] * flavours[0].state_shape[1]
    at_work = min(n_threads, n_momenta)
    matrices = _matrix_bytes(len(flavours), dimension, n_bands, at_work)
    what = f"{n_bands} bands at {n_momenta} momenta"
    if fits_in_memory(matrices):
        would_fit = "fewer momenta or bands, or a smaller plane-wave cutoff, would fit"
    else:
        what += f" with matrices of dimension {dimension}, {at_work} at once"
        fraction = would_fit_times(matrices)
        would_fit = f"matrices of dimension {int(dimension * fraction**0.5)} would fit"
        model = flavours[0]
        if is_plane_wave_model(model):  # the dimension grows with the area of the disk
            would_fit = f"{int(model.basis.plane_wave_shells * fraction**0.25)} plane_wave_shells would fit"
    reserve(what, band_bytes(len(flavours), dimension, n_momenta, n_bands, at_work), would_fit)


def band_bytes(n_flavours: int, dimension: int, n_momenta: int, n_bands: int, at_work: int) -> float:
    """Bytes of a band structure while `at_work` momenta are solved at once: states with a copy, and matrices."""
    states = 32.0 * n_flavours * n_momenta * n_bands * dimension
    return states + _matrix_bytes(n_flavours, dimension, n_bands, at_work)


def _matrix_bytes(n_flavours: int, dimension: int, n_bands: int, at_work: int) -> float:
    # per thread H(k) and the solver; per flavour the part of H that does not depend on k, and one copy of it
    solving = at_work * (16.0 * dimension**2 + workspace_bytes(dimension, n_bands))
    return float(solving + 16.0 * (n_flavours + 1) * dimension**2)
