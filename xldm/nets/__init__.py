"""Networks of the residual latent diffusion model, tensors in and out.

Parameter names are those of the paper's release (arXiv 2406.13627), so that its checkpoints load
strictly; see :mod:`xldm.published` for what is renamed or dropped on the way.
"""
