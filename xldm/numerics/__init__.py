"""Arithmetic of diffusion: schedule, samplers, noise, tiles, scaling.

In: numbers, NumPy arrays or torch tensors. Out: the same kind. Nothing here imports torch, knows a
dataset, or holds a state: layers with weights belong in `xldm.nets`.
"""
