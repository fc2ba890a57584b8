"""Grids: cells of projected grids, regions of a domain, regridding, and rotated poles.

In: grid configurations, axes and fields in any units. Out: CF coordinates, windows of cells, and
fields on another grid. The meaning and the names of fields belong in `xldm.inputs`, sizes that
networks can work on in `xldm.nets.field_sizes`.
"""
