"""Further stationary states: solutions away from those that are known already."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray
from moire.errors import InputError
from moire.hartree_fock.folded_orbitals import FoldedOrbitals
from moire.hartree_fock.guesses import FIELD_MEV, guess_fock
from moire.hartree_fock.mean_field import MeanField, overlap
from moire.hartree_fock.occupation import Aufbau
from moire.hartree_fock.rotation import Rotation, moire_translations, translation_phases
from moire.hartree_fock.self_consistency import run_stages
from moire.hartree_fock.settings import ScfSettings
from moire.hartree_fock.time_reversal import TimeReversal

STRENGTHS_MEV = (4 * FIELD_MEV, 2 * FIELD_MEV, 8 * FIELD_MEV)
"""Strengths of the penalty in successive searches, in meV: the largest shift of an orbital by a known state."""

_SAME = 1e-4  # 1 - overlap per carrier
_STEPS = 40  # of damping under the penalty, whose result is only a start


@dataclass(frozen=True, eq=False)
class Deflated(MeanField):
    """A mean field with a penalty on the overlap with known states: E[P] + (s/2N) sum_i <(tr P P_i)^2>.

    The average runs over all partners of a known state under time reversal, the moire translations and C3, and over
    the relative phase of the valleys, which no energy depends on. The energy stays quadratic in P, so that all solvers
    apply. It rises by s N/2 for each known state at that state, and by less the more they differ.

    Parameters
    ----------
    known
        Density matrices of the partners, each with its weight s/N in meV divided by the number of partners.

    References
    ----------
    Penalties on known solutions: Thom and Head-Gordon, Phys. Rev. Lett. 101, 193001 (2008); there a Gaussian of the
    distance, here its quadratic form.
    """

    known: tuple[tuple[ComplexArray, float], ...] = field(kw_only=True, repr=False)

    @classmethod
    def of(cls, mean_field: MeanField, known: Sequence[tuple[ComplexArray, ...]], strength_mev: float) -> Deflated:
        """Add a penalty to a built mean field, from the partners of every known state."""
        weighted = []
        for partners in known:
            number = float(np.einsum("rii->", partners[0]).real)
            weighted += [(partner, strength_mev / number / len(partners)) for partner in partners]
        deflated = object.__new__(cls)
        deflated.__dict__.update(mean_field.__dict__)
        object.__setattr__(deflated, "known", tuple(weighted))
        return deflated

    def interaction(self, density_matrix: ComplexArray) -> ComplexArray:
        """Hartree plus Fock self-energy and the derivative of the penalty, in meV."""
        total = super().interaction(density_matrix)
        mixed = np.triu(self.orbitals.mixed)
        for partner, weight in self.known:
            between = np.where(mixed, partner, 0)
            # <(a + 2 Re e^{ip} c)^2> over the phase p is a^2 + 2 |c|^2: a within the valleys, c between them
            c = np.vdot(between, density_matrix)
            turned = c * between
            turned = turned + turned.conj().swapaxes(1, 2)
            within = np.where(self.orbitals.mixed, 0, partner)
            total = total + weight * (overlap(within, density_matrix) * within + turned)
        return total


def partners(mean_field: MeanField, density_matrix: ComplexArray) -> tuple[ComplexArray, ...]:
    """Different density matrices that time reversal, moire translations and C3 make of one, itself first.

    Those that differ by the relative phase of the valleys only count once; a symmetry that the cluster, the cell or
    the model lacks is left out.
    """
    orbitals, folding = mean_field.orbitals, mean_field.folding
    images = [density_matrix]
    with contextlib.suppress(InputError):
        images.append(TimeReversal(mean_field.problem, folding)(density_matrix))
    shifts = [translation_phases(orbitals, t) for t in moire_translations(folding)]
    images = [turn[:, None] * image * turn.conj() for image in images for turn in shifts]
    with contextlib.suppress(InputError):
        rotation = Rotation(mean_field.problem, folding=folding)
        images += [image for start in images for image in (rotation(start), rotation(rotation(start)))]
    number = float(np.einsum("rii->", density_matrix).real)
    found: list[ComplexArray] = []
    for image in images:
        if all(valley_overlap(orbitals, image, other) < (1 - _SAME) * number for other in found):
            found.append(image)
    return tuple(found)


def valley_overlap(orbitals: FoldedOrbitals, first: ComplexArray, second: ComplexArray) -> float:
    """Overlap tr P Q at the relative phase of the valleys where it is largest; for equal states the carriers."""
    mixed = orbitals.mixed
    between = np.vdot(np.where(np.triu(mixed), first, 0), second)
    return overlap(np.where(mixed, 0, first), second) + 2 * abs(complex(between))


def start_away(
    mean_field: MeanField, known: Sequence[tuple[ComplexArray, ...]], fill: Aufbau, strength_mev: float, seed: int
) -> ComplexArray:
    """Density matrix to start from, away from known states: the damped solution under the penalty.

    Parameters
    ----------
    mean_field
        The mean field.
    known
        The :func:`partners` of every known state.
    fill
        The rule that fills the states.
    strength_mev
        Strength of the penalty.
    seed
        Seed of the random guess with which the penalised solution starts.
    """
    deflated = Deflated.of(mean_field, known, strength_mev)
    start = fill(guess_fock(mean_field, "random", seed)).density_matrix
    iterate, _, _ = run_stages(deflated, start, fill, ScfSettings(solvers=("oda",), max_iterations=_STEPS))
    return iterate.density_matrix
