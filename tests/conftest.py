"""Fixtures shared by all tests; built once per session, frozen."""

import os
import tomllib
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

import moire as mo

threadpool_limits(1, user_api="blas")
os.environ.setdefault("MPLBACKEND", "Agg")

settings.register_profile(
    "moire",
    deadline=None,  # kernels compile on first use
    derandomize=True,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("moire")


def pytest_ignore_collect(collection_path, config):
    """Collect the comparisons with other packages only where they are asked for: they import them."""
    return True if "peers" in collection_path.parts and config.option.markexpr != "peers" else None


TARGETS = Path(__file__).parents[1] / "data" / "literature" / "targets.toml"


@pytest.fixture(autouse=True)
def _one_kernel_thread():
    """Small kernels spend their time waking threads; the tests of threads ask for more themselves."""
    numba.set_num_threads(1)


@pytest.fixture(scope="session")
def targets():
    """The numbers of data/literature/targets.toml."""
    return tomllib.loads(TARGETS.read_text())


@pytest.fixture(scope="session")
def build_model():
    """Return a function (set, theta, shells, valley, D) -> ContinuumModel."""

    def build(name, theta, shells=5, valley=+1, displacement_mev=0.0):
        parameters = mo.parameters.published(name)
        lattice = mo.MoireLattice.from_twist(theta, parameters.lattice_constant_nm)
        return mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)

    return build


@pytest.fixture(scope="session")
def wang_3p7(build_model):
    """WANG_2023 at 3.7 degrees, 5 shells, valley K."""
    return build_model("WANG_2023", 3.7)


@pytest.fixture(scope="session")
def wang_3p89(build_model):
    """WANG_2023 at 3.89 degrees, 5 shells, valley K."""
    return build_model("WANG_2023", 3.89)


@pytest.fixture(scope="session")
def wang_3p89_bands(wang_3p89):
    """Top three bands of `wang_3p89` on 18x18."""
    return mo.solve_bands(wang_3p89, mo.MomentumGrid.regular(wang_3p89.lattice, 18, 18), n_bands=3)


@pytest.fixture(scope="session")
def coulomb():
    """Dual gate at 30 nm, eps = 10, layer-blind."""
    return mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30)


@pytest.fixture(scope="session")
def layered_coulomb():
    """Dual gate with layers 0.7 nm apart."""
    return mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30, layer_distance_nm=0.7)


@pytest.fixture(scope="session")
def small_problem(build_model, layered_coulomb):
    """Return a function shape -> (projected problem of cheap cutoffs): 2 shells, |q| <= 2 |G_1|, layers, D."""
    model = build_model("WANG_2023", 3.7, shells=2, displacement_mev=5.0)

    def build(
        shape,
        carrier="hole",
        zero_momentum="drop",
        boundary_phase=(0.0, 0.0),
        interaction=layered_coulomb,
        reference="vacuum",
    ):
        grid = mo.MomentumGrid.cluster(model.lattice, np.array(shape), boundary_phase)
        return mo.project(mo.solve_bands(model, grid, n_bands=1), interaction, carrier, 2.0, zero_momentum, reference)

    return build
