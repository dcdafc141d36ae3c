"""Lattice reconstruction: continuum elasticity with a stacking energy, and the model at the relaxed stacking."""

from moire.relaxation.elasticity import ElasticModuli, StackingEnergy
from moire.relaxation.harmonics import relaxed_table
from moire.relaxation.relax import Relaxation, first_order, relax

__all__ = ["ElasticModuli", "Relaxation", "StackingEnergy", "first_order", "relax", "relaxed_table"]
