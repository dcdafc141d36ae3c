"""Slow, obvious implementations that the package is compared with; each is itself tested."""
