"""Data: grids, predictors found by meaning, regridding, static fields, the twin, catalogs."""
