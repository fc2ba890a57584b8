"""Model packages: what a model is on disk, and how it is found by name.

In: a folder, a zip or a URL, with ``model.yaml``, weights and static fields. Out: a
:class:`~xldm.models.model.Model` whose every file matched its hash; or a package written whole. The
registry maps names to packages and caches what was fetched. What a model computes belongs in
`xldm.models`.
"""
