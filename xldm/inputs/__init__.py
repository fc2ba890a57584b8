"""Inputs: any provider's dataset, checked and turned into a model's predictors.

In: a dataset in any dialect of names, units and axes, and a model's configuration. Out: a report of
what was found and refused, and predictors in the model's units on the input's own grid. Regridding
belongs in `xldm.grids`, the networks in `xldm.models`.
"""
