"""Small objects for the tables of messages, each made once; none takes more than a fraction of a second."""

from functools import cache

import numpy as np

import moire as mo
from moire import exact_diagonalization as ed
from moire import hartree_fock as hf
from moire import observables as obs
from moire.orbitals import Orbitals
from moire.sweep import parse_plan

NAN, INF = float("nan"), float("inf")
WANG = mo.parameters.WANG_2023
LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
OTHER = mo.MoireLattice.from_twist(3.0, 0.352)
GRID = mo.MomentumGrid.regular(LATTICE, 2, 3)
PATH = mo.KPath.through(LATTICE, points_per_segment=1)
BASIS = mo.PlaneWaveBasis(LATTICE, 1)
MODEL = mo.ContinuumModel(WANG, BASIS)


class OtherModel:
    """A Bloch model of another kind than the continuum one."""

    def __getattr__(self, name):
        return getattr(MODEL, name)


def regular(n1, n2, boundary_phase=(0.0, 0.0), lattice=LATTICE):
    return mo.MomentumGrid.regular(lattice, n1, n2, boundary_phase)


@cache
def bands(n_bands=2, grid=GRID, model=MODEL):
    return mo.solve_bands(model, grid, n_bands)


@cache
def problem(n_bands=1, grid=GRID, carrier="hole", **options):
    return mo.project(bands(n_bands, grid), mo.ScreenedCoulomb(epsilon_r=10.0), carrier, 1.0, **options)


@cache
def spectrum(filling="1/3", grid=GRID, n_eigenstates=1, *, vectors=True):
    return mo.solve_all_sectors(problem(1, grid), filling, n_eigenstates, keep_vectors=vectors)


@cache
def structure(grid=GRID):
    return obs.structure_factor(spectrum("1/3", grid), problem(1, grid))


@cache
def pair_hamiltonian(*, transformed=False):
    hamiltonian = ed.PairHamiltonian.from_problem(problem())
    return hamiltonian.particle_hole_transformed() if transformed else hamiltonian


def sector_hamiltonian(grid=GRID, n_particles=2, momentum=0):
    return ed.SectorHamiltonian(pair_hamiltonian(), ed.MomentumSector(Orbitals(grid), n_particles, momentum))


@cache
def valleys(shape=(3, 3), n_bands=1, n_valleys=2):
    models = [mo.ContinuumModel(WANG, BASIS, valley) for valley in (1, -1)[:n_valleys]]
    solved = mo.solve_bands(models, regular(*shape), n_bands)
    return mo.project(solved, mo.ScreenedCoulomb(epsilon_r=10.0), "hole", 1.0)


@cache
def state(filling=1, guess="valley_polarised", temperature_mev=0.0, boost=None, shape=(3, 3)):
    mean_field = hf.MeanField(valleys(shape), boost=boost)
    return hf.solve_hartree_fock(mean_field, filling, guess, temperature_mev=temperature_mev)


def solve(settings=None, **options):
    options["settings"] = hf.ScfSettings(**settings or {})
    return hf.solve_hartree_fock(valleys(), **{"filling": 1, "guess": "valley_polarised", **options})


def folding(n_flavours=2, supercell=None, boost=None, shape=(3, 3)):
    return hf.Folding(regular(*shape), n_flavours, supercell, boost)


def plan(**changes):
    table = {"model": {"parameter_set": "WANG_2023", "twist_deg": 3.7}}
    return parse_plan({**table, **changes})


def requests(**changes):
    return plan(**changes).requests()


def model_table(**changes):
    return plan(model={"parameter_set": "WANG_2023", "twist_deg": 3.7, **changes})


def full_density(n_orbitals=2, n_momenta=9):
    return np.tile(np.eye(n_orbitals), (n_momenta, 1, 1))
