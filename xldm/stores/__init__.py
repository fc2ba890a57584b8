"""Training stores and the parts they are made of: assemble, write, verify, open.

In: coarse fields, fine fields and static fields, or parts that recipes wrote. Out: a Zarr store,
marked complete after verification, opened as a DataTree. Reading batches from it belongs in
`xldm.batches`, Beam pipelines in `xldm.forge`, fields that a model drew in `xldm.writing`.
"""
