"""Linear algebra independent of the physics: Hermitian eigenproblems, Krylov spaces, Lanczos, checkpoints."""
