"""Bring a provider's predictors to the distribution of a reference, and tell how far they are.

In: predictors of a provider and of a reference (ERA5), and a model's configuration. Out: an
`Alignment`, small and hashed, that maps the provider's values to the reference's; aligned
predictors; and a report of drift from the training distribution. Reading and regridding of inputs
belong in `xldm.inputs` and `xldm.grids`. Only fitting needs xsdba.
"""

from .apply import aligned, provenance
from .drift import warn_of_drift
from .drift_report import DriftReport, report_drift
from .fit import fit
from .tables import Alignment, open_alignment

__all__ = [
    "Alignment",
    "DriftReport",
    "aligned",
    "fit",
    "open_alignment",
    "provenance",
    "report_drift",
    "warn_of_drift",
]
