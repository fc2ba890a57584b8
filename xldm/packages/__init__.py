"""Model packages: models on disk, and the registry that finds them by name.

In: a folder, a zip or a URL that holds ``model.yaml``, weights and static fields. Out: a
:class:`~xldm.models.model.Model`, once every file has matched its hash; or a complete new package.
The registry maps names to packages and caches downloads. Computation with models belongs in
`xldm.models`.
"""
