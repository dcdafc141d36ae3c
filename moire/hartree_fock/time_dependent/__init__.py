"""Excitations of a self-consistent state: time-dependent Hartree-Fock."""

from moire.hartree_fock.time_dependent.spectrum import Excitations, SmallMomentumFit, excitations

__all__ = ["Excitations", "SmallMomentumFit", "excitations"]
