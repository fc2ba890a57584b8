"""Batches: normalised windows of a training store, in the order of an epoch, read ahead.

In: an open training store. Out: arrays of windows (coarse, fine, static) with their times and
corners. The store itself belongs in `xldm.stores`, losses and loops in `xldm.training`.
"""
