"""Whether the bands kept decide between two states: more bands, and the printed note."""

import dataclasses

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.errors import CutoffWarning
from moire.hartree_fock import BANDS_MOVE_MEV, GroundState
from moire.observables import MeanFieldPoint
from moire.tasks.hf import _warn_undecided


@pytest.fixture(scope="module")
def close_call(build_model):
    """AFMxy and AFMz of WANG_2023 at 3.89 degrees, D = 28 meV, eps = 20 on 6x6 with three bands per valley."""
    models = [build_model("WANG_2023", 3.89, shells=3, valley=v, displacement_mev=28.0) for v in (1, -1)]
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 6, 6), 3)
    interaction = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
    return hf.ground_state(mo.project(bands, interaction, "hole", 2.0, "exchange"), 2, ("AFMxy", "AFMz"))


def test_three_bands_choose_another_phase_than_six(close_call):
    assert (close_call.best.guess, close_call.competitor.guess) == ("AFMxy", "AFMz")
    # measured with 5 shells: 0.2020, 0.1275, 0.0135, -0.0234 meV per cell with three to six bands; 3 shells move 0.003
    margin = hf.band_margin(close_call.best, close_call.competitor)
    assert margin.n_bands == (3, 6)
    assert margin.margins_mev == pytest.approx((0.2020, -0.0234), abs=4e-3)
    assert not margin.is_decided
    assert "NOT decided by the bands kept" in str(margin)
    assert abs(margin.moved_mev) < BANDS_MOVE_MEV  # what the printed note goes by
    # one band more alone would have called it decided
    one = hf.band_margin(close_call.best, close_call.competitor, n_more=1)
    assert one.margins_mev == pytest.approx((0.2020, 0.1275), abs=4e-3)
    assert one.is_decided


def test_a_close_competitor_is_printed(close_call):
    assert close_call.margin_mev == pytest.approx(0.2039, abs=1e-3)
    assert "Undecided: the state from AFMz lies 0.20" in str(close_call)
    alone = GroundState((close_call.best,))
    assert alone.competitor is None
    assert np.isnan(alone.margin_mev)
    assert "Undecided" not in str(alone)
    energy = dataclasses.replace(close_call.competitor.energy, one_body=close_call.competitor.energy.one_body + 1)
    far = GroundState((close_call.best, dataclasses.replace(close_call.competitor, energy=energy)))
    assert "Undecided" not in str(far)
    point = MeanFieldPoint.of(20.0, close_call)
    assert not point.is_decided
    assert "Undecided: AFMz lies 0.20" in str(point)
    with pytest.warns(CutoffWarning, match="next one by less than 0.25 meV per cell at epsilon 20: bands"):
        _warn_undecided([point], 3)
    assert MeanFieldPoint.of(20.0, far).is_decided
    assert MeanFieldPoint.of(20.0, alone).is_decided


def test_states_of_other_problems_are_not_compared(close_call):
    with pytest.raises(mo.InputError, match="`n_more` must be at least 1, but is 0"):
        hf.band_margin(close_call.best, close_call.competitor, n_more=0)
    warm = dataclasses.replace(close_call.best, temperature_mev=1.0)
    with pytest.raises(mo.InputError, match="`first` must be converged at zero temperature"):
        hf.band_margin(warm, close_call.competitor)
    with pytest.raises(mo.InputError, match="`second` must be a state of the same problem"):
        hf.band_margin(close_call.best, dataclasses.replace(close_call.best, n_particles=71))
