"""The projected Hamiltonian: the common input of Hartree-Fock and exact diagonalization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, FloatArray, check_shape, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import plane_wave_models
from moire.errors import InputError, require
from moire.form_factors import FormFactors
from moire.grids import MomentumGrid
from moire.interaction import ScreenedCoulomb
from moire.kernels import overlaps
from moire.orbitals import Orbitals
from moire.plane_waves import PlaneWaveOrbitals
from moire.resources import reserve

Carrier = Literal["hole", "electron"]
ZeroMomentum = Literal["drop", "keep", "exchange"]
ZERO_MOMENTUM_RULES: tuple[ZeroMomentum, ...] = ("drop", "keep", "exchange")
NamedReference = Literal["vacuum", "hole_vacuum", "electron_vacuum", "average"]
Reference = Literal[NamedReference, "given"]
REFERENCES: tuple[NamedReference, ...] = ("vacuum", "hole_vacuum", "electron_vacuum", "average")


@checked
@dataclass(frozen=True, eq=False)
class ProjectedHamiltonian(Shown):
    """H = sum e_k c^+_k c_k + (1/2A) sum V_ll'(q) lambda^l_q(k) lambda^l'_-q(k') c^+_k c^+_k' c_k'-q c_k+q.

    The operators c are those of the carrier. For holes they create an empty state of the filled
    valence bands: e_k = -energy, lambda is the complex conjugate of the electrons' form factor, and the
    interaction is normal-ordered in the holes (no background of filled bands). A hole is labelled
    by the momentum of the electron removed.

    Parameters
    ----------
    bands
        The bands projected onto.
    interaction
        V_ll'(q).
    carrier
        ``"hole"`` or ``"electron"``.
    zero_momentum
        ``"drop"`` sets V_ll'(q=0) to zero. ``"keep"`` uses its finite limit: this adds V(0) N(N-1)/2A
        for a layer-blind interaction. ``"exchange"`` drops the classical energy V(0) N^2/2A of the mean
        charge only (the gates carry the opposite one): its exchange -V(0) N/2A and the capacitor term
        V_ll'(0) - V(0) of the layers stay. V(0) is that of one layer.
    one_body
        e_k in meV, (flavour, k, band); of plane waves the diagonal elements, see `one_body_matrix`.
    form_factors
        Form factors of the carrier.
    coulomb
        V_ll'(q) / A in meV with the q = 0 rule applied, (q, layer, layer).
    zero_exchange
        V(0) / A in meV under ``"exchange"``, else zero. H holds -zero_exchange/2 times the number of
        carriers beyond `one_body` and `coulomb`; in mean field it is the self-energy -zero_exchange P(k).
    reference
        Name of the density matrix P_ref at which the interaction vanishes: it acts on P - P_ref. H then holds, beyond
        the interaction normal-ordered in the carriers, minus the self-energy of P_ref and half its energy.
    reference_density
        P_ref(k) = <c^+_j c_i>, (k, orbital, orbital), orbital = (flavour, band) with flavour slow.
    q_cutoff_asked
        The cutoff requested; `q_cutoff` is smaller if no overlaps exist beyond it.
    """

    bands: BandStructure
    interaction: ScreenedCoulomb
    carrier: Carrier
    zero_momentum: ZeroMomentum
    one_body: FloatArray = field(repr=False)
    form_factors: FormFactors = field(repr=False)
    coulomb: FloatArray = field(repr=False)
    zero_exchange: float
    reference: Reference
    reference_density: ComplexArray = field(repr=False)
    q_cutoff_asked: float = field(repr=False)

    @property
    def grid(self) -> MomentumGrid:
        """The cluster."""
        return self.bands.grid

    @property
    def basis(self) -> Literal["bands", "plane waves"]:
        """The orbitals: bands kept, or all plane waves (:func:`moire.plane_wave_orbitals`)."""
        return "plane waves" if isinstance(self.bands, PlaneWaveOrbitals) else "bands"

    @property
    def one_body_matrix(self) -> ComplexArray:
        """The one-body part as matrices in meV, (flavour, k, band, band); those of holes are minus the transposed."""
        if isinstance(self.bands, PlaneWaveOrbitals):
            hamiltonian = self.bands.hamiltonian
            return np.asarray(-hamiltonian.conj() if self.carrier == "hole" else hamiltonian)
        return self.orbitals.matrix(self.orbitals.flat(self.one_body))

    @property
    def orbitals(self) -> Orbitals:
        """The orbitals (flavour, band, k) of the carriers."""
        return Orbitals(self.grid, self.bands.n_flavours, self.bands.n_bands)

    @property
    def q_cutoff(self) -> float:
        """Largest momentum transfer kept, in units of |G_1|."""
        return self.form_factors.transfers.q_cutoff

    @property
    def area_nm2(self) -> float:
        """Area of the cluster in nm^2."""
        return self.grid.n_points * self.grid.lattice.cell_area_nm2

    def on_bands(self, bands: BandStructure, reference: Reference | None = None) -> ProjectedHamiltonian:
        """Project the same interaction onto other bands, with all other choices unchanged.

        Parameters
        ----------
        bands
            Bands of models in plane waves on a cluster.
        reference
            Name of another P_ref; by default that of this problem.

        Raises
        ------
        InputError
            If P_ref is an array, which is written in the bands of this problem, and no other is named.
        """
        self.check_rebuildable(reference)
        return project(
            bands,
            self.interaction,
            self.carrier,
            self.q_cutoff_asked,
            self.zero_momentum,
            self.reference if reference is None else reference,
        )

    def check_rebuildable(self, reference: Reference | None = None) -> None:
        """Raise InputError if :meth:`on_bands` would have to carry a given P_ref(k) over to other bands."""
        if self.reference == "given" and reference is None:
            raise InputError(
                "`reference` must be a name such as 'average' for a problem that is rebuilt on other bands, but is an "
                "array in the basis of its own bands."
            )

    def require_bands(self) -> None:
        """Raise InputError unless the orbitals are bands: plane waves are for Hartree-Fock alone."""
        few = "plane waves, which only Hartree-Fock takes"
        require(self.basis == "bands", "problem", "be projected onto bands", found=f"is in {few}")

    def two_body_elements(self) -> ComplexArray:
        """Matrix elements of the interaction in meV.

        Returns
        -------
        elements : (flavour, k1, m, m', flavour', k2, n, n', d)
            W with H_int = 1/2 sum W c^+_{m k1} c^+_{n k2} c_{n' k2-d} c_{m' k1+d}, the first and the last operator of
            one flavour, those in between of the other; d runs over the momentum group.

        Raises
        ------
        InputError
            If the orbitals are plane waves.
        MemoryRefusedError
            If they do not fit in memory.
        """
        self.require_bands()
        form, transfers, n_k = self.form_factors.values, self.form_factors.transfers, self.grid.n_points
        vertex = (form.shape[0], n_k, form.shape[3], form.shape[3])
        reserve(
            f"Two-body elements of {form.shape[0]} x {form.shape[3]} bands on {self.grid.name}",
            16.0 * float(np.prod(vertex)) ** 2 * n_k,
            "fewer bands or a smaller cluster would fit",
        )
        elements = np.zeros((*vertex, *vertex, n_k), dtype=np.complex128)
        overlaps.two_body(form, self.coulomb, transfers.minus, transfers.group_index, elements)
        return read_only(elements)

    def reference_self_energy(self, elements: ComplexArray) -> tuple[ComplexArray, float]:
        """Self-energy of P_ref in meV, (flavour, k, m, n), and its energy tr Self-energy P_ref / 2.

        Parameters
        ----------
        elements
            Those of :meth:`two_body_elements`.

        Raises
        ------
        InputError
            If P_ref mixes flavours, whose numbers of carriers would not be conserved.
        """
        n_f, n_k, n_b = self.one_body.shape
        density = self.reference_density.reshape(n_k, n_f, n_b, n_f, n_b)
        diagonal = np.einsum("kfmfn->fkmn", density)  # <c^+_n c_m>
        mixed = density * (1 - np.eye(n_f))[:, None, :, None]
        require(not mixed.any(), "reference", "not mix flavours", "a density matrix that does")
        momenta = np.arange(n_k)
        direct = np.einsum("akmngqrs,gqsr->akmn", elements[..., 0], diagonal)
        moved = self.grid.difference_index.T  # d = k2 - k1
        exchanged = np.empty_like(direct)
        for flavour in range(n_f):
            own = elements[flavour, :, :, :, flavour][momenta[:, None], :, :, momenta[None], :, :, moved]
            exchanged[flavour] = np.einsum("kqmlrn,qlr->kmn", own, diagonal[flavour])
        self_energy = direct - exchanged - self.zero_exchange * diagonal
        return read_only(self_energy), float(np.einsum("fkmn,fknm->", self_energy, diagonal).real) / 2

    def describe(self) -> dict[str, object]:
        """All approximations by name, for printing and for files."""
        return {
            "model": " and ".join(self.bands.names),
            "cluster": self.grid.name,
            "boundary_phase": list(self.grid.boundary_phase),
            "bands_kept": self.bands.n_bands if self.basis == "bands" else f"all, {self.bands.n_bands} plane waves",
            "flavours": self.bands.n_flavours,
            "carrier": self.carrier,
            "interaction": str(self.interaction),
            "q_cutoff": self.q_cutoff,
            "zero_momentum": self.zero_momentum,
            "reference": self.reference,
        }

    def __str__(self) -> str:
        return "\n".join(f"{name:>15}  {value}" for name, value in self.describe().items())


@checked
def project(
    bands: BandStructure,
    interaction: ScreenedCoulomb,
    carrier: Carrier = "hole",
    q_cutoff: float = 4.0,
    zero_momentum: ZeroMomentum = "drop",
    reference: Reference | ComplexArray = "vacuum",
) -> ProjectedHamiltonian:
    """Project the Coulomb interaction onto the bands kept.

    Parameters
    ----------
    bands
        Bands of models in plane waves on a cluster, all of which are kept; or all plane waves
        (:func:`moire.plane_wave_orbitals`).
    interaction
        V_ll'(q).
    carrier
        ``"hole"`` (the vacuum is the filled valence bands) or ``"electron"`` (the empty bands).
    q_cutoff
        Largest |q| in units of |G_1|; energies per particle move by less than 1e-5 meV beyond 4.
    zero_momentum
        Treatment of V(q=0): ``"drop"``, ``"keep"`` or ``"exchange"``, see :class:`ProjectedHamiltonian`.
    reference
        Density matrix P_ref at which the interaction vanishes: ``"hole_vacuum"`` (the valence bands kept are full of
        electrons), ``"electron_vacuum"`` (they are empty), ``"average"`` (half full), the ``"vacuum"`` of the
        carriers, or an array P_ref(k) of the carriers, (k, orbital, orbital).

    Raises
    ------
    InputError
        If a choice is unknown, V(0) is kept where it diverges, a given P_ref is no density matrix, or the bands are not
        those of models in plane waves and two layers (:class:`moire.bloch.PlaneWaveModel`).
    MemoryRefusedError
        If the tables of the momentum transfers do not fit in memory.
    """
    require(carrier in ("hole", "electron"), "carrier", "be 'hole' or 'electron'", repr(carrier))
    require(
        zero_momentum in ZERO_MOMENTUM_RULES,
        "zero_momentum",
        f"be one of {', '.join(ZERO_MOMENTUM_RULES)}",
        repr(zero_momentum),
    )
    require(
        not (zero_momentum != "drop" and interaction.diverges_at_zero),
        "zero_momentum",
        "be 'drop' without gates, where V(0) diverges",
        repr(zero_momentum),
    )
    plane_wave_models(bands.models, "bands")
    n_layers = bands.states.shape[3]
    require(n_layers == 2, "bands", "have two layers, as V_ll'(q) has", found=f"have {n_layers}")
    name, density = _reference_density(bands, carrier, reference)
    form = FormFactors.compute(bands, q_cutoff, conjugate=carrier == "hole")
    sign = -1 if carrier == "hole" else +1
    area = bands.grid.n_points * bands.grid.lattice.cell_area_nm2
    modulus = np.linalg.norm(form.transfers.vectors, axis=1)
    modulus[form.transfers.zero] = 0.0
    coulomb = interaction(modulus) / area
    if zero_momentum == "drop":
        coulomb[form.transfers.zero] = 0.0
    zero_exchange = 0.0
    if zero_momentum == "exchange":
        zero_exchange = float(coulomb[form.transfers.zero, 0, 0])
        coulomb[form.transfers.zero] -= zero_exchange
    one_body = read_only(sign * bands.energies)
    return ProjectedHamiltonian(
        *(bands, interaction, carrier, zero_momentum, one_body, form, read_only(coulomb), zero_exchange, name, density),
        q_cutoff_asked=float(q_cutoff),
    )


def _reference_density(
    bands: BandStructure, carrier: Carrier, reference: Reference | ComplexArray
) -> tuple[Reference, ComplexArray]:
    n_k, dimension = bands.grid.n_points, bands.n_flavours * bands.n_bands
    if not isinstance(reference, str):
        given = np.array(reference, dtype=np.complex128)
        check_shape("reference", given, (n_k, dimension, dimension))
        hermitian = np.allclose(given, given.conj().swapaxes(1, 2), atol=1e-10)
        require(hermitian, "reference", "be Hermitian at each momentum", "not")
        occupations = np.linalg.eigvalsh(given)
        inside = occupations.min() > -1e-9 and occupations.max() < 1 + 1e-9
        require(
            inside,
            "reference",
            "have occupations in [0, 1]",
            found=f"has them in [{occupations.min():g}, {occupations.max():g}]",
        )
        return "given", read_only(given)
    require(reference in REFERENCES, "reference", f"be an array or one of {', '.join(REFERENCES)}", repr(reference))
    name: Reference = reference
    if reference == "vacuum":
        name = "hole_vacuum" if carrier == "hole" else "electron_vacuum"
    filled = 0.5 if name == "average" else float(name != f"{carrier}_vacuum")
    return name, read_only(
        filled * np.broadcast_to(np.eye(dimension, dtype=np.complex128), (n_k, dimension, dimension))
    )
