"""Training stores and their parts: written, verified, marked, opened."""
