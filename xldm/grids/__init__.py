"""Grids: where cells lie, regions of a domain, regridding, and the winds of rotated grids.

In: grid configurations, axes and fields in any units. Out: CF coordinates, windows of cells, and
fields on another grid. What a field means, or how it is named, belongs in `xldm.inputs`.
"""
