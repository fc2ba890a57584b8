"""Figures of a result of :func:`xldm.evaluate`, as matplotlib ``Figure`` objects.

A forecast has the same colour, line and marker in all figures; the truth is black.
"""

from .ensembles import rank_histograms, reliability, spread_skill
from .errors import score_boxes, scores_by_period, scores_by_stratum
from .leads import scores_by_lead
from .maps import error_maps, snapshot, snapshots
from .rain import rain_fss, rain_quantiles
from .realism import distributions, physics, spectra, temporal

__all__ = [
    "distributions",
    "error_maps",
    "physics",
    "rain_fss",
    "rain_quantiles",
    "rank_histograms",
    "reliability",
    "score_boxes",
    "scores_by_lead",
    "scores_by_period",
    "scores_by_stratum",
    "snapshot",
    "snapshots",
    "spectra",
    "spread_skill",
    "temporal",
]
