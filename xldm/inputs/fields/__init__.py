"""Which variable of a dataset is which field, by all that it says, and what follows from others.

In: a dataset, and the field that is wanted. Out: the variable, its level and its conversion; or a
rule and its parts; or why it cannot be used. Hours of sums belong in `xldm.inputs.sums.weighing`.
"""
