"""Fixed texts of a report: captions and definitions."""

from __future__ import annotations

__all__ = ["CAPTIONS", "DEFINITIONS", "HEDGING", "ONE_LEAD", "ORACLES"]

HEDGING = (
    "The best of each column is bold. The lowest RMSE need not belong to the best field: where the "
    "input allows many fields, their mean has the smallest squared error, but less variance and "
    "smaller extremes than any of them. Read it together with the spectra and distributions. The "
    "CRPS of a forecast without members is its MAE."
)

ORACLES = (
    "An oracle is given part of the truth, here {names}. It is no forecast: it shows what errors "
    "would remain if the rest were perfect. It stands apart and is never the best."
)

ONE_LEAD = (
    "The sections below are of the lead {lead} alone. Changes in time compare valid times of this "
    "lead, which lie as far apart as initialisations. All leads are in scores.csv and result.nc."
)

CAPTIONS = {
    "scores_by_lead": "CRPS and RMSE of all values by lead (the CRPS of a forecast without members "
    "is its MAE).",
    "score_boxes": "Scores of single hours over all cells: boxes reach from quartile to quartile "
    "and show the median, whiskers hold the middle 98 % of the hours. The best boxes are at the "
    "left for RMSE, at 0 for the bias, and near 1 for R² and PCC.",
    "error_maps": "{score} of {variable} at every cell over the record, with one colour scale "
    "for all forecasts; the line is the coast.",
    "scores_by_stratum": "RMSE and bias on land, at sea and by height of the land: markers "
    "further left are smaller errors.",
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
    "rain_quantiles": "Quantiles of hourly precipitation, wet and dry hours, against those of the "
    "truth; at the right their ratio, by the share of hours with more.",
    "rain_fss": "Fractions skill score of single members by threshold and side of the square: 1 is "
    "the best, bold is useful (at least half way between chance and 1).",
    "snapshot": "{name}: the truth and the forecasts at one time, and below the part in the "
    "frame; each row has one colour scale.",
}

DEFINITIONS = (
    ("RMSE", "√ of the mean of (f − o)², with forecast f and truth o; members of an ensemble are "
     "pooled, each value counts once."),
    ("bias", "mean of f − o."),
    ("MAE", "mean of |f − o|."),
    ("R²", "1 − Σ(f − o)² / Σ(o − mean of o)²; 0 for the mean of the truth, negative if worse."),
    ("PCC", "Pearson correlation of f and o."),
    ("CRPS", "mean of E|X − o| − ½ E|X − X′|, with X, X′ drawn from the members; the fair CRPS "
     "takes X ≠ X′, which does not depend on the number of members."),
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
    ("fractions skill score", "1 − Σ(f − o)² / (Σf² + Σo²) of the shares f and o of wet cells in "
     "the squares around every cell."),
    ("RALSD", "√ of the mean over rings of (10 log₁₀ of the power over the truth's)²; log_tp is "
     "10 log₁₀ of the amount over 0.1 mm, 0 below."),
    ("rx1h, rx1day, sdii, cdd, cwd, lag1_corr", "largest sum of an hour and of a day in a year; "
     "mean of days with 1 mm or more; most consecutive days below 1 mm and from 1 mm on; "
     "correlation of the sums of a day and of the next; means over points and members, of days of "
     "24 hours."),
    ("periods and strata", "hours are UTC; bands of height are of the land alone."),
)  # fmt: skip
