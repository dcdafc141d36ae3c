"""The models and problems behind the ledger: the one place that a new way to build them touches."""

import moire as mo


def build(name, twist_deg, shells=4, valley=+1, displacement_mev=0.0):
    """A continuum model of a published set."""
    parameters = mo.parameters.published(name)
    lattice = mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    return mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)


def cluster_problem(shape, twist_deg, boundary_phase=(0.0, 0.0), **options):
    """One band of WANG_2023 in valley K on a cluster."""
    model = build("WANG_2023", twist_deg)
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, shape, boundary_phase), n_bands=1)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30), **{"carrier": "hole", **options})


def mean_field_problem(displacement_mev):
    """Two bands of each valley of WANG_2023 at 3.89 degrees on 6x6."""
    models = tuple(build("WANG_2023", 3.89, 4, valley, displacement_mev) for valley in (+1, -1))
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 6, 6), n_bands=2)
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(bands, coulomb, "hole", q_cutoff=2.0, zero_momentum="exchange")
