"""The static structure factor S(q) of a manifold: normal-ordered, projected and of the full density.

With rho_q = sum_k lambda_q(k) c^+_k c_{k+q} the density of N carriers in the band,

    normal-ordered  (<:rho_q rho_-q:> - |<rho_q>|^2) / N,   the part that enters the interaction energy,
    projected       (<rho_q rho_-q> - |<rho_q>|^2) / N  =  normal-ordered + sum_k n_k |lambda_q(k)|^2 / N,
    full            (<rho_q rho_-q> - |<rho_q>|^2) / N with the density operator of all bands
                    =  normal-ordered + 1  =  projected + sum_k n_k [1 - |lambda_q(k)|^2] / N.

The last step is exact when no carrier occupies another band: the contraction of the two field operators is a
delta function, because the bands are complete at every momentum. For holes, n_k counts holes and the other valence
bands are filled with electrons: electrons and holes have the same connected correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._text import Number
from moire.errors import InputError, require
from moire.exact_diagonalization import Spectrum
from moire.form_factors import Transfers
from moire.grids import MomentumGrid
from moire.observables.manifold_states import State, check_states
from moire.observables.two_body import one_body_density, two_body_density
from moire.projection import ProjectedHamiltonian

SUM_RULE_TOLERANCE = 1e-7  # of the energy; eigenvectors with residuals of 1e-6 meV are far closer


@dataclass(frozen=True, eq=False)
class StructureFactor:
    """S(q) per carrier, full, projected and normal-ordered, at every transfer |q| <= q_cutoff |G_1|, umklapp included.

    Parameters
    ----------
    transfers
        The momenta q.
    n_carriers
        N.
    states
        (row of the sector, level) of the states averaged over, with equal weights.
    occupation
        n(k) of the carriers, (k,).
    pairs
        <:rho^l_q rho^l'_-q:> between layers, (q, layer, layer), Hermitian in the layers; N (N - 1) in total at q = 0.
    mean_density
        <rho_q>, (q,); it vanishes except at reciprocal vectors.
    band_weight
        sum_k n_k |lambda_q(k)|^2, (q,); N at q = 0.
    energy
        Energy in meV from n(k) and sum_q V(q) <:rho_q rho_-q:> / 2A, the mean over the states.
    energy_error
        The same minus the energy of the spectrum, in meV: the sum rule of the normal-ordered S(q).
    """

    transfers: Transfers
    n_carriers: int
    states: tuple[State, ...]
    occupation: FloatArray = field(repr=False)
    pairs: ComplexArray = field(repr=False)
    mean_density: ComplexArray = field(repr=False)
    band_weight: FloatArray = field(repr=False)
    energy: float
    energy_error: float

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.transfers.grid

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
        """Connected structure factor of the density projected to the band, per carrier, (q,); not negative.

        rho_q and rho_-q commute up to form factors only: it is even in q where n(k) is uniform.
        """
        return self.normal_ordered + self.band_weight / self.n_carriers

    @property
    def remote(self) -> FloatArray:
        """Weight of the transitions to other bands, sum_k n_k [1 - |lambda_q(k)|^2] / N, (q,)."""
        return 1 - self.band_weight / self.n_carriers

    @property
    def full(self) -> FloatArray:
        """Connected structure factor of the full density, per carrier, (q,); even in q, not negative."""
        return self.normal_ordered + 1

    @property
    def zone(self) -> IntArray:
        """Indices of the transfers in the first zone: for every momentum those of smallest modulus, ties included."""
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


def structure_factor(
    spectrum: Spectrum, problem: ProjectedHamiltonian, states: Sequence[State] | None = None
) -> StructureFactor:
    """Static structure factor of the carriers in a manifold.

    Parameters
    ----------
    spectrum
        Solved with ``keep_vectors=True``.
    problem
        The projected Hamiltonian it was solved from: its form factors must be in the gauge of the vectors.
    states
        Pairs (row of the sector, level); by default the predicted ground-state manifold.

    Raises
    ------
    InputError
        If the spectrum holds no vectors or not all of the states, or it was solved from another problem.
    MemoryRefusedError
        If the two-body density matrix does not fit.

    References
    ----------
    Girvin, MacDonald and Platzman, Phys. Rev. B 33, 2481 (1986) for the projected density; Onishi and Fu,
    arXiv:2406.18654, for the full one.
    """
    chosen = check_states(spectrum, states)
    _check_problem(spectrum, problem)
    form, transfers = problem.form_factors.values[0, :, :, 0, 0, :], problem.form_factors.transfers
    occupation = one_body_density(spectrum, chosen)
    gamma = two_body_density(spectrum, chosen, occupation)
    minus = transfers.minus
    pairs = np.empty((transfers.size, 2, 2), dtype=np.complex128)
    for group in range(problem.grid.n_points):
        density = np.ascontiguousarray(gamma[:, :, group])
        for q in np.nonzero(transfers.group_index == group)[0]:
            pairs[q] = form[q].T @ density @ form[minus[q]]
    overlap = form.sum(axis=2)
    moves = transfers.group_index[:, None] != 0
    mean_density = np.where(moves, 0.0, overlap * occupation).sum(axis=1)
    interaction = 0.5 * np.einsum("qab,qab->", problem.coulomb, pairs).real
    energy = float(
        occupation @ problem.one_body[0, :, 0] + interaction - problem.zero_exchange / 2 * spectrum.n_carriers
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
        occupation,
        read_only(pairs),
        read_only(mean_density),
        read_only((np.abs(overlap) ** 2) @ occupation),
        energy,
        energy - exact,
    )


def _check_problem(spectrum: Spectrum, problem: ProjectedHamiltonian) -> None:
    require(
        problem.grid.same_cluster(spectrum.grid) and problem.grid.boundary_phase == spectrum.grid.boundary_phase,
        "problem",
        f"live on the cluster of the spectrum, {spectrum.grid.name} at boundary phase {spectrum.grid.boundary_phase}",
        found=f"lives on {problem.grid.name} at {problem.grid.boundary_phase}",
    )
    for name, value in problem.describe().items():
        held = spectrum.description.get(name, value)
        require(held == value, "problem", f"have the {name} of the spectrum, {held}", found=f"has {value}")
