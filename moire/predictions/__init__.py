"""Momenta and counts of fractional states, predicted from the cluster and the filling alone."""

from moire.predictions.charge_density_waves import stripe_momenta, tower_momenta, zone_corners
from moire.predictions.composite_fermi_seas import CompositeFermiSeas, composite_fermi_seas
from moire.predictions.ground_state_momenta import expected_momenta, moore_read_momenta, root_pattern
from moire.predictions.quasiholes import admissible_strings, admissible_total, quasihole_counts, torus_counts

__all__ = [
    "CompositeFermiSeas",
    "admissible_strings",
    "admissible_total",
    "composite_fermi_seas",
    "expected_momenta",
    "moore_read_momenta",
    "quasihole_counts",
    "root_pattern",
    "stripe_momenta",
    "torus_counts",
    "tower_momenta",
    "zone_corners",
]
