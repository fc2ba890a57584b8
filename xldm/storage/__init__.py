"""Storage: places at any URL, claims on them, zip files, and what ships with xldm.

In: paths, URLs and storage options. Out: filesystems that reach them, and messages without secrets.
What the files mean (stores, packages, recipes' parts) belongs in the rooms above.
"""
