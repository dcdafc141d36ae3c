"""Linear algebra that knows no physics: Hermitian eigenproblems, Krylov spaces, Lanczos, checkpoints."""
