"""Figures show what is in a result, whole and legible."""

from __future__ import annotations

import io

import numpy as np
import pytest
import xarray as xr
from evaluation.example_result import FORECASTS, example_result, fields, terrain
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from xldm.evaluation import figures
from xldm.evaluation.figures import style

# Those of a result by lead are in test_leads.py.
OF_RESULT = [
    n
    for n in figures.__all__
    if not n.startswith("snapshot") and "lead" not in n and "rain" not in n
]
OF_MEMBERS = {"rank_histograms", "reliability"}
MANY = ["quadratic", "UNET", "GAN", "LDM_res", "LDM_res mean", "LDM_res of two steps",
        "LDM_res of two steps mean", "autoencoder"]  # fmt: skip


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    return example_result()


@pytest.fixture(scope="module")
def eight(result: xr.Dataset) -> xr.Dataset:
    at = [0, 1, 1, 2, 3, 2, 3, 1]
    many = result.isel(forecast=at, source=[0, *(i + 1 for i in at)])
    return many.assign_coords(forecast=MANY, source=["truth", *MANY])


@pytest.fixture(scope="module", params=OF_RESULT)
def drawn(eight: xr.Dataset, request: pytest.FixtureRequest) -> tuple[str, Figure]:
    """Each figure of eight forecasts, with its name."""
    return request.param, draw(getattr(figures, request.param)(eight))


def draw(figure: Figure) -> Figure:
    # At its own resolution: text is measured again afterwards, and its width depends on that.
    figure.savefig(io.BytesIO(), format="png")
    return figure


def words(figure: Figure) -> set[str]:
    return {t.get_text().replace("\n", " ") for t in figure.findobj(Text) if t.get_visible()}


def hour(source: str) -> xr.Dataset:
    """One hour of the example, one member."""
    made = fields()[source]
    return xr.Dataset(
        {v: (("y", "x"), made[v].reshape(-1, 48, 48, 40)[0, 5]) for v in ("t2m", "u10", "v10")},
        terrain().coords,
    )


def test_a_figure_is_drawn_and_names_its_forecasts(drawn: tuple[str, Figure]) -> None:
    name, figure = drawn
    said = " | ".join(words(figure))
    assert all(f in said for f in (["LDM_res"] if name in OF_MEMBERS else MANY))


def test_no_words_are_cut_off(drawn: tuple[str, Figure]) -> None:
    _, figure = drawn
    inked, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert 0 <= inked.x0 < inked.x1 <= width
    assert 0 <= inked.y0 < inked.y1 <= height


def test_eight_forecasts_differ_in_colour_and_in_line_and_in_marker(eight: xr.Dataset) -> None:
    looks = style.styles(eight)
    for kind in ("color", "linestyle", "marker"):
        assert len({str(look[kind]) for look in looks.values()} - {"k"}) >= 8


def test_a_forecast_has_its_colour_in_a_figure_of_ensembles_too(result: xr.Dataset) -> None:
    bar = figures.rank_histograms(result).axes[0].patches[0]
    assert bar.get_facecolor()[:3] == to_rgb(style.styles(result)["LDM_res"]["color"])


@pytest.mark.parametrize("name", ["distributions", "spectra", "temporal", "physics"])
def test_a_forecast_that_was_left_out_is_not_drawn(result: xr.Dataset, name: str) -> None:
    some = result.sel(forecast=["quadratic", "UNET"])
    assert "LDM_res" not in words(getattr(figures, name)(some))


@pytest.mark.parametrize("name", ["rank_histograms", "reliability", "spread_skill"])
def test_without_members_there_is_no_empty_panel(result: xr.Dataset, name: str) -> None:
    figure = getattr(figures, name)(result.sel(forecast=["quadratic", "UNET"]))
    assert not figure.axes
    assert any("no members" in w for w in words(figure))


def test_a_variable_without_ranks_has_no_panel(result: xr.Dataset) -> None:
    speed = result["variable"] == "wind_speed"
    some = result.assign(rank_histogram=result["rank_histogram"].where(~speed))
    assert [ax.get_title(loc="left") for ax in figures.rank_histograms(some).axes] == [
        "2 m temperature"
    ]


@pytest.mark.parametrize("name", OF_RESULT)
def test_a_result_without_wind_is_drawn(result: xr.Dataset, name: str) -> None:
    wind = [v for v in result.data_vars if "wind" in str(v)]
    events = [e for e in result["event"].values if e.startswith("t2m")]
    dry = result.drop_vars(wind).sel(variable=["t2m"], field=["t2m"], event=events)
    assert not any("wind" in w for w in words(getattr(figures, name)(dry)))


