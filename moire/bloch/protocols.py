"""Protocols of a model: the members that each part of the package needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire._types import checked
from moire.errors import InputError
from moire.lattice import TriangularLattice


class MomentumModel(Protocol):
    """A Hermitian H(k) with its derivative; k may run over a plane or a zone.

    States are coefficient arrays of shape ``(..., layer, G)``; a model without layers or plane
    waves uses axes of length one.
    """

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, G) of one state; its size is the dimension of H."""
        ...

    @property
    def top_band_first(self) -> bool:
        """Whether band 0 is the highest one (valence bands) or the lowest one."""
        ...

    @property
    def name(self) -> str:
        """Name of the model in one line."""
        ...

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum (1/nm), shape (dim, dim)."""
        ...

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk_x and dH/dk_y in meV nm, shape (2, dim, dim)."""
        ...


class BlochModel(MomentumModel, Protocol):
    """A model on a lattice, with the rule that sews its states over the zone edge."""

    @property
    def lattice(self) -> TriangularLattice:
        """Lattice whose reciprocal vectors are the periods of the model."""
        ...

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States at k + G from those at k; G in integer units of b_1, b_2."""
        ...


class PlaneWaves(Protocol):
    """The list of reciprocal vectors G that the waves k + G of a model run over."""

    @property
    def plane_wave_shells(self) -> float:
        """Radius of a disk that contains every G, in units of |G_1|."""
        ...

    @property
    def size(self) -> int:
        """Number of plane waves per layer."""
        ...

    @property
    def vectors(self) -> IntArray:
        """G in integer units of b_1, b_2, (G, 2)."""
        ...

    @property
    def cartesian(self) -> FloatArray:
        """G in 1/nm, (G, 2)."""
        ...

    def shift(self, reciprocal: IntArray) -> IntArray:
        """Index of G + G' for every G, -1 where it is not in the list, (..., G); G' in units of b_1, b_2, (..., 2)."""
        ...


class PlaneWaveModel(BlochModel, Protocol):
    """A Bloch model of one valley whose states are coefficients of plane waves in two layers, (b, t).

    Projection, form factors, Hartree-Fock and maps in real space take any such model: the wave function of layer l is
    sum_G u_lG(k) exp(i (k + G).r), with the same waves in both layers. `sew` is then the shift of the waves,
    c_G(k + G') = c_{G + G'}(k), which :func:`check_plane_waves` verifies.
    """

    @property
    def basis(self) -> PlaneWaves:
        """The plane waves of each layer."""
        ...

    @property
    def valley(self) -> int:
        """+1 for K, -1 for K'."""
        ...

    @property
    def displacement_mev(self) -> float:
        """Energy difference of an electron in layers b and t due to the displacement field, in meV."""
        ...

    def time_reversed(self) -> PlaneWaveModel:
        """Model of the other valley, H'(k) = H(-k)^*, with the wave -G where this one has G."""
        ...


class ThreefoldModel(PlaneWaveModel, Protocol):
    """A model that C3 maps to itself: C3 eigenvalues and Hartree-Fock with the symmetry 'c3' need it."""

    def rotated(self, states: ComplexArray, umklapp: IntArray) -> ComplexArray:
        """Rotate states (..., layer, G) at k by 120 degrees, to those at k' with R k = k' + umklapp.

        The umklapp is in units of b_1, b_2. C3^3 = 1; waves that leave the list are dropped.
        """
        ...


class InversionModel(PlaneWaveModel, Protocol):
    """A model that an inversion within the valley maps to itself at D = 0; parities need it."""

    def inverted(self, states: ComplexArray, umklapp: IntArray) -> ComplexArray:
        """Invert states (..., layer, G) at k, to those at k' with -k = k' + umklapp.

        The umklapp is in units of b_1, b_2. P^2 = 1; waves that leave the list are dropped.
        """
        ...


class TruncatedModel(PlaneWaveModel, Protocol):
    """A model with access to the waves beyond its cutoff; :mod:`moire.cutoff` warns where they matter.

    The waves that H couples to those of the basis are numbered p, in an order chosen by the model.
    """

    def dropped_energies(self, k: FloatArray) -> FloatArray:
        """Diagonal of H in meV on the dropped waves at momenta (..., 2) in 1/nm, (..., p)."""
        ...

    def dropped_amplitudes(self, k: FloatArray, states: ComplexArray) -> ComplexArray:
        """<p| H(k) |u> in meV of states (k, band, layer, G) at momenta (k, 2), (k, band, p)."""
        ...

    def at_cutoff(self, plane_wave_shells: float) -> TruncatedModel:
        """Model with another cutoff, in units of |G_1|."""
        ...


@checked
def is_plane_wave_model(model: object) -> TypeGuard[PlaneWaveModel]:
    """Whether a model has the members of :class:`PlaneWaveModel`."""
    return not _lacking(model, BlochModel, PlaneWaveModel)


@checked
def is_threefold_model(model: object) -> TypeGuard[ThreefoldModel]:
    """Whether a model has the members of :class:`ThreefoldModel`."""
    return not _lacking(model, BlochModel, PlaneWaveModel, ThreefoldModel)


@checked
def is_truncated_model(model: object) -> TypeGuard[TruncatedModel]:
    """Whether a model has the members of :class:`TruncatedModel`."""
    return not _lacking(model, BlochModel, PlaneWaveModel, TruncatedModel)


@checked
def plane_wave_models(models: Sequence[object], name: str) -> tuple[PlaneWaveModel, ...]:
    """Return the models as those in plane waves, or raise InputError with the members that the first other one lacks.

    Parameters
    ----------
    models
        One model per flavour.
    name
        Name of the argument with the models, for the error message.
    """
    found: list[PlaneWaveModel] = []
    for model in models:
        if not is_plane_wave_model(model):
            missing = ", ".join(f"`{member}`" for member in _lacking(model, BlochModel, PlaneWaveModel))
            which = getattr(model, "name", type(model).__name__)
            raise InputError(f"`{name}` must be those of models in plane waves, but {which} has no {missing}.")
        found.append(model)
    return tuple(found)


def _lacking(model: object, *protocols: type) -> list[str]:
    """Members of protocols that an object does not have; by `hasattr`, so that wrapped models qualify."""
    members = [member for protocol in protocols for member in vars(protocol) if not member.startswith("_")]
    return [member for member in members if not hasattr(model, member)]
