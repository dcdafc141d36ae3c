"""The plane-wave basis and the two-layer continuum model of one valley."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.errors import require
from moire.lattice import MoireLattice
from moire.parameters import ContinuumParameters
from moire.resources import reserve, would_fit_times
from moire.units import HBAR2_OVER_2ME

# Integer coordinates in (b_1, b_2). First shell G_1 .. G_6, 60 degrees apart.
FIRST_SHELL = np.array([[1, 0], [0, 1], [-1, 1], [-1, 0], [0, -1], [1, -1]])
SECOND_SHELL = FIRST_SHELL + np.roll(FIRST_SHELL, -1, axis=0)
# Plane-wave transfers d of <b, k+G+d| Delta_T |t, k+G>: 0, -G_2, -G_3 in the first shell.
TUNNELLING_TRANSFERS = np.array([[0, 0], [0, -1], [1, -1]])
# -2 d - (3 kappa_- - 3 kappa_+): minus twice the first transfers, measured from kappa_- - kappa_+.
SECOND_TUNNELLING_TRANSFERS = -2 * TUNNELLING_TRANSFERS - np.array([-1, 2])
# Rotation by 120 degrees, G n -> G (n R): b_1 -> -b_1 + b_2, b_2 -> -b_1.
C3_ROTATION = np.array([[-1, 1], [-1, 0]])
_CANDIDATE_BYTES = 80  # of each point of the parallelogram around the disk: its coordinates, copies, and |G|^2
_CORNERS_TIMES_THREE = np.array([[2, -1], [1, 1]])  # kappa_+, kappa_-


@dataclass(frozen=True, eq=False)
class PlaneWaveBasis:
    """Plane waves k + G with |G| <= plane_wave_shells |G_1|: a disk, closed under C3 and inversion.

    Parameters
    ----------
    lattice
        The moire lattice.
    plane_wave_shells
        Radius of the disk in units of |G_1|; :func:`moire.cutoff.default_plane_wave_shells` suggests one.

    Raises
    ------
    InputError
        If the radius is below 1 or not finite.
    MemoryRefusedError
        If the list of plane waves does not fit in memory.
    """

    lattice: MoireLattice
    plane_wave_shells: float
    vectors: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require(
            1 <= self.plane_wave_shells < np.inf,
            "plane_wave_shells",
            "be finite and at least 1, the first shell of the potential",
            self.plane_wave_shells,
        )
        reach = int(np.ceil(2 * self.plane_wave_shells / np.sqrt(3)))
        reserve(
            f"The search for plane waves within {self.plane_wave_shells:g} shells",
            _CANDIDATE_BYTES * (2.0 * reach + 1) ** 2,
            "fewer plane_wave_shells would fit",
        )
        side = np.arange(-reach, reach + 1)
        vectors = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        squares = vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 0] * vectors[:, 1]  # |G|^2/|G_1|^2
        inside = squares <= self.plane_wave_shells**2 * (1 + 1e-12)
        vectors, squares = vectors[inside], squares[inside]
        order = np.lexsort((vectors[:, 1], vectors[:, 0], squares))
        object.__setattr__(self, "vectors", read_only(vectors[order], np.int64))

    @property
    def size(self) -> int:
        """Number of plane waves per layer."""
        return len(self.vectors)

    @cached_property
    def cartesian(self) -> FloatArray:
        """G in 1/nm, shape (G, 2)."""
        return read_only(self.vectors @ self.lattice.reciprocal)

    @cached_property
    def _position(self) -> tuple[int, IntArray]:
        reach = int(np.abs(self.vectors).max())
        table = np.full((2 * reach + 1, 2 * reach + 1), -1, dtype=np.int64)
        table[self.vectors[:, 0] + reach, self.vectors[:, 1] + reach] = np.arange(self.size)
        return reach, table

    def shift(self, reciprocal: IntArray) -> IntArray:
        """Index of G + G' for every G of the basis, -1 where it lies outside; shape (..., G).

        Parameters
        ----------
        reciprocal
            Integer G' in units of b_1, b_2, shape (..., 2).
        """
        reach, table = self._position
        target = self.vectors + np.asarray(reciprocal)[..., None, :]
        inside = np.all(np.abs(target) <= reach, axis=-1)
        clipped = np.where(inside[..., None], target, 0) + reach
        return np.where(inside, table[clipped[..., 0], clipped[..., 1]], -1)

    def shifted(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """Coefficients c_G(k+G') = c_{G+G'}(k) of states at k + G'; zero outside the disk."""
        index = self.shift(np.asarray(reciprocal))
        return np.where(index >= 0, states[..., np.maximum(index, 0)], 0)


