"""The files of a provider as they come: split, zipped, several, GRIB. Out: one dataset, lazily.

What its fields mean belongs in `xldm.inputs.fields`.
"""
