"""The static structure factor S(q) of a manifold: normal-ordered, projected and of the full density.

With rho_q = sum lambda_q(k)_mn c^+_mk c_n,k+q the density of N carriers in the bands kept of all flavours, and
N_p(q) = sum <c^+_mk c_nk> [lambda_q(k) lambda_q(k)^+]_mn, which is sum_k n_k |lambda_q(k)|^2 in one band,

    normal-ordered  (<:rho_q rho_-q:> - |<rho_q>|^2) / N,   the part that enters the interaction energy,
    projected       (<rho_q rho_-q> - |<rho_q>|^2) / N  =  normal-ordered + N_p(q) / N,
    full            (<rho_q rho_-q> - |<rho_q>|^2) / N with the density operator of all bands
                    =  normal-ordered + 1  =  projected + 1 - N_p(q) / N.

The last step is exact when no carrier occupies a band that was left out: the contraction of the two field operators is
a delta function, because the bands are complete at every momentum. For holes, n_k counts holes and the other valence
bands are filled with electrons: electrons and holes have the same connected correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import InputError, require
from moire.exact_diagonalization import Spectrum
from moire.form_factors import Transfers
from moire.grids import MomentumGrid
from moire.observables.manifold_states import State, check_states
from moire.observables.two_body import one_body_density, two_body_density
from moire.projection import ProjectedHamiltonian

SUM_RULE_TOLERANCE = 1e-7  # of the energy; eigenvectors with residuals of 1e-6 meV are far closer


@checked
@dataclass(frozen=True, eq=False)
class StructureFactor(Shown):
    """S(q) per carrier, full, projected and normal-ordered, at every transfer |q| <= q_cutoff |G_1|, umklapp included.

    Parameters
    ----------
    transfers
        The momenta q.
    n_carriers
        N.
    states
        (row of the sector, level) of the states averaged over, with equal weights.
    density
        <c^+_nk c_mk> of the carriers, (flavour, k, m, n).
    flavour_pairs
        <:rho^{f,l}_q rho^{f',l'}_-q:> between flavours and layers, (flavour f, flavour f', q, layer, layer).
    flavour_density
        <rho^f_q>, (flavour, q); it vanishes except at reciprocal vectors, and is N_f at q = 0.
    flavour_weight
        N_p(q) of each flavour, (flavour, q); N_f at q = 0.
    energy
        Energy in meV from the density matrix and sum_q V(q) <:rho_q rho_-q:> / 2A, the mean over the states.
    energy_error
        The same minus the energy of the spectrum, in meV: the sum rule of the normal-ordered S(q).
    """

    transfers: Transfers
    n_carriers: int
    states: tuple[State, ...]
    density: ComplexArray = field(repr=False)
    flavour_pairs: ComplexArray = field(repr=False)
    flavour_density: ComplexArray = field(repr=False)
    flavour_weight: FloatArray = field(repr=False)
    energy: float
    energy_error: float

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.transfers.grid

    @property
    def occupation(self) -> FloatArray:
        """n(k) of the carriers, summed over flavours and bands, (k,)."""
        occupation: FloatArray = np.einsum("fkmm->fkm", self.density).real.sum(axis=(0, 2))
        return occupation

    @property
    def pairs(self) -> ComplexArray:
        """<:rho^l_q rho^l'_-q:> between layers, (q, layer, layer), Hermitian; N (N - 1) in total at q = 0."""
        pairs: ComplexArray = self.flavour_pairs.sum(axis=(0, 1))
        return pairs

    @property
    def mean_density(self) -> ComplexArray:
        """<rho_q>, (q,); it vanishes except at reciprocal vectors."""
        mean: ComplexArray = self.flavour_density.sum(axis=0)
        return mean

    @property
    def band_weight(self) -> FloatArray:
        """N_p(q), the weight within the bands kept, (q,); N at q = 0."""
        weight: FloatArray = self.flavour_weight.sum(axis=0)
        return weight

    @property
    def by_flavour(self) -> FloatArray:
        """Parts of :attr:`full` between flavours, (flavour, flavour, q): the mean of each pair and its reverse.

        They sum to `full`; with signs +1 for K and -1 for K' to :attr:`polarisation_full`.
        """
        own, mean = self.flavour_density[:, self.transfers.zero].real, self.flavour_density
        connected = self.flavour_pairs.sum(axis=(3, 4)) - mean[:, None] * mean[None].conj()
        parts: FloatArray = (connected.real + np.diag(own)[..., None]) / self.n_carriers
        return parts

    @property
    def polarisation_full(self) -> FloatArray:
        """Connected structure factor of N_K - N_K', per carrier, with the density operators of all bands, (q,).

        The densities of the two valleys enter with opposite signs; at q = 0 it is the variance of the polarisation over
        N. For one flavour it is :attr:`full`.
        """
        signs = np.array([1.0, -1.0])[: len(self.flavour_density)]
        full: FloatArray = np.einsum("f,g,fgq->q", signs, signs, self.by_flavour)
        return full

    @property
    def pair_weight(self) -> FloatArray:
        """<:rho_q rho_-q:> summed over layers, (q,)."""
        weight: FloatArray = self.pairs.sum(axis=(1, 2)).real
        return weight

    @property
    def normal_ordered(self) -> FloatArray:
        """Connected normal-ordered structure factor per carrier, (q,); even in q."""
        connected: FloatArray = self.pair_weight - np.abs(self.mean_density) ** 2
        return connected / self.n_carriers

    @property
    def projected(self) -> FloatArray:
        """Connected structure factor of the density projected to the bands kept, per carrier, (q,); not negative.

        Projected rho_q and rho_-q need not commute: in one band it is even in q if n(k) is uniform.
        """
        return self.normal_ordered + self.band_weight / self.n_carriers

    @property
    def remote(self) -> FloatArray:
        """Weight of the transitions to bands that were left out, 1 - N_p(q) / N, (q,)."""
        return 1 - self.band_weight / self.n_carriers

    @property
    def full(self) -> FloatArray:
        """Connected structure factor of the full density, per carrier, (q,); even in q, not negative."""
        return self.normal_ordered + 1

    @property
    def zone(self) -> IntArray:
        """Indices of the transfers in the first zone: for every momentum those of smallest modulus, including ties."""
        modulus = np.linalg.norm(self.transfers.vectors, axis=1)
        smallest = np.full(self.grid.n_points, np.inf)
        np.minimum.at(smallest, self.transfers.group_index, modulus)
        return np.nonzero(modulus <= smallest[self.transfers.group_index] * (1 + 1e-9))[0]

    def __str__(self) -> str:
        zone = self.zone[self.transfers.vectors[self.zone].any(axis=1)]
        peak = zone[np.argmax(self.full[zone])]
        projected = self.projected[zone]
        label = tuple(self.grid.labels[self.transfers.group_index[peak]].tolist())
        return "\n".join(
            [
                f"structure factor of {self.n_carriers} carriers on {self.grid.name}, {len(self.states)} states "
                f"averaged, {self.transfers.size} momenta with |q| <= {self.transfers.q_cutoff:g} |G_1|",
                f"full S(q) in the zone from {Number(self.full[zone].min()):.4f} to "
                f"{Number(self.full[zone].max()):.4f}, "
                f"largest at {label}",
                f"projected S(q) in the zone from {Number(projected.min()):.4f} to {Number(projected.max()):.4f}",
                f"energy from the normal-ordered S(q), the mean over the states averaged, "
                f"{Number(self.energy):.6f} meV, "
                f"{self.energy_error:+.1e} meV from that of the spectrum",
            ]
        )


@checked
def structure_factor(
    spectrum: Spectrum, problem: ProjectedHamiltonian, states: Sequence[State] | None = None
) -> StructureFactor:
    """Static structure factor of the carriers in a manifold.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    problem
        The projected Hamiltonian of the spectrum: its form factors must be in the gauge of the vectors.
    states
        Pairs (row of the sector, level); by default the predicted ground-state manifold.

    Raises
    ------
    InputError
        If the spectrum has no vectors or lacks some of the states, or belongs to another problem.
    MemoryRefusedError
        If the two-body density matrix does not fit.

    References
    ----------
    Girvin, MacDonald and Platzman, Phys. Rev. B 33, 2481 (1986) for the projected density; Onishi and Fu,
    arXiv:2406.18654, for the full one.
    """
    chosen = check_states(spectrum, states)
    _check_problem(spectrum, problem)
    transfers = problem.form_factors.transfers
    density = one_body_density(spectrum, chosen)
    gamma = two_body_density(spectrum, chosen, density)
    pairs = _pairs(problem, gamma)
    mean_density, weight = _one_body_parts(problem, density)
    layers = pairs.sum(axis=(0, 1))
    interaction = 0.5 * np.einsum("qab,qab->", problem.coulomb, layers).real
    occupations = np.ascontiguousarray(np.einsum("fkmm->fkm", density).real)
    energy = float(
        occupations.ravel() @ problem.one_body.ravel()
        + interaction
        - problem.zero_exchange / 2 * spectrum.n_carriers
        + _reference_energy(problem, density)
    )
    exact = float(np.mean([spectrum.energies[state] for state in chosen]))
    if abs(energy - exact) > SUM_RULE_TOLERANCE * (1 + abs(exact)):
        raise InputError(
            f"`problem` must be the one that the spectrum was solved from, in the same gauge, but its energy from the "
            f"normal-ordered S(q) "
            f"is {energy - exact:+.3g} meV off."
        )
    return StructureFactor(
        transfers,
        spectrum.n_carriers,
        chosen,
        density,
        read_only(pairs),
        read_only(mean_density),
        read_only(weight),
        energy,
        energy - exact,
    )


def _pairs(problem: ProjectedHamiltonian, gamma: ComplexArray) -> ComplexArray:
    """<:rho^{f,l}_q rho^{f',l'}_-q:>, (f, f', q, l, l'): the two-body density between the vertices (k, m, m')."""
    transfers, form = problem.form_factors.transfers, problem.form_factors.values
    n_f, n_q, n_layers = form.shape[0], form.shape[1], form.shape[-1]
    vertices = form.reshape(n_f, n_q, -1, n_layers)
    n_vertices = vertices.shape[2]
    between = gamma.reshape(n_f, n_vertices, n_f, n_vertices, problem.grid.n_points)
    minus = transfers.minus
    pairs = np.empty((n_f, n_f, n_q, n_layers, n_layers), dtype=np.complex128)
    for f, g, group in np.ndindex(n_f, n_f, problem.grid.n_points):
        density = np.ascontiguousarray(between[f, :, g, :, group])
        for q in np.nonzero(transfers.group_index == group)[0]:
            pairs[f, g, q] = vertices[f, q].T @ density @ vertices[g, minus[q]]
    return pairs


def _one_body_parts(problem: ProjectedHamiltonian, density: ComplexArray) -> tuple[ComplexArray, FloatArray]:
    """<rho^f_q> and N_p(q) of each flavour, (flavour, q) each; W from the natural orbitals, as a sum of squares."""
    transfers, form = problem.form_factors.transfers, problem.form_factors.values
    moves = transfers.group_index[:, None] != 0
    shape = form.shape[:2]
    mean_density, weight = np.empty(shape, dtype=np.complex128), np.empty(shape)
    for flavour, own in enumerate(density):
        overlap = form[flavour].sum(axis=-1)  # (q, k, m, n)
        terms = (overlap * own.swapaxes(1, 2)).reshape(shape[1], -1)
        mean_density[flavour] = np.where(moves, 0.0, terms).sum(axis=1)
        occupations, orbitals = np.linalg.eigh(own)
        natural = np.einsum("kmj,qkmn->qkjn", orbitals.conj(), overlap)
        weight[flavour] = (np.abs(natural) ** 2).sum(axis=-1).reshape(shape[1], -1) @ occupations.ravel()
    return mean_density, weight


def _reference_energy(problem: ProjectedHamiltonian, density: ComplexArray) -> float:
    """Energy in meV of the carriers in the field of the reference density, and half the energy of that density."""
    if not problem.reference_density.any():
        return 0.0
    self_energy, energy = problem.reference_self_energy(problem.two_body_elements())
    return energy - float(np.einsum("fkmn,fknm->", self_energy, density).real)


def _check_problem(spectrum: Spectrum, problem: ProjectedHamiltonian) -> None:
    require(
        problem.grid.same_cluster(spectrum.grid) and problem.grid.boundary_phase == spectrum.grid.boundary_phase,
        "problem",
        f"have the cluster of the spectrum, {spectrum.grid.name} at boundary phase {spectrum.grid.boundary_phase}",
        found=f"has {problem.grid.name} at {problem.grid.boundary_phase}",
    )
    for name, value in problem.describe().items():
        held = spectrum.description.get(name, value)
        require(held == value, "problem", f"have the {name} of the spectrum, {held}", found=f"has {value}")
