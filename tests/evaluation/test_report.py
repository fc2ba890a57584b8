"""A report holds the numbers of its result, needs nothing else, and harms nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation.example_result import example_result
from matplotlib.figure import Figure

from xldm.evaluation import report
from xldm.evaluation.report import page

EVIL = "<script>alert('x')</script>"


class Tags(HTMLParser):
    """Tags with attributes, and what is said in strong letters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    return example_result()


@pytest.fixture(scope="module")
def small(result: xr.Dataset) -> xr.Dataset:
    """Scores alone, so that few figures are drawn."""
    names = ["rmse", "bias", "mae", "r2", "pcc", "n", "rmse_hourly"]
    some = result[names].isel(forecast=[0, 1]).sel(variable=["t2m", "wind_speed"], stratum=["all"])
    return some.assign_attrs(synthetic="[]", forecast_models="{}")


@pytest.fixture(scope="module")
def written(small: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report whose every text means harm."""
    evil = small.assign_coords(forecast=[EVIL, "UNET"]).assign_attrs(
        command=EVIL, synthetic=f'["{EVIL}"]', forecast_models=f'{{"UNET": {{"model": "{EVIL}"}}}}'
    )
    evil["long_name"] = ("variable", [EVIL, "10 m wind speed"])
    snapshot = Figure(figsize=(2, 1))
    file = report.write(
        evil.set_coords("long_name"),
        tmp_path_factory.mktemp("reports") / "one",
        title=EVIL,
        snapshots={f"noon {EVIL}": snapshot},
    )
    return file.parent


@pytest.fixture(scope="module")
def undrawn(result: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on the whole example; its figures are made, and not drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_figure", lambda figure, caption: f"<figure>{caption}</figure>")
        return report.write(result, tmp_path_factory.mktemp("undrawn") / "r").parent


@pytest.fixture(scope="module")
def whole(undrawn: Path) -> str:
    return (undrawn / "report.html").read_text("utf-8")


def without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_figure", lambda figure, caption: "")


def test_a_report_is_a_page_a_table_and_the_result(written: Path) -> None:
    assert {p.name for p in written.iterdir()} == {"report.html", "scores.csv", "result.nc"}


def test_nothing_is_left_beside_a_report(written: Path) -> None:
    assert [p.name for p in written.parent.iterdir()] == ["one"]


def test_text_from_data_cannot_run(written: Path) -> None:
    text = (written / "report.html").read_text("utf-8")
    tags = Tags(text).tags
    assert "script" not in {tag for tag, _ in tags}
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert "&lt;script&gt;" in text


def test_the_page_needs_no_other_file(written: Path) -> None:
    text = (written / "report.html").read_text("utf-8")
    used = [a[k] for _, a in Tags(text).tags for k in ("src", "href") if k in a]
    assert used
    assert all(u.startswith(("data:image/", "#")) for u in used)
    assert not re.search(r"url\(|@import|<link", text)


def test_every_picture_is_described(written: Path) -> None:
    pictures = [
        a for tag, a in Tags((written / "report.html").read_text("utf-8")).tags if tag == "img"
    ]
    assert len(pictures) == 3
    assert all(len(a["alt"]) > 20 for a in pictures)


def test_the_contents_lead_to_the_headings(written: Path) -> None:
    tags = Tags((written / "report.html").read_text("utf-8")).tags
    links = {a["href"][1:] for tag, a in tags if tag == "a"}
    assert links == {a["id"] for tag, a in tags if tag == "h2"}


def test_the_result_comes_back_as_it_was(result: xr.Dataset, undrawn: Path) -> None:
    with xr.open_dataset(undrawn / "result.nc", engine="h5netcdf") as back:
        xr.testing.assert_identical(back.load(), result)


def test_a_result_is_packed_and_may_leave_its_maps_out(
    small, result, tmp_path, monkeypatch
) -> None:
    without_drawing(monkeypatch)
    mapped = small.assign(rmse_map=result["rmse_map"].isel(forecast=[0, 1]))
    for maps in (True, False):
        folder = report.write(mapped, tmp_path / str(maps), maps=maps).parent
        with xr.open_dataset(folder / "result.nc", engine="h5netcdf") as back:
            assert ("rmse_map" in back) == maps
            assert back["rmse"].encoding["zlib"]
            np.testing.assert_array_equal(back["rmse"], small["rmse"])


@pytest.fixture(scope="module")
def with_oracle(small, tmp_path_factory) -> str:
    """The page of a result whose first forecast, by far the best, is an oracle."""
    models = (
        '{"quadratic": {"model": "m", "oracle": "it is given the truth"}, "UNET": {"model": "m"}}'
    )
    third = small.isel(forecast=[1]).assign_coords(forecast=["other"])
    ideal = xr.concat([small, third * 1.5], "forecast", data_vars="minimal")
    best = ideal["forecast"] == "quadratic"
    ideal = ideal.assign({s: ideal[s].where(~best, 1e-6) for s in ("rmse", "mae", "bias")})
    with pytest.MonkeyPatch.context() as patch:
        without_drawing(patch)
        made = ideal.assign_attrs(small.attrs, forecast_models=models)
        return report.write(made, tmp_path_factory.mktemp("oracle") / "r").read_text("utf-8")


def test_an_oracle_stands_apart_and_is_never_the_best(with_oracle) -> None:
    rows = re.findall(r"<tr( class='apart')?><th scope='row'>([^<]*)</th>(.*?)</tr>", with_oracle)
    scored = [(bool(apart), name, "<strong>" in cells) for apart, name, cells in rows]
    assert (True, "quadratic (oracle)", False) in scored
    assert (False, "UNET", True) in scored
    assert not any(bold for apart, name, bold in scored if apart or "oracle" in name)
    assert "An oracle is given part of the truth, here quadratic." in with_oracle


def test_a_forecast_without_a_sampler_says_none(with_oracle) -> None:
    (row,) = re.findall(r"<tr><th scope='row'>UNET</th>(<td class='text'>.*?)</tr>", with_oracle)
    assert re.findall(r">([^<]*)</td>", row) == ["–", "m", "none", "–", "–", "–", "–"]


def test_the_numbers_of_the_table_are_the_results(result: xr.Dataset, undrawn: Path) -> None:
    table = pd.read_csv(undrawn / "scores.csv")
    keys = ["forecast", "variable", "stratum", "period"]
    for score in ("rmse", "pcc", "crps_fair"):
        values = table[table["score"] == score].set_index(keys)["value"]
        expected = result[score].reset_coords(drop=True).to_series().dropna()
        pd.testing.assert_series_equal(
            values.sort_index(), expected.sort_index(), check_names=False, check_exact=True
        )


def test_a_band_is_part_of_the_name_of_a_score(result: xr.Dataset) -> None:
    table = report.long_form(result).set_index(["score", "forecast", "variable"])["value"]
    expected = result["spectral_error"].sel(forecast="UNET", field="t2m", band="4-10 km")
    assert table["spectral_error 4-10 km", "UNET", "t2m"] == expected


@pytest.mark.parametrize(
    ("score", "variable", "units"),
    [("rmse", "wind_speed", "m s-1"), ("r2", "t2m", "1"), ("wasserstein", "t2m", "K")],
)
def test_a_number_has_its_units(result: xr.Dataset, score: str, variable: str, units: str) -> None:
    table = report.long_form(result)
    rows = table[(table["score"] == score) & (table["variable"] == variable)]
    assert set(rows["units"]) == {units}


def test_a_number_has_its_count(result: xr.Dataset) -> None:
    table = report.long_form(result)
    row = table[
        (table["score"] == "mae") & (table["stratum"] == "land") & (table["period"] == "DJF")
    ]
    assert set(row["n"]) == {int(result["n"].sel(stratum="land", period="DJF").max())}


def test_missing_values_are_no_rows(result: xr.Dataset) -> None:
    table = report.long_form(result)
    assert table["value"].notna().all()
    assert set(table.loc[table["score"] == "spread", "forecast"]) == {"LDM_res"}


def test_the_best_of_a_column_is_bold(result: xr.Dataset) -> None:
    shown = page.tables.main_scores(result)
    table = shown[shown.index("2 m temperature") :].split("</table>")[0]
    rmse = result["rmse"].sel(variable="t2m", stratum="all", period="all")
    best = rmse["forecast"].values[rmse.values.argmin()].item()
    rows = re.findall(r"<th scope='row'>(.*?)</th><td>(<strong>)?", table)
    assert [name for name, bold in rows if bold] == [best]


def test_of_biases_the_nearest_to_zero_is_bold(small: xr.Dataset) -> None:
    some = small.assign(bias=small["bias"] * 0 + [[[[0.3]]], [[[-0.1]]]])
    assert "<strong>−0.1000</strong>" in page.tables.main_scores(some)


def test_every_part_of_the_example_has_its_section(whole: str) -> None:
    headings = re.findall(r"<h2 id='.*?'>(.*?)</h2>", whole)
    assert headings == [
        "What was compared", "Scores", "By place and time", "Distributions", "Spectra",
        "Ensembles", "Changes in time", "Physics", "Definitions", "How this was made",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fact",
    ["48, 2020-01-15 00:00 to 2020-10-15 22:00 UTC", "48 x 40 cells of 2 km", "0123456789ab",
     "random numbers", "made-up fields", "10 m wind speed, m s⁻¹", "92,160", "never under half",
     "T2m &gt; 0 °C"],
)  # fmt: skip
def test_a_fact_is_on_the_page(whole: str, fact: str) -> None:
    assert fact in whole


def test_models_of_synthetic_data_are_warned_of(whole: str) -> None:
    box = whole.split("<aside class='warning'")[1].split("</aside>")[0]
    assert "LDM_res, LDM_res mean" in box


def test_without_synthetic_models_there_is_no_warning(small, monkeypatch) -> None:
    without_drawing(monkeypatch)
    assert "<aside" not in page.html(small, title=None, snapshots={})


def test_without_precipitation_there_is_no_section_on_it(whole: str) -> None:
    assert "Precipitation" not in whole


def test_without_members_there_is_no_section_on_ensembles(small, monkeypatch) -> None:
    without_drawing(monkeypatch)
    alone = small.assign(members=("forecast", [1, 1]))
    assert "id='ensembles'" not in page.html(alone, title=None, snapshots={})


def test_a_folder_of_something_else_is_refused_and_untouched(small, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes\.txt.*nothing was written"):
        report.write(small, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_report_with_a_file_of_someone_else_is_refused(small, tmp_path) -> None:
    for name in ("report.html", "scores.csv", "result.nc", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match=r"there is notes\.txt"):
        report.write(small, tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(small, tmp_path) -> None:
    (tmp_path / "r").touch()
    with pytest.raises(FileExistsError):
        report.write(small, tmp_path / "r")


def test_an_earlier_report_is_replaced(small, tmp_path, monkeypatch) -> None:
    without_drawing(monkeypatch)
    report.write(small, tmp_path / "r", title="first")
    file = report.write(small, tmp_path / "r", title="second")
    assert "<h1>second</h1>" in file.read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_a_report_may_replace_the_one_its_result_was_opened_from(
    small, tmp_path, monkeypatch
) -> None:
    without_drawing(monkeypatch)
    report.write(small, tmp_path / "r")
    with xr.open_dataset(tmp_path / "r" / "result.nc", engine="h5netcdf") as lazy:
        report.write(lazy, tmp_path / "r")
    with xr.open_dataset(tmp_path / "r" / "result.nc", engine="h5netcdf") as back:
        np.testing.assert_array_equal(back["rmse"], small["rmse"])


def test_what_fails_leaves_the_earlier_report(small, tmp_path, monkeypatch) -> None:
    without_drawing(monkeypatch)
    report.write(small, tmp_path / "r", title="first")
    monkeypatch.setattr(page, "_figure", lambda figure, caption: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(small, tmp_path / "r", title="second")
    assert "<h1>first</h1>" in (tmp_path / "r" / "report.html").read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["r"]
