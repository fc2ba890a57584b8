"""What a report says whatever the numbers are: captions, definitions, and its style sheet."""

from __future__ import annotations

__all__ = ["CAPTIONS", "DEFINITIONS", "HEDGING", "STYLE"]

HEDGING = (
    "The lowest RMSE need not belong to the best field: where the input does not decide between "
    "fields, the mean of all that are possible has the smallest squared error, and less variance "
    "and smaller extremes than any of them; read it together with the spectra and distributions."
)

CAPTIONS = {
    "score_boxes": "Scores of single hours over all cells: boxes reach from quartile to quartile "
    "with the median in them, whiskers hold the middle 98 % of the hours; best are boxes at the "
    "left for RMSE, at 0 for the bias, and near 1 for R² and PCC.",
    "error_maps": "{score} of {variable} at every cell over the record, on one scale of colours "
    "for all forecasts; the line is the coast.",
    "scores_by_stratum": "RMSE and bias on land, at sea and by height of the land: a forecast "
    "whose markers lie further left makes smaller errors there.",
    "scores_by_period": "RMSE and bias by hour of the day (lines) and season (markers, on the same "
    "scale).",
    "distributions": "Densities of all values, and their ratio to the truth's: below 1 at the ends "
    "a forecast has too few extremes.",
    "spectra": "Power by wavelength, its error, and the spread of single hours about the truth's "
    "median (boxes from left to right in the order of the legend): a line that falls below the "
    "truth lacks variance at that scale; markers show the effective resolution.",
    "rank_histograms": "How many members lie below the truth, relative to a reliable ensemble: "
    "flat is reliable, a U too little spread, a dome too much, a slope a bias.",
    "reliability": "Frequency of an event by the probability given to it: on the diagonal it is "
    "reliable; dotted, how often the event comes at all; below, how often each probability was "
    "given.",
    "spread_skill": "CRPS (of a forecast without members its MAE), the error of the ensemble mean "
    "(skill) and the spread of the members, and their ratio, which is 1 in a reliable ensemble.",
    "temporal": "Correlation of a place with itself and its RMS change over a lag: a forecast "
    "above the truth's change flickers, one below it is too steady.",
    "physics": "Change of T2m with height, difference of T2m across the coast, and wind speed by "
    "height above the surroundings: near the truth's line is right.",
    "snapshot": "{name}: the truth and the forecasts at one time, and below the part in the "
    "frame; each row is on one scale of colours.",
}

DEFINITIONS = (
    ("RMSE", "√ of the mean of (f − o)², with forecast f and truth o; members of an ensemble are "
     "pooled, each value counts once."),
    ("bias", "mean of f − o."),
    ("MAE", "mean of |f − o|."),
    ("R²", "1 − Σ(f − o)² / Σ(o − mean of o)²; 0 for the mean of the truth, negative if worse."),
    ("PCC", "Pearson correlation of f and o."),
    ("CRPS", "mean of E|X − o| − ½ E|X − X′|, with X, X′ drawn from the members; the fair CRPS "
     "takes X ≠ X′, which does not depend on how many members there are."),
    ("spread", "√ of the mean variance of the members (divided by m − 1)."),
    ("skill", "RMSE of the ensemble mean."),
    ("spread / skill", "√((m + 1) / m) · spread / skill, 1 if truth and members are exchangeable."),
    ("rank histogram", "share of values with k members below the truth; ties are spread evenly."),
    ("Brier score", "mean of (p − e)², with p the share of members in which an event comes, and e "
     "1 if it came and 0 if not."),
    ("Wasserstein distance", "area between the distribution functions of forecast and truth."),
    ("quantile error", "quantile of all values of the forecast less that of the truth."),
    ("power", "squared magnitude of the two-dimensional Fourier transform, averaged over "
     "directions and hours; kinetic energy is (|u|² + |v|²) / 2."),
    ("spectral error", "10 log₁₀ of the power in a band over that of the truth, in dB; −3 dB is "
     "half."),
    ("effective resolution", "wavelength below which a forecast's power stays under half of the "
     "truth's."),
    ("wind speed", "hypot(u, v) of every member; that of an ensemble mean is the mean of the "
     "members' speeds."),
    ("lapse rate", "slope of the regression of T2m on height over the land cells of an hour."),
    ("coast contrast", "mean T2m of land less that of sea, within 20 km of the coast."),
    ("periods and strata", "hours are UTC; bands of height are of the land alone."),
)  # fmt: skip

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1a1a1a;
  background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; line-height: 1.2; } h2 { font-size: 1.35rem; margin-top: 2.5rem;
  border-bottom: 1px solid #ccc; } h1, h2 { overflow-wrap: anywhere; }
nav ul { columns: 2; padding-left: 1.2rem; }
.warning { border: 2px solid #b35900; background: #fff4e5; padding: .6rem 1rem; margin: 1rem 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e2e2e2; }
thead th { border-bottom: 1px solid #777; vertical-align: bottom; }
th:first-child, td.text, th.text { text-align: left; }
tbody th { font-weight: 400; }
figure { margin: 1.5rem 0; } figure img { display: block; height: auto; }
figcaption { font-size: .9em; color: #333; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: #f5f5f5; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@page { size: A4; margin: 16mm 15mm; }
@media print {
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; }
  h2 { margin-top: 1.5rem; break-after: avoid; }
  figure, table, .warning, pre, dd { break-inside: avoid; }
  dt { break-after: avoid; }
  thead { display: table-header-group; }
  table { font-size: 8.5pt; } th, td { padding: .12rem .45rem; }
  .table { overflow: visible; }
  figure img { max-height: 225mm; object-fit: contain; object-position: left; }
}
"""
