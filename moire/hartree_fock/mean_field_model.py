"""The mean field of a converged density matrix as a Bloch model, at any momentum."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.integrate import quad
from scipy.linalg import block_diag

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire._types import checked
from moire.bloch import PlaneWaveModel, plane_wave_models
from moire.errors import require
from moire.hartree_fock.plane_wave_field import PlaneWaveField
from moire.hartree_fock.quasiparticles import MixedFlavourModel
from moire.hartree_fock.result import HartreeFockResult
from moire.kernels.overlap_row import overlap_row
from moire.linalg.hermitian import extremal_eigenpairs

_STEP = 1e-5  # of the central difference of H(k), in units of |G_1|


@checked
@dataclass(frozen=True, eq=False)
class MeanFieldModel(MixedFlavourModel):
    """Bloch model of the electrons in the mean field of a density matrix known on a grid, at any momentum.

    At k the bare states are solved afresh and F(k) = e(k) + Hartree(k) - Exchange(k) is built between them, with the
    density matrix of the grid: no smooth gauge and no fit. H(k) is a matrix in plane waves, (flavour x layer, G);
    beyond the bands kept it has one far level, below them (above them for electrons), unless `dropped_bands` is "bare".
    For a state in plane waves F(k) is built between these, and nothing is dropped.

    The transfers are those of the nearest momentum of the grid k_0, q = k' - k_0 + G with |q| <= q_cutoff, each with
    V at q - (k - k_0): so momenta of the grid give the matrix of the grid, H(k) is smooth around each of them, and
    steps where the nearest one changes are of the size of the cutoff error, V(q_cutoff) / A. As for the bare model,
    H(k + G) is the sewn H(k) up to the cutoff of the plane waves.

    On a finite grid the density matrix is periodic over the cluster, and a carrier between grid momenta feels the
    exchange with its own images at the superlattice vectors L: sum_L V(L) exp(i k.L) P(k), about V(0)/A of the
    grid in size. The image correction subtracts it, [S(k) - S(k_0)] (P - P_ref)(k) with S(k) = sum_q V(k - q)/A in
    which a Gaussian of width |G_1|/2 cuts off the short-range part. It vanishes on the grid and on a large
    cluster.

    Parameters
    ----------
    models
        The model of each flavour, in plane waves.
    result
        The Hartree-Fock state.
    image_correction
        Whether to subtract the exchange with the images; it needs an insulator.
    dropped_bands
        H(k) beyond the bands kept: ``"far"`` for one distant level, or ``"bare"`` for the bands of the model
        without interaction, which may then overlap in energy with the others.
    """

    result: HartreeFockResult = field(repr=False)
    image_correction: bool = True
    dropped_bands: Literal["far", "bare"] = "far"

    def __post_init__(self) -> None:
        known = self.dropped_bands in ("far", "bare")
        require(known, "dropped_bands", "be 'far' or 'bare'", repr(self.dropped_bands))

    @classmethod
    def of(cls, result: HartreeFockResult, image_correction: bool = True) -> MeanFieldModel:
        """Model of a state.

        Raises
        ------
        InputError
            If the image correction is requested for a metal.
        """
        result.require_unit_cell()
        insulator = len(result.filled_bands) > 0 and result.gap > 0 and result.temperature_mev == 0
        require(
            insulator or not image_correction,
            "image_correction",
            "be False for a metal or at a temperature, where the filled states are unknown between the grid momenta",
            image_correction,
        )
        require(
            result.problem.reference != "given" or not image_correction,
            "image_correction",
            "be False for a given reference density, unknown between the grid momenta",
            image_correction,
        )
        return cls(result.problem.bands.models, result, image_correction)

    @property
    def top_band_first(self) -> bool:
        """Whether band 0 is the highest one: the carriers fill it first."""
        return self.result.problem.carrier == "hole"

    @property
    def name(self) -> str:
        """One line that says which model this is."""
        images = "image correction" if self.image_correction else "no image correction"
        return f"{super().name}, mean field of {self.result.problem.grid.name} ({images})"

    @property
    def n_bands(self) -> int:
        """Number of bands of the mean field; the rest of H(k) is the distant level, none in plane waves."""
        bands = self.result.problem.bands
        return bands.n_flavours * bands.n_bands

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at any momentum in 1/nm, (flavour layer G, flavour layer G)."""
        k = np.asarray(k, dtype=float)
        return self._plane_wave_matrix(k, *self._nearest(k))

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk in meV nm by central differences of 1e-5 |G_1|, (2, flavour layer G, flavour layer G)."""
        k = np.asarray(k, dtype=float)
        nearest, fold = self._nearest(k)
        step = _STEP * self.lattice.reciprocal_length
        differences = [
            self._plane_wave_matrix(k + direction, nearest, fold)
            - self._plane_wave_matrix(k - direction, nearest, fold)
            for direction in step * np.eye(2)
        ]
        return np.stack(differences) / (2 * step)

    def fock(self, k: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Fock matrix of the carriers between the bare states at k, and these states.

        Returns
        -------
        fock : (orbital, orbital)
            In meV.
        states : (flavour, band, layer, G)
            Bare electron states at k.
        """
        k = np.asarray(k, dtype=float)
        return self._fock(k, *self._nearest(k))

    def _nearest(self, k: FloatArray) -> tuple[int, IntArray]:
        """Index of the nearest grid momentum k_0 and the integer G with k near k_0 + G."""
        grid = self.result.problem.grid
        inverse = np.linalg.inv(self.lattice.reciprocal)
        away = (k - grid.points) @ inverse
        fold = np.round(away)
        index = int(np.argmin(np.round(np.linalg.norm((away - fold) @ self.lattice.reciprocal, axis=1), 9)))
        return index, fold[index].astype(np.int64)

    def _fock(self, k: FloatArray, nearest: int, fold: IntArray) -> tuple[ComplexArray, ComplexArray]:
        in_waves = self.result.problem.basis == "plane waves"
        shift = k - fold @ self.lattice.reciprocal - self.result.problem.grid.points[nearest]
        fock, states = (self._fock_of_waves if in_waves else self._fock_of_bands)(k, nearest, fold, shift)
        fock = (fock + fock.conj().T) / 2
        if self.image_correction:
            _, rows = extremal_eigenpairs(fock, len(self.result.filled_bands), False)
            images = self._image_sum(shift) - self._image_sum_on_grid
            reference = self.result.problem.reference_density[nearest]  # a multiple of the unit matrix, checked in `of`
            fock = fock + images * (rows.T @ rows.conj() - reference)
        return fock, states

    def _fock_of_waves(
        self, k: FloatArray, nearest: int, fold: IntArray, shift: FloatArray
    ) -> tuple[ComplexArray, ComplexArray]:
        """H + sum_G V(G) rho(-G) - sum_k'U V(k' + U - k) P(k'; G + U, G' + U) between the waves k + G."""
        problem, field_of = self.result.problem, self._field
        transfers, grid = problem.form_factors.transfers, problem.grid
        umklapp = grid.umklapp[nearest, transfers.group_index] + transfers.reciprocal + fold
        unique, rows = np.unique(umklapp, axis=0, return_inverse=True)
        weights = np.zeros((2, 2, len(unique), grid.n_points))
        target = grid.sum_index[nearest, transfers.group_index]
        weights[:, :, rows.reshape(-1), target] = self._exchange_potential(transfers.vectors - shift).transpose(1, 2, 0)
        bare = block_diag(*(model.hamiltonian(k) for model in self._bare))
        local = transfers.reciprocal[transfers.group_index == 0]
        matrix = -bare.conj() if problem.carrier == "hole" else bare
        matrix = matrix + field_of.local(self._potential, local) - field_of.exchange(weights, unique)
        return matrix, problem.bands.states[:, 0]

    def _fock_of_bands(
        self, k: FloatArray, nearest: int, fold: IntArray, shift: FloatArray
    ) -> tuple[ComplexArray, ComplexArray]:
        problem = self.result.problem
        bands, transfers, grid = problem.bands, problem.form_factors.transfers, problem.grid
        n_f, n_b = bands.n_flavours, bands.n_bands
        target = np.ascontiguousarray(grid.sum_index[nearest, transfers.group_index])
        umklapp = grid.umklapp[nearest, transfers.group_index] + transfers.reciprocal + fold
        unique, rows = np.unique(umklapp, axis=0, return_inverse=True)
        local = np.nonzero(transfers.group_index == 0)[0]
        hole = problem.carrier == "hole"

        matrix = np.zeros((n_f, n_b, n_f, n_b), dtype=np.complex128)
        states = np.empty(bands.states.shape[:1] + bands.states.shape[2:], dtype=np.complex128)
        forms = np.empty((n_f, transfers.size, n_b, n_b, bands.states.shape[3]), dtype=np.complex128)
        for f, model in enumerate(self._bare):
            energies, vectors = extremal_eigenpairs(model.hamiltonian(k), n_b, model.top_band_first)
            states[f] = vectors.reshape(n_b, *model.state_shape)
            overlap_row(states[f], bands.states[f], target, rows.reshape(-1), model.basis.shift(unique), forms[f])
            np.einsum("mm->m", matrix[f, :, f, :])[:] = -energies if hole else energies
            sewn = model.basis.shift(transfers.reciprocal[local])
            moved = np.where(sewn[:, None, None] >= 0, states[f][:, :, np.maximum(sewn, 0)].transpose(2, 0, 1, 3), 0)
            direct = np.einsum("mlg,qnlg->qmnl", states[f].conj(), moved)
            if hole:
                direct = direct.conj()
            matrix[f, :, f, :] += np.einsum("qmnl,ql->mn", direct, self._potential)
        if hole:
            forms = forms.conj()
        coulomb = self._exchange_potential(transfers.vectors - shift)
        density = self._density[target]
        for f in range(n_f):
            for h in range(n_f):
                inner = np.einsum("qmnl,qnp,qlj->qmpj", forms[f], density[:, f, :, h, :], coulomb, optimize=True)
                matrix[f, :, h, :] -= np.einsum("qmpj,qspj->ms", inner, forms[h].conj(), optimize=True)
        return matrix.reshape(n_f * n_b, n_f * n_b), states

    def _plane_wave_matrix(self, k: FloatArray, nearest: int, fold: IntArray) -> ComplexArray:
        fock, states = self._fock(k, nearest, fold)
        kept = -fock.conj() if self.top_band_first else fock  # a hole in sum U h^+ is the electron sum U^* u
        if self.result.problem.basis == "plane waves":
            return kept
        n_f, n_b, n_layers, n_g = states.shape
        vectors = np.zeros((n_f, n_b, n_f, n_layers, n_g), dtype=np.complex128)
        for f in range(n_f):
            vectors[f, :, f] = states[f]
        rows = vectors.reshape(n_f * n_b, -1)
        if self.dropped_bands == "far":
            rest = self._far_level * np.eye(rows.shape[1], dtype=np.complex128)
        else:
            rest = np.asarray(block_diag(*(model.hamiltonian(k) for model in self._bare)))
        inner = rows.conj() @ rest @ rows.T
        return np.asarray(rest + rows.T @ (kept - inner) @ rows.conj())

    @cached_property
    def _bare(self) -> tuple[PlaneWaveModel, ...]:
        return plane_wave_models(self.models, "models")

    @cached_property
    def _far_level(self) -> float:
        energies = self.result.occupation.energies
        reach = 10 * float(np.ptp(energies)) + 100.0
        return float(-energies.max() - reach) if self.top_band_first else float(energies.max() + reach)

    @cached_property
    def _density(self) -> ComplexArray:
        """The density matrix that enters the interaction, P - P_ref, (k, flavour, band, flavour, band)."""
        density = self.result.density_matrix - self.result.problem.reference_density
        return self.result.orbitals.split(density)[:, :, 0, :, :, 0]

    @cached_property
    def _field(self) -> PlaneWaveField:
        return PlaneWaveField.of(self.result.problem, self._density)

    @cached_property
    def _potential(self) -> ComplexArray:
        """The direct potential sum_l' V_ll'(G)/A rho_l'(-G) of the grid, (G, layer)."""
        problem = self.result.problem
        local = np.nonzero(problem.form_factors.transfers.group_index == 0)[0]
        if problem.basis == "plane waves":
            rho = self._field.density(problem.form_factors.transfers.reciprocal[local])
        else:
            rho = np.einsum("fqkmnl,kfnfm->ql", problem.form_factors.values[:, local], self._density, optimize=True)
        return np.asarray(np.einsum("qlj,qj->ql", problem.coulomb[local], rho.conj()))

    def _exchange_potential(self, vectors: FloatArray) -> FloatArray:
        """V_ll'(q)/A of the exchange, the q = 0 rule applied, (q, layer, layer)."""
        problem = self.result.problem
        modulus = np.linalg.norm(vectors, axis=1)
        modulus[modulus < 1e-9] = 0.0
        safe = np.where(modulus == 0.0, 1.0, modulus) if problem.zero_momentum == "drop" else modulus
        coulomb = problem.interaction(safe) / problem.area_nm2
        if problem.zero_momentum == "drop":
            coulomb[modulus == 0.0] = 0.0
        return coulomb

    @cached_property
    def _image_vectors(self) -> FloatArray:
        grid = self.result.problem.grid
        side = np.arange(-4, 5)
        offsets = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        vectors = (grid.fractional[:, None] + offsets[None]).reshape(-1, 2) @ self.lattice.reciprocal
        return np.asarray(vectors[np.linalg.norm(vectors, axis=1) <= 3 * self.lattice.reciprocal_length])

    def _image_sum(self, shift: FloatArray) -> float:
        """S(k): V(q - shift)/A of one layer under a Gaussian of width |G_1|/2, in meV."""
        vectors = self._image_vectors - shift
        weight = np.exp(-2 * np.sum(vectors**2, axis=1) / self.lattice.reciprocal_length**2)
        return float(self._exchange_potential(vectors)[:, 0, 0] @ weight)

    @cached_property
    def _image_sum_on_grid(self) -> float:
        return self._image_sum(np.zeros(2))

    @cached_property
    def image_exchange_mev(self) -> float:
        """Exchange of a carrier with its images at all L, sum_L V(L) = S(k_0) - integral of V over q, in meV.

        To leading order the filled states of the grid lie lower by this than those of an infinite cluster: it is the
        part of the gap that decreases with the size.
        """
        width = self.lattice.reciprocal_length

        def integrand(q: float) -> float:
            strength = float(self.result.problem.interaction(q)[0, 0])
            return q / (2 * np.pi) * strength * float(np.exp(-2 * q**2 / width**2))

        return self._image_sum_on_grid - float(quad(integrand, 0.0, 3 * width, limit=200)[0])
