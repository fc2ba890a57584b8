"""Over which hours a field is summed or averaged, and how it is brought to those of the model.

In: an accumulated field of a dataset and its times. Out: its hours by all the evidence there is,
and the field of the model's hours; or why not. States that prove to be means are refused here, too.
"""
