"""Objectives: what each stage of training minimises.

In: the networks of a component and a batch of samples. Out: a loss and the figures to report.
`base` says what the training loop asks of an objective; the arithmetic of losses is in
`xldm.training.losses`, and loops, optimisers and checkpoints are in `xldm.training`.
"""
