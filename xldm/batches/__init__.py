"""Batches: normalised windows of a training store, in the order of an epoch, read ahead.

In: an open training store. Out: batches of windows (coarse, fine, static), as arrays in a loop and
labelled by index. The store itself belongs in `xldm.stores`, losses and loops in `xldm.training`.
"""
