"""Models in memory: components on a grid that turn predictors into targets.

In: a configuration, static fields, networks, and predictors as arrays. Out: targets as arrays, in
physical units. How a model gets to disk and back belongs in `xldm.packages`, datasets and their
coordinates in `xldm.downscale`, layers of networks in `xldm.nets`.
"""
