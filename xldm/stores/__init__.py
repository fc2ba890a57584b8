"""Training stores and the parts they are made of: assembled, written, verified, opened.

In: coarse fields, fine fields and static fields, or parts that recipes wrote. Out: a Zarr store
that
is marked complete after it was verified, opened as a DataTree. Reading batches from it belongs in
`xldm.batches`, Beam pipelines in `xldm.forge`, fields that a model drew in `xldm.writing`.
"""
