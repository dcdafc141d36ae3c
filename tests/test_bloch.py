"""Checks of the methods of a model: each wrong one is named, and every right model passes."""

import numpy as np
import pytest

import moire as mo
from moire.bloch import check_hermitian, check_sewing, check_velocity
from moire.models import BreathingKagome, ChiralMultilayer, HaldaneModel, KaneMeleModel, MassiveDirac
from moire.models import RhombohedralMultilayer as Rhombohedral
from moire.topology import Disk, Zone, berry_curvature, chern_number, converged_chern, interband_index, wilson_loops

HALDANE = HaldaneModel(0.25, 1000.0, 130.0, 70.0, 210.0)
LATTICE_MODELS = [HALDANE, KaneMeleModel(0.25, 1000.0, 60.0, 100.0, 80.0), BreathingKagome(0.67, 120.0, 80.0, 20.0)]
PLANE_MODELS = [
    MassiveDirac(500.0, -30.0, -1),
    ChiralMultilayer(4, 600.0, 380.0, -25.0),
    Rhombohedral(4, 600.0, 380, 9),
]


class Altered:
    """A model with one method replaced by `change`, which is given what the right method returns."""

    def __init__(self, model, method, change):
        self.model, self.method, self.change = model, method, change

    def __getattr__(self, name):
        value = getattr(self.model, name)
        return (lambda *arguments: self.change(value, *arguments)) if name == self.method else value


def solve(model, n=6):
    return mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, n, n), 1)


WRONG_SEWING = {
    "missing": (lambda sew, states, g: states, "turn the states at k into those at k"),
    "opposite sign": (lambda sew, states, g: sew(states, -g), "turn the states at k into those at k"),
    "exchanged axes": (lambda sew, states, g: sew(states, g[::-1]), "turn the states at k into those at k"),
    "b_1 only": (lambda sew, states, g: sew(states, g * [1, 0]), r"turn the states .* at G = \+0 b_1 \+1 b_2"),
    "conjugated states": (lambda sew, states, g: sew(states, g).conj(), "be linear"),
    "half the norm": (lambda sew, states, g: sew(states, g) / 2, "keep the norm"),
    "nothing left": (lambda sew, states, g: 0 * states, "keep the norm"),
}


@pytest.mark.parametrize("fault", WRONG_SEWING)
@pytest.mark.parametrize("right", ["Haldane", 1, 3, 6])
def test_wrong_sewing_is_named(build_model, right, fault):
    model = HALDANE if right == "Haldane" else build_model("WANG_2023", 3.89, shells=right)
    change, words = WRONG_SEWING[fault]
    with pytest.raises(mo.InputError, match=f"^`sew` must {words}"):
        check_sewing(Altered(model, "sew", change))


def test_a_wrong_phase_of_one_layer_is_named(build_model):
    """Waves move as they should: only tunnelling between the layers tells."""
    flip = np.array([[1], [-1]])
    model = Altered(build_model("WANG_2023", 3.89, shells=4), "sew", lambda sew, states, g: flip * sew(states, g))
    with pytest.raises(mo.InputError, match="`sew` must turn the states"):
        check_sewing(model)


WRONG_VELOCITY = {
    "sign": (lambda velocity, k: -velocity(k), "along"),
    "factor": (lambda velocity, k: 1.001 * velocity(k), "along"),
    "exchanged axes": (lambda velocity, k: velocity(k)[::-1], "along"),
    "sign of y": (lambda velocity, k: velocity(k) * np.array([1, -1])[:, None, None], "along y"),
    "transposed": (lambda velocity, k: velocity(k).swapaxes(1, 2), "along"),
    "one axis": (lambda velocity, k: velocity(k)[:1], r"of shape \(2, 2, 2\), but has shape \(1, 2, 2\)"),
}


@pytest.mark.parametrize("fault", WRONG_VELOCITY)
@pytest.mark.parametrize("model", [HALDANE, PLANE_MODELS[1]], ids=lambda model: type(model).__name__)
def test_wrong_velocity_is_named(model, fault):
    change, words = WRONG_VELOCITY[fault]
    with pytest.raises(mo.InputError, match=rf"^`velocity` must return dH/dk_x and dH/dk_y.*{words}"):
        check_velocity(Altered(model, "velocity", change), 10.0)


def test_wrong_hamiltonian_is_named():
    lower = Altered(HALDANE, "hamiltonian", lambda hamiltonian, k: np.tril(hamiltonian(k)))  # LAPACK reads one triangle
    with pytest.raises(mo.InputError, match=r"^`hamiltonian` must return a Hermitian matrix"):
        solve(lower)
    small = Altered(HALDANE, "hamiltonian", lambda hamiltonian, k: hamiltonian(k)[:1, :1])
    with pytest.raises(mo.InputError, match=r"^`hamiltonian` must return a matrix of shape \(2, 2\)"):
        solve(small)


@pytest.mark.parametrize("model", LATTICE_MODELS + PLANE_MODELS, ids=lambda model: type(model).__name__)
def test_models_of_the_package_pass(model):
    check_hermitian(model)
    if model in LATTICE_MODELS:
        check_sewing(model)
    check_velocity(model, 5.0)


@pytest.mark.parametrize("shells", [1, 2, 3.4, 7])
def test_plane_waves_in_a_disk_pass_at_any_cutoff(build_model, shells):
    for name in mo.parameters.PUBLISHED:
        model = build_model(name, 2.0, shells=shells, valley=-1, displacement_mev=15.0)
        check_sewing(model)
        check_velocity(model, model.lattice.reciprocal_length)


def test_every_route_to_a_number_checks_what_it_uses():
    unsewn, flipped = (
        Altered(HALDANE, method, WRONG[method]["missing" if method == "sew" else "sign"][0])
        for method in ("sew", "velocity")
    )
    wrong = solve(unsewn)
    for route in (
        lambda: chern_number(wrong, [0]),
        lambda: wilson_loops(wrong, [0]),
        lambda: converged_chern(unsewn, [0]),
        lambda: interband_index(unsewn, Zone(HALDANE.lattice), 0, 1),
    ):
        with pytest.raises(mo.InputError, match=r"^`sew`"):
            route()
    for route in (
        lambda: berry_curvature(solve(flipped), [0]),
        lambda: interband_index(flipped, Disk((1.0, 2.0), 3.0), 0, 1),
    ):
        with pytest.raises(mo.InputError, match=r"^`velocity`"):
            route()
    assert chern_number(solve(flipped), [0]).rounded == chern_number(solve(HALDANE), [0]).rounded != 0


WRONG = {"sew": WRONG_SEWING, "velocity": WRONG_VELOCITY}


def test_a_model_is_checked_once():
    calls = []
    counted = Altered(HALDANE, "sew", lambda sew, states, g: calls.append(1) or sew(states, g))
    check_sewing(counted)
    first = len(calls)
    check_sewing(counted)
    assert len(calls) == first > 0
