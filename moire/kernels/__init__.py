"""Numba kernels on bare arrays, without objects, units or messages."""
