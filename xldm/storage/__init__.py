"""Storage: places at any URL, and the one writer that claims, puts, marks, resumes and refuses.

In: paths, URLs and storage options; objects to put. Out: places, whole objects, marks, and messages
without secrets. Zip files and the files that ship with xldm are here too. The meaning of objects
(training stores, parts, packages, fields) belongs in the rooms above.
"""
