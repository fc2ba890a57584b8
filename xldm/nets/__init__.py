"""Networks of the residual latent diffusion model.

In: normalised tensors. Out: tensors. Networks know neither units nor datasets; `xldm.models`
combines them to components. Parameter names are those of the paper's release (arXiv 2406.13627), so
its checkpoints load strictly; :mod:`xldm.published` renames a few prefixes.
"""