@dataclass(frozen=True, eq=False)
class ContinuumModel:
    """Two-layer continuum model of one valley in the electron (valence) picture.

    H_K = [[-hbar^2 (k - kappa_+)^2 / 2m* + Delta_b + D/2, Delta_T],
           [Delta_T^+, -hbar^2 (k - kappa_-)^2 / 2m* + Delta_t - D/2]]   and   H_K'(k) = H_K(-k)^*.

    The state layout is (layer, G) with layers (b, t); D > 0 raises electrons on b, so holes go to b.

    Parameters
    ----------
    parameters
        Material parameters.
    basis
        Plane waves, on the lattice of the twist angle.
    valley
        +1 for K, -1 for K'.
    displacement_mev
        Displacement field D in meV: the energy difference of the layers.

    References
    ----------
    arXiv:2308.07488, Eq. (1); second harmonics as in arXiv:2403.17003.
    """

    parameters: ContinuumParameters
    basis: PlaneWaveBasis
    valley: int = +1
    displacement_mev: float = 0.0

    def __post_init__(self) -> None:
        require(self.valley in (+1, -1), "valley", "be +1 (K) or -1 (K')", self.valley)
        require(np.isfinite(self.displacement_mev), "displacement_mev", "be finite", self.displacement_mev)
        object.__setattr__(self, "displacement_mev", float(self.displacement_mev))

    @property
    def lattice(self) -> MoireLattice:
        """The moire lattice."""
        return self.basis.lattice

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, G) of one state."""
        return 2, self.basis.size

    @property
    def top_band_first(self) -> bool:
        """True: band 0 is the top valence band."""
        return True

    @property
    def name(self) -> str:
        """One line that says which model this is."""
        valley = "K" if self.valley > 0 else "K'"
        return (
            f"{self.parameters.name}, theta = {self.lattice.twist_deg:g} deg, D = {self.displacement_mev:g} meV, "
            f"valley {valley}, {self.basis.plane_wave_shells:g} shells"
        )

    @cached_property
    def potential(self) -> ComplexArray:
        """The part of H that does not depend on k, in meV, shape (2 G, 2 G).

        Raises
        ------
        MemoryRefusedError
            If it does not fit in memory.
        """
        dimension = 2 * self.basis.size
        needed = 32.0 * dimension**2  # the matrix and its read-only copy
        reserve(
            f"The matrix of dimension {dimension} of {self.name}",
            needed,
            f"{int(self.basis.plane_wave_shells * would_fit_times(needed) ** 0.25)} plane_wave_shells would fit",
        )
        blocks = np.zeros((2, self.basis.size, 2, self.basis.size), dtype=complex)
        for layer, sign in ((0, +1), (1, -1)):
            blocks[layer, :, layer, :] += sign * self.displacement_mev / 2 * np.eye(self.basis.size)
        for to, source, transfer, amplitude in self._couplings():
            target = self.basis.shift(transfer)
            inside = np.nonzero(target >= 0)[0]
            blocks[to, target[inside], source, inside] += amplitude
        return read_only(blocks.reshape(dimension, dimension))

    def _couplings(self) -> Iterator[tuple[int, int, IntArray, complex]]:
        """Terms <to, G + transfer| H |source, G> = amplitude in meV, the same for every G."""
        p, tau = self.parameters, self.valley
        terms: list[tuple[int, int, IntArray, complex]] = []
        for layer, sign in ((0, +1), (1, -1)):
            phase = np.exp(1j * sign * np.radians(p.potential_phase_deg))
            for i, transfer in enumerate(FIRST_SHELL):  # G_1, G_3, G_5 carry +phi
                terms.append((layer, layer, transfer, p.potential_mev * (phase if i % 2 == 0 else phase.conj())))
            terms += [(layer, layer, transfer, p.second_potential_mev) for transfer in SECOND_SHELL]
        for transfers, amplitude in (
            (TUNNELLING_TRANSFERS, p.tunnelling_mev),
            (SECOND_TUNNELLING_TRANSFERS, p.second_tunnelling_mev),
        ):
            for transfer in transfers:
                terms += [(0, 1, tau * transfer, amplitude), (1, 0, -tau * transfer, amplitude)]
        return (term for term in terms if term[3])

    @cached_property
    def dropped_waves(self) -> tuple[IntArray, IntArray, sparse.csr_array]:
        """Waves beyond the cutoff that H couples to the basis: their layer (p,), G (p, 2), and the coupling in meV.

        The coupling <dropped p| H |layer, G> has shape (p, 2 G).
        """
        rows: dict[tuple[int, int, int], int] = {}
        entries: list[tuple[int, int, complex]] = []
        for to, source, transfer, amplitude in self._couplings():
            for index in np.nonzero(self.basis.shift(transfer) < 0)[0]:
                a, b = (int(component) for component in self.basis.vectors[index] + transfer)
                row = rows.setdefault((to, a, b), len(rows))
                entries.append((row, source * self.basis.size + int(index), amplitude))
        waves = np.array(list(rows), dtype=np.int64).reshape(-1, 3)
        at_row, at_column, amplitudes = zip(*entries, strict=True) if entries else ((), (), ())
        shape = len(rows), 2 * self.basis.size
        coupling = sparse.csr_array((np.array(amplitudes, dtype=complex), (at_row, at_column)), shape=shape)
        return waves[:, 0], waves[:, 1:], coupling

    def dropped_energies(self, k: FloatArray) -> FloatArray:
        """Diagonal of H in meV on :attr:`dropped_waves` at momenta (..., 2) in 1/nm, (..., p)."""
        layers, vectors, _ = self.dropped_waves
        corners = self.lattice.corners
        centres = self.valley * np.stack([corners["kappa_+"], corners["kappa_-"]])
        momenta = np.asarray(k)[..., None, :] + vectors @ self.lattice.reciprocal - centres[layers]
        field_mev = self.displacement_mev * (0.5 - layers)
        energies: FloatArray = field_mev - self._mass_mev_nm2 * np.sum(momenta**2, axis=-1)
        return energies

    def _momenta(self, k: FloatArray) -> FloatArray:
        """Momenta k + G - tau kappa_layer in 1/nm, shape (2 G, 2), layer slow."""
        corners = self.lattice.corners
        centres = self.valley * np.stack([corners["kappa_+"], corners["kappa_-"]])
        return (np.asarray(k) + self.basis.cartesian - centres[:, None, :]).reshape(-1, 2)

    @property
    def _mass_mev_nm2(self) -> float:
        return float(HBAR2_OVER_2ME / self.parameters.effective_mass)

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum in 1/nm, shape (2 G, 2 G)."""
        matrix = self.potential.copy()
        np.einsum("ii->i", matrix)[:] -= self._mass_mev_nm2 * np.sum(self._momenta(k) ** 2, axis=1)
        return matrix

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk in meV nm, shape (2, 2 G, 2 G); diagonal in plane waves."""
        slopes = -2 * self._mass_mev_nm2 * self._momenta(k)
        matrices = np.zeros((2, len(slopes), len(slopes)), dtype=complex)
        np.einsum("aii->ai", matrices)[:] = slopes.T
        return matrices

    def rotation_target(self, umklapp: IntArray) -> IntArray:
        """Index of the wave that C3 sends each wave of a layer to, -1 outside the disk, (layer, G).

        Rotation by 120 degrees about r = 0 sends the wave p of layer l to R p + tau (kappa_l - R kappa_l), with no
        phase. A state at k goes to k' with R k = k' + umklapp, umklapp in units of b_1, b_2.
        """
        corners = self.valley * _CORNERS_TIMES_THREE
        shifts = (corners - corners @ C3_ROTATION) // 3
        known = {(int(a), int(b)): i for i, (a, b) in enumerate(self.basis.vectors)}
        images = self.basis.vectors @ C3_ROTATION + np.asarray(umklapp) + shifts[:, None]
        return np.array([[known.get((int(a), int(b)), -1) for a, b in layer] for layer in images])

    def rotated(self, states: ComplexArray, umklapp: IntArray) -> ComplexArray:
        """States (..., layer, G) at R k from those at k (:meth:`rotation_target`); waves leaving the disk are lost."""
        out = np.zeros_like(states)
        for layer, target in enumerate(self.rotation_target(umklapp)):
            out[..., layer, target[target >= 0]] = states[..., layer, target >= 0]
        return out

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States (..., layer, G) at k + G' from those at k: u(k+G') = shift(u(k))."""
        return self.basis.shifted(states, reciprocal)
