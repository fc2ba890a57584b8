"""Networks of the residual latent diffusion model.

In: normalised tensors. Out: tensors. A network knows neither units nor datasets; components in
`xldm.models` put networks together. Parameter names are those of the paper's release (arXiv
2406.13627), so that its checkpoints load strictly; see :mod:`xldm.published` for the names that
are changed on the way.
"""
