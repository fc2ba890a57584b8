"""Where a dataset's values lie: valid times, initialisations and leads, latitude and longitude.

In: a decoded dataset. Out: its times and horizontal axes, or why there are none. What its fields
are belongs in `xldm.inputs.fields`.
"""
