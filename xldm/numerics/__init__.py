"""Arithmetic of diffusion on NumPy arrays or torch tensors: schedule, samplers, noise, scaling."""
