"""Arithmetic of diffusion: schedule, samplers, noise, tiles, scaling.

In: numbers, NumPy arrays or torch tensors. Out: the same type. Nothing here imports torch, knows
datasets or keeps state. Layers with weights belong in `xldm.nets`.
"""