def test_a_box_has_the_median_of_the_hours(result: xr.Dataset) -> None:
    ax = figures.score_boxes(result, ["rmse"]).axes[0]
    hourly = result["rmse_hourly"].sel(variable="t2m", stratum="all")
    medians = [x[0] for x, y in (line.get_data() for line in ax.lines) if len(set(x)) == 1]
    for name in FORECASTS:
        assert np.isclose(medians, np.median(hourly.sel(forecast=name))).any()


def test_hours_that_are_missing_are_left_out_of_a_box(result: xr.Dataset) -> None:
    gaps = result.assign(rmse_hourly=result["rmse_hourly"].where(result["time"].dt.hour != 4))
    one = [
        figures.score_boxes(r, ["rmse"]) for r in (gaps, result.sel(time=result.time.dt.hour != 4))
    ]
    first, second = ([line.get_xdata() for line in f.axes[0].lines] for f in one)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_maps_of_errors_share_a_scale_and_that_of_the_bias_is_symmetric(
    result: xr.Dataset,
) -> None:
    maps = [ax.collections[0] for ax in figures.error_maps(result, "bias").axes[:4]]
    assert len({m.get_clim() for m in maps}) == 1
    low, high = maps[0].get_clim()
    assert low == -high


def test_the_coast_is_left_out_where_no_land_is_known(result: xr.Dataset) -> None:
    with_land, without = (
        len(figures.error_maps(r).axes[0].collections)
        for r in (result, result.drop_vars("land_mask"))
    )
    assert (with_land, without) == (2, 1)


def test_a_score_without_maps_is_refused_with_the_choices(result: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="rmse, bias, mae, r2, pcc; got 'crps'"):
        figures.error_maps(result, "crps")


def test_a_variable_that_is_not_there_is_refused_with_the_choices(result: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="t2m, u10, v10, wind_speed; got 'tp'"):
        figures.error_maps(result, variable="tp")


def test_temperature_is_shown_in_degrees_celsius(result: xr.Dataset) -> None:
    line = figures.distributions(result).axes[0].lines[0]
    classes = result["t2m_bin"].coarsen(t2m_bin=20).mean()  # 20 bins of 0.05 K
    np.testing.assert_allclose(line.get_xdata(), classes - 273.15)


def test_fine_classes_are_put_together_and_no_probability_is_lost(result: xr.Dataset) -> None:
    line = figures.distributions(result).axes[0].lines[0]
    fine = result["density_t2m"].sel(source="truth", stratum="all").values
    np.testing.assert_allclose(np.nan_to_num(line.get_ydata()), fine.reshape(-1, 20).mean(1))
    assert np.nansum(line.get_ydata()) == pytest.approx(1)  # classes of 1 K


def test_wavelengths_decrease_to_the_right(result: xr.Dataset) -> None:
    left, right = figures.spectra(result).axes[0].get_xlim()
    assert left > right


def test_a_marker_is_at_the_effective_resolution(result: xr.Dataset) -> None:
    axes = figures.spectra(result).axes
    middle = axes[2]
    marked = [line.get_xdata()[0] for line in middle.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal(marked, result["effective_resolution"].sel(field="t2m"))


def test_wind_is_shown_as_its_speed() -> None:
    truth = hour("truth")
    figure = figures.snapshot(truth, {"UNET": hour("UNET")}, terrain(), "wind_speed")
    shown = figure.axes[0].collections[0].get_array()
    np.testing.assert_allclose(shown, np.hypot(truth["u10"], truth["v10"]))


def test_the_part_of_a_snapshot_is_the_one_asked_for() -> None:
    static = terrain()
    x, y = static["x"].values, static["y"].values
    zoom = (x[10], x[19], y[25], y[12])
    figure = figures.snapshot(hour("truth"), {"UNET": hour("UNET")}, static, zoom=zoom)
    part = figure.axes[2].collections[0].get_array()
    np.testing.assert_allclose(part, hour("truth")["t2m"][12:26, 10:20] - 273.15)


def test_a_snapshot_of_several_members_is_refused() -> None:
    members = hour("truth").expand_dims(member=2)
    with pytest.raises(ValueError, match="pick one hour and one member"):
        figures.snapshot(hour("truth"), {"LDM_res": members}, terrain())


def test_a_snapshot_can_do_without_static_fields() -> None:
    figure = figures.snapshot(hour("truth"), {"UNET": hour("UNET")})
    assert [len(ax.collections) for ax in figure.axes[:2]] == [1, 1]


def test_a_dollar_sign_in_a_name_is_drawn_as_it_is(result: xr.Dataset) -> None:
    names = [r"\frac$ 5", r"$\nothing$", "c", "d"]
    figure = draw(figures.scores_by_stratum(result.assign_coords(forecast=names)))
    assert {r"\frac\$ 5", r"\$\nothing\$"} <= words(figure)
