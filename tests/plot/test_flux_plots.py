"""Figures of flux: values read back from the artists."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from moire import plot
from moire.observables import many_body_chern, spectral_flow


@pytest.mark.filterwarnings("ignore::moire.errors.MeshWarning")  # few phases: only the drawing is asked
def test_flow_and_flux_draw_what_the_results_hold(small_problem):
    problem = small_problem([2, 3])
    flow = spectral_flow(problem, (1, 3), 2, n_steps=3)
    ax = plot.plot_spectral_flow(flow, Figure().subplots())
    lines = ax.lines[-3:]
    lowest = np.nanmin(flow.energies, axis=(1, 2))
    np.testing.assert_array_equal([line.get_ydata() for line in lines], flow.tracked.T - lowest)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [str(label) for label in flow.momenta]
    assert "flux along $L_2$" in ax.get_title()
    assert len({line.get_markersize() for line in lines}) == len(lines)  # coinciding levels stay visible
    chern = many_body_chern(problem, (1, 3), (4, 3))
    drawn = plot.plot_phase_flux(chern, Figure().subplots()).images[0].get_array()
    assert drawn.shape == (3, 4)
    assert drawn.mean() == pytest.approx(chern.value)
    assert np.ptp(drawn) > 0.01
