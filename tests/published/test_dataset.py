"""Files in the layout of the paper's dataset come back in physical units, or are refused."""

from __future__ import annotations

import io
import logging
import pickle
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import release
import server
import torch
import xarray as xr
import zstandard

from xldm import statics
from xldm.config import Variable
from xldm.errors import ArchiveError, PublishedError
from xldm.grids.projected import ITALY, coordinates
from xldm.inputs.lists import PAPER_PREDICTORS
from xldm.published import twin_release
from xldm.published.dataset import ATTRS, open_dataset, physical
from xldm.published.dataset_files import static
from xldm.published.day_file import day_and_kind, read_day
from xldm.published.twin_release import MOMENTS
from xldm.stores import splits
from xldm.stores import write as storing
from xldm.stores.coarse_side import coarse as to_predictors
from xldm.stores.open import open_training_store
from xldm.twin import Twin
from xldm.vocabulary import VOCABULARY

DAY = "2001-07-15"
KINDS = {"low": tuple(release.MEANS), "high_2mT": ("2mT",), "high_UV": ("U10", "V10")}
MB = 2**20


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of the twin in the dataset's layout."""
    return twin_release.write(tmp_path_factory.mktemp("twin") / "paper", DAY, DAY)


@pytest.fixture(scope="module")
def opened(twin: Path) -> tuple[xr.Dataset, xr.Dataset]:
    coarse, fine = open_dataset(twin, wind_frame="earth")
    return coarse.load(), fine.load()


@pytest.fixture
def copy(twin: Path, tmp_path: Path) -> Path:
    """A copy of the day, to be damaged."""
    return shutil.copytree(twin, tmp_path / "paper")


def hours_of(kind: str) -> list[dict[str, torch.Tensor]]:
    """24 hours of zeros, which are means."""
    shape = (84, 72) if kind == "low" else (672, 576)
    return [
        {name: torch.zeros(shape, dtype=torch.float16) for name in KINDS[kind]} for _ in range(24)
    ]


def packed(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return zstandard.compress(file.getvalue())


def read(content: object, name: str = f"{DAY}_low.pt.zst") -> xr.Dataset:
    raw = content if isinstance(content, bytes) else packed(content)
    return read_day(io.BytesIO(raw), name)


def layout(folder: Path, days: tuple[str, ...]) -> Path:
    """A folder of empty files with names of the dataset, and a scaling."""
    for day in days:
        (folder / day[:4]).mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            (folder / day[:4] / f"{day}_{kind}.pt.zst").write_bytes(b"")
    release.scaling(folder / "normalization_data.pkl")
    return folder


def metadata(folder: Path, days: tuple[str, ...], **columns: object) -> None:
    time = pd.DatetimeIndex(
        np.concatenate([pd.date_range(day, periods=24, freq="h").values for day in days])
    )
    table = {
        "ref_time": time,
        "files_path_low": time.strftime("%Y/%Y-%m-%d_low.pt.zst"),
        "files_path_high": time.strftime("%Y/%Y-%m-%d_high.pt.zst"),
        "hour": time.hour,
    }
    pd.DataFrame(table | columns).to_csv(folder / "metadata.csv", index=False)


# The twin comes back


def rounding(truth: np.ndarray, group: str, paper_name: str) -> np.ndarray:
    """Half a step of half precision at the scaled value, and one of single precision."""
    mean, std = MOMENTS[group][paper_name]
    half = np.spacing(np.abs((truth - mean) / std).astype("float16")).astype("float64") / 2
    return half * std * 1.001 + np.spacing(np.abs(truth).astype("float32"))


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_predictors_are_the_twins_within_half_precision(
    opened: tuple[xr.Dataset, xr.Dataset], hour: int
) -> None:
    time = np.datetime64(DAY, "h") + hour
    truth = to_predictors(Twin(0).era5(time)).isel(time=0)
    found = opened[0].sel(time=time)
    assert list(found.data_vars) == list(PAPER_PREDICTORS)
    for name, field in found.items():
        wanted = truth[name].values.astype("float64")
        gaps = np.isnan(wanted)
        np.testing.assert_array_equal(np.isnan(field), gaps, err_msg=str(name))
        apart = np.abs(field.values - wanted)[~gaps]
        slack = rounding(wanted[~gaps], "ERA5", VOCABULARY[str(name)].paper_name)
        assert (apart <= slack).all(), name


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_targets_are_the_twins_within_half_precision(
    opened: tuple[xr.Dataset, xr.Dataset], hour: int
) -> None:
    time = np.datetime64(DAY, "h") + hour
    truth, found = Twin(0).fine(time), opened[1].sel(time=time)
    assert list(found.data_vars) == ["t2m", "u10", "v10"]
    for name, field in found.items():
        wanted = truth[name].values.astype("float64")
        apart = np.abs(field.values - wanted)
        assert (apart <= rounding(wanted, "CMCC", VOCABULARY[str(name)].paper_name)).all(), name


def test_fields_say_what_they_are(opened: tuple[xr.Dataset, xr.Dataset]) -> None:
    for ds in opened:
        for name, field in ds.items():
            assert field.dtype == "float32"
            assert field.attrs["units"] == VOCABULARY[str(name)].units
            assert field.attrs["standard_name"] == VOCABULARY[str(name)].standard_names[0]
            assert "half precision: within" in field.attrs["comment"]
    assert "ends at time" in opened[0]["tp"].attrs["comment"]
    assert "not documented" in opened[1]["u10"].attrs["comment"]
    assert opened[1].attrs["wind_frame"] == "earth"


def test_fields_lie_on_the_nested_grids(opened: tuple[xr.Dataset, xr.Dataset]) -> None:
    for ds, fine in zip(opened, (False, True), strict=True):
        wanted = coordinates(ITALY, fine=fine).to_dataset()
        for name in ("y", "x", "lat", "lon"):
            np.testing.assert_array_equal(ds[name], wanted[name])
        np.testing.assert_array_equal(ds["time"], pd.date_range(DAY, periods=24, freq="h"))


def test_the_static_rasters_are_the_embedded_fields(twin: Path) -> None:
    found, wanted = static(twin), statics.embedded()
    for name in ("orog", "northing", "land_mask"):
        np.testing.assert_array_equal(found[name], wanted[name])
    urban = {"land_cover_class": "urban"}
    np.testing.assert_array_equal(found["land_cover"].sel(urban), wanted["land_cover"].sel(urban))


def test_gdal_places_the_rasters_on_the_grid(twin: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    for path in (twin / "static_var").glob("*.tif"):
        with rasterio.open(path) as raster:
            assert raster.crs.to_epsg() == 3035
            assert tuple(raster.transform)[:6] == (2000, 0, 3910e3, 0, -2000, 2698e3)
            assert raster.shape == (672, 576)


def test_the_twins_files_are_read_as_the_paper_reads_its_own(twin: Path) -> None:
    table = pd.read_csv(twin / "metadata.csv", parse_dates=["ref_time"])
    row = table.iloc[7]
    path = twin / row["files_path_high"].replace("_high.pt.zst", "_high_UV.pt.zst")
    content = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    fields = torch.load(io.BytesIO(content), weights_only=True)[row["hour"]]
    assert row["ref_time"] == pd.Timestamp(f"{DAY}T07")
    assert {n: (t.dtype, tuple(t.shape)) for n, t in fields.items()} == {
        n: (torch.float16, (672, 576)) for n in ("U10", "V10")
    }


def test_a_store_is_written_with_the_papers_split_labelled_leaky(
    opened: tuple[xr.Dataset, xr.Dataset], tmp_path: Path
) -> None:
    split = splits.random_hours(opened[0]["time"])
    with pytest.raises(ValueError, match="allow_leaky=True"):
        splits.check(split)
    attrs = ATTRS | {"crs": ITALY.crs}
    for name in ("wind_frame", "comment"):
        attrs.pop(name)
    rows = slice(9, 12)
    parts = [ds.isel(time=rows) for ds in opened]
    few = split.copy(data=np.array([0] * 24, "int8")).isel(time=rows)
    storing.write_training_store(tmp_path / "s.zarr", *parts, statics.embedded(), few, attrs=attrs)
    store = open_training_store(tmp_path / "s.zarr")
    np.testing.assert_array_equal(store["coarse"]["sst"], parts[0]["sst"])
    assert store["split"]["split"].attrs["leaky"] == "true"


# Where files lie


def test_nothing_of_a_day_is_read_before_its_hours_are_computed(tmp_path: Path) -> None:
    coarse, fine = open_dataset(layout(tmp_path, (DAY, "2001-07-16")), wind_frame="earth")
    assert coarse["t2m"].chunks[0] == fine["t2m"].chunks[0] == (24, 24)
    with pytest.raises(PublishedError, match=rf"{DAY}_low\.pt\.zst"):
        coarse["t2m"].isel(time=3).compute()


def zipped(folder: Path, target: Path, inner: str = "a/b/") -> Path:
    members = {f"{inner}{p.relative_to(folder)}": p for p in folder.rglob("*") if p.is_file()}
    return release.archive(target, members)


def test_members_of_zips_are_read_where_they_are(
    twin: Path, opened: tuple[xr.Dataset, xr.Dataset], tmp_path: Path
) -> None:
    years, sample = tmp_path / "2000-2002.zip", tmp_path / "sample"
    release.archive(years, {p.name: p for p in twin.rglob("*.zst")})
    sample.mkdir()
    shutil.copy(twin / "normalization_data.pkl", sample)
    coarse, fine = open_dataset([years, sample], wind_frame="earth")
    xr.testing.assert_equal(coarse["q850"], opened[0]["q850"])
    xr.testing.assert_equal(fine["u10"], opened[1]["u10"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2000-2002.zip", "sample"]


def test_a_zip_at_a_url_costs_the_days_that_are_computed(
    twin: Path, opened: tuple[xr.Dataset, xr.Dataset], tmp_path: Path
) -> None:
    size = zipped(twin, tmp_path / "z.zip").stat().st_size
    with server.serve(tmp_path) as web:
        coarse, _ = open_dataset(f"{web.url}/z.zip?download=1", wind_frame="earth")
        xr.testing.assert_equal(coarse["t2m"].compute(), opened[0]["t2m"])
        assert web.sent < 12 * MB < size / 3


def test_a_folder_at_an_fsspec_url_is_read(
    twin: Path, opened: tuple[xr.Dataset, xr.Dataset]
) -> None:
    fs = fsspec.filesystem("memory")
    fs.put(str(twin), "/paper-dataset", recursive=True)
    coarse, _ = open_dataset("memory://paper-dataset", wind_frame="earth")
    xr.testing.assert_equal(coarse["msl"].compute(), opened[0]["msl"])
    fs.rm("/paper-dataset", recursive=True)


def test_names_that_lead_out_of_a_zip_lead_nowhere(twin: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    path = zipped(twin, tmp_path / "here" / "z.zip", inner="../../")
    open_dataset(path, wind_frame="earth")[0]["t2m"].compute()
    assert [p.name for p in tmp_path.iterdir()] == ["here"]


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ArchiveError, match="no zip file or was cut short"):
        open_dataset(tmp_path / "z.zip", wind_frame="earth")


def test_a_day_in_two_places_is_refused(tmp_path: Path) -> None:
    layout(tmp_path / "a", (DAY,))
    layout(tmp_path / "b", (DAY,))
    with pytest.raises(PublishedError, match=r"a/2001/.*b/2001/.* are of the same day"):
        open_dataset([tmp_path / "a", tmp_path / "b"], wind_frame="earth")


def test_resource_forks_and_precipitation_are_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = layout(tmp_path, (DAY,))
    (folder / "2001" / f"._{DAY}_low.pt.zst").write_bytes(b"")
    (folder / "2001" / f"{DAY}_high_TP.pt.zst").write_bytes(b"")
    with caplog.at_level(logging.INFO):
        _, fine = open_dataset(folder, wind_frame="earth")
    assert list(fine) == ["t2m", "u10", "v10"]
    assert "left aside, since their units are not documented: high_TP" in caplog.text


def with_rain(folder: Path, mean: float, std: float) -> np.ndarray:
    """Add a day of rain to a folder, scaled as it fell, and return it (hour, y, x)."""
    layout(folder, (DAY,))
    numbers = pickle.loads((folder / "normalization_data.pkl").read_bytes())
    for moment, value in (("mean", mean), ("std", std)):
        numbers["CMCC"][moment]["TP"] = np.float64(value)
    (folder / "normalization_data.pkl").write_bytes(pickle.dumps(numbers))
    rain = np.zeros((24, 672, 576), "float32")
    rain[7, 10:90, 20:60] = np.random.default_rng(2).gamma(1.0, 2 * std, (80, 40))
    hours = [{"TP": torch.from_numpy(((one - mean) / std).astype("float16"))} for one in rain]
    (folder / "2001" / f"{DAY}_high_TP.pt.zst").write_bytes(packed(hours))
    return rain


def test_rain_of_stated_units_is_hourly_and_dry_where_it_was(tmp_path: Path) -> None:
    rain = with_rain(tmp_path, 0.1, 0.6)
    fine = open_dataset(tmp_path, wind_frame="earth", rain_units="mm")[1]
    tp = fine["tp"].load()
    assert (tp.values[rain == 0] == 0).all()
    np.testing.assert_allclose(tp[7], rain[7], rtol=1e-3, atol=0.6 / 900)
    assert tp.attrs["cell_methods"] == "time: sum (interval: 1 hour)"
    assert tp.attrs["units"] == "mm" and tp.attrs["dry_below"] == 0.1
    hour = np.timedelta64(1, "h")
    assert (fine["time_bnds"].values[:, 0] == fine["time"].values - hour).all()


def test_rain_whose_mean_contradicts_its_units_is_refused(tmp_path: Path) -> None:
    with_rain(tmp_path, 0.1, 0.6)
    with pytest.raises(PublishedError, match=r"mean of CMCC's TP is 0\.1 .* not in m,"):
        open_dataset(tmp_path, wind_frame="earth", rain_units="m")


def test_winds_have_to_be_accepted(twin: Path) -> None:
    with pytest.raises(PublishedError, match=r"not documented.*set wind_frame='earth'"):
        open_dataset(twin)


def test_a_missing_scaling_is_said_to_be_in_the_sample_data(tmp_path: Path) -> None:
    (layout(tmp_path, (DAY,)) / "normalization_data.pkl").unlink()
    with pytest.raises(PublishedError, match=r"normalization_data\.pkl.*sample_data\.zip"):
        open_dataset(tmp_path, wind_frame="earth")


def test_what_is_there_instead_of_days_is_said(tmp_path: Path) -> None:
    release.scaling(tmp_path / "normalization_data.pkl")
    with pytest.raises(PublishedError, match=r"2001-07-15_low\.pt\.zst, found normalization_data"):
        open_dataset(tmp_path, wind_frame="earth")


# Days and the table of hours


def with_holes(folder: Path) -> Path:
    layout(folder, ("2001-07-14", "2001-07-15", "2001-07-18"))
    (folder / "2001" / "2001-07-15_high_UV.pt.zst").unlink()
    return folder


def test_missing_days_are_listed(tmp_path: Path) -> None:
    said = r"of 5 days .* 3 lack files: 2001-07-15 \(high_UV\), 2001-07-16 \(low, high_2mT, high_UV"
    with pytest.raises(PublishedError, match=said):
        open_dataset(with_holes(tmp_path), wind_frame="earth")


def test_missing_days_can_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    coarse, fine = open_dataset(with_holes(tmp_path), wind_frame="earth", missing="skip")
    assert list(np.unique(coarse["time"].values.astype("datetime64[D]")).astype(str)) == [
        "2001-07-14", "2001-07-18",
    ]  # fmt: skip
    assert fine.sizes["time"] == 48
    assert "2001-07-17 (low, high_2mT, high_UV); left out" in caplog.text


def test_a_period_without_holes_is_opened(tmp_path: Path) -> None:
    options = {"start": "2001-07-18", "stop": "2001-07-18"}
    coarse, _ = open_dataset(with_holes(tmp_path), wind_frame="earth", **options)
    assert coarse.sizes["time"] == 24


def test_days_beyond_the_files_are_missing(tmp_path: Path) -> None:
    with pytest.raises(PublishedError, match=r"1 lack files: 2001-07-16"):
        open_dataset(layout(tmp_path, (DAY,)), wind_frame="earth", stop="2001-07-16")


def test_no_day_at_all_is_refused_though_missing_ones_are_skipped(tmp_path: Path) -> None:
    options = {"start": "2002-01-01", "stop": "2002-01-02", "missing": "skip"}
    with pytest.raises(PublishedError, match="2 lack files"):
        open_dataset(layout(tmp_path, (DAY,)), wind_frame="earth", **options)


def test_choices_of_missing_are_listed(twin: Path) -> None:
    with pytest.raises(ValueError, match="raise or skip; got 'fill'"):
        open_dataset(twin, wind_frame="earth", missing="fill")


def test_a_table_of_hours_that_agrees_passes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metadata(layout(tmp_path, (DAY,)), (DAY, "2001-07-16"))
    open_dataset(tmp_path, wind_frame="earth")
    assert "does not list" not in caplog.text


def test_hours_that_the_table_does_not_list_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metadata(layout(tmp_path, (DAY, "2001-07-16")), (DAY,))
    open_dataset(tmp_path, wind_frame="earth")
    assert "does not list 24 hours, first 2001-07-16T00" in caplog.text


@pytest.mark.parametrize(
    "columns",
    [
        {"hour": 0},
        {"ref_time": f"{DAY} 05:00"},
        {"ref_time": "midnight"},
        {"files_path_low": "2001/2001-07-14_low.pt.zst"},
        {"files_path_high": f"2001/{DAY}_low.pt.zst"},
        {"files_path_high": ""},
    ],
)
def test_a_table_of_hours_that_contradicts_itself_is_refused(
    tmp_path: Path, columns: dict[str, object]
) -> None:
    metadata(layout(tmp_path, (DAY,)), (DAY,), **columns)
    with pytest.raises(PublishedError, match=r"metadata\.csv: \d+ of 24 rows .* the first is row"):
        open_dataset(tmp_path, wind_frame="earth")


def test_paths_of_the_table_are_never_opened(copy: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / f"{DAY}_low.pt.zst"
    elsewhere.write_bytes(b"nothing that could be read")
    metadata(copy, (DAY,), files_path_low=f"../{elsewhere.name}")
    open_dataset(copy, wind_frame="earth")[0]["t2m"].compute()


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (layout(tmp_path, (DAY,)) / "metadata.csv").write_text("time\n2001-07-15\n")
    with pytest.raises(PublishedError, match="lacks the columns ref_time, files_path_low"):
        open_dataset(tmp_path, wind_frame="earth")


# One file


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a/b/2001-07-15_high_2mT.pt.zst", (np.datetime64(DAY), "high_2mT")),
        ("2001-07-15_low.pt.zst", (np.datetime64(DAY), "low")),
        ("2001-06-31_low.pt.zst", None),
        ("._2001-07-15_low.pt.zst", None),
        ("2001-07-15_low.pt", None),
    ],
)
def test_names_say_day_and_kind(name: str, wanted: object) -> None:
    assert day_and_kind(name) == wanted


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        lambda hours: dict(enumerate(hours)),
        lambda hours: {f"{i:02}": hour for i, hour in enumerate(hours)},
    ],
)
def test_hours_may_be_a_sequence_or_a_mapping(form: Callable) -> None:
    hours = hours_of("low")
    hours[7]["2mT"] += 1
    found = read(form(hours))["2mT"]
    assert found.isel(y=0, x=0).values.tolist() == [0.0] * 7 + [1.0] + [0.0] * 16
    assert found["time"][7] == np.datetime64(f"{DAY}T07")


def test_single_precision_is_read_as_it_is() -> None:
    hours = [{n: t.float() + 1e-5 for n, t in hour.items()} for hour in hours_of("low")]
    np.testing.assert_array_equal(read(hours)["V850"], np.float32(1e-5))


def test_the_fifteenth_predictor_is_left_out_by_name(caplog: pytest.LogCaptureFixture) -> None:
    hours = hours_of("low")
    for hour in hours:
        hour["OROG"] = torch.ones(84, 72)
    with caplog.at_level(logging.INFO):
        assert "OROG" not in read(hours)
    assert f"{DAY}_low.pt.zst: OROG is left out" in caplog.text


def low_with(hour: int, **fields: object) -> list[dict[str, object]]:
    hours = hours_of("low")
    hours[hour] |= fields
    return hours


def edited(kind: str, edit: Callable) -> list:
    hours = hours_of(kind)
    edit(hours)
    return hours


def of(value: float, shape: tuple[int, ...] = (84, 72)) -> torch.Tensor:
    return torch.full(shape, value, dtype=torch.float16)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: hours_of("low")[:-1], r"_low\.pt\.zst: hours 23 are missing"),
        (lambda: [*hours_of("low"), {}], "hours 24 are not of a day"),
        (lambda: dict(enumerate(hours_of("low"), 1)), "hours 0 are missing; hours 24 are not"),
        (lambda: {0: 1, "0": 1}, "hours 1, 2, .* are missing"),
        (lambda: {**dict(enumerate(hours_of("low"))), "7": {}}, "hours occur twice"),
        (lambda: {"noon": {}}, "a mapping from hours to fields, got a dict"),
        (lambda: torch.zeros(24, 15, 84, 72), "list of 24 hours .* got a Tensor"),
        (lambda: [torch.zeros(15, 84, 72)] * 24, "hour 0: expected fields by their names"),
        (lambda: edited("low", lambda h: h[5].pop("T850")), "hour 5: T850 missing; found 2mT"),
        (lambda: low_with(9, a=of(0), b=of(0)), "hour 9: a, b not known: .* and one more"),
        (lambda: low_with(9, a=of(0)), "hours hold different unknown fields"),
        (lambda: low_with(3, TP=of(0, (72, 84))), r"hour 3: TP is torch.float16 \(72, 84\)"),
        (lambda: low_with(3, TP=of(0, (1, 84, 72))), r"\(1, 84, 72\), expected float16"),
        (lambda: low_with(3, TP=of(0).int()), "TP is torch.int32"),
        (lambda: low_with(3, TP=of(0).to_sparse()), "hour 3: TP is a Tensor, expected a tensor"),
        (lambda: low_with(3, TP=0.0), "hour 3: TP is a float, expected a tensor"),
        (lambda: low_with(3, TP=of(np.nan)), "hour 3: TP is not finite in 6048 of 6048 cells"),
        (lambda: low_with(3, SST=of(np.inf)), "hour 3: SST is not finite"),
    ],
)
def test_a_file_of_another_form_is_refused(content: Callable, said: str) -> None:
    with pytest.raises(PublishedError, match=said):
        read(content())


def test_a_target_file_holds_its_targets_alone() -> None:
    content = edited("high_UV", lambda hours: hours[2].update(TP=of(0, (672, 576))))
    with pytest.raises(PublishedError, match=r"_high_UV.*hour 2: TP not known: expected U10, V"):
        read(content, f"{DAY}_high_UV.pt.zst")


@pytest.mark.parametrize("name", ["readme.txt", f"{DAY}_high_TD.pt.zst"])
def test_a_file_of_another_name_is_refused(name: str) -> None:
    with pytest.raises(PublishedError, match="of the kinds low, high_2mT, high_UV"):
        read(hours_of("low"), name)


@pytest.mark.parametrize("turned", [0, 1])
def test_fields_that_are_turned_over_are_refused(turned: int) -> None:
    land = statics.embedded()["land_mask"].coarsen(y=8, x=8).mean().values >= 0.5
    gaps = torch.from_numpy(np.where(np.flip(land, turned), np.nan, 0)).half()
    said = ("south up", "east to the left")[turned]
    with pytest.raises(PublishedError, match=f"fit the land better with {said}"):
        read(low_with(0, SST=gaps.clone()))


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(twin: Path, share: float) -> None:
    content = (twin / "2001" / f"{DAY}_low.pt.zst").read_bytes()
    with pytest.raises(PublishedError, match=rf"{DAY}_low\.pt\.zst .*download it again"):
        read(content[: int(share * len(content))])


def test_a_flipped_bit_is_found(twin: Path) -> None:
    content = bytearray((twin / "2001" / f"{DAY}_low.pt.zst").read_bytes())
    content[len(content) // 2] ^= 1
    with pytest.raises(PublishedError, match=rf"{DAY}_low\.pt\.zst .*download it again"):
        read(bytes(content))


def test_what_is_no_zstandard_file_is_refused() -> None:
    with pytest.raises(PublishedError, match="no complete Zstandard file"):
        read(b"<html>not found</html>")


def test_a_file_that_inflates_without_end_is_not_read_to_its_end() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    bomb = b"".join(packer.compress(bytes(2 * MB)) for _ in range(512)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(PublishedError, match="more than 10 MB, the most that a day can take"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 64 * MB
    finally:
        tracemalloc.stop()


def test_records_that_inflate_in_turn_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as records:
        records.writestr("archive/data/0", bytes(64 * MB))
    with pytest.raises(PublishedError, match="holds records of 67 MB"):
        read(zstandard.compress(file.getvalue()))


class Bomb:
    """Pickles as a call that leaves a file behind when it runs."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        import os

        return os.system, (self.command,)


def test_a_pickle_that_tries_to_run_a_command_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(PublishedError, match=r"other than tensors \(.*system\).*none of its code"):
        read(low_with(3, TP=Bomb(f"touch {tmp_path / 'ran'}")))
    assert not (tmp_path / "ran").exists()


def test_arrays_of_numpy_are_refused_and_named() -> None:
    with pytest.raises(PublishedError, match=r"other than tensors \(.*numpy.*reconstruct"):
        read(low_with(3, TP=np.zeros((84, 72))))


def test_a_bare_pickle_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps([Bomb(f"touch {tmp_path / 'ran'}")])
    with pytest.raises(PublishedError, match="no complete file of torch"):
        read(zstandard.compress(content))
    assert not (tmp_path / "ran").exists()


# Physical units


def scaled(**fields: float) -> xr.Dataset:
    time = pd.date_range(DAY, periods=24, freq="h")
    ds = xr.Dataset(coords={"time": time})
    for name, value in fields.items():
        ds[name] = (("time", "y", "x"), np.full((24, 84, 72), value, "float16"))
    return ds


def variable(name: str, mean: float, std: float) -> Variable:
    known = VOCABULARY[name]
    return Variable(
        name, known.standard_names[0], known.units, mean, std, paper_name=known.paper_name
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("t2m", 0.5, 292.0),
        ("sst", -10.0, np.nan),
        ("sst", np.nan, np.nan),
        ("sst", 0.25, 290.0),
    ],
)
def test_scaled_values_become_physical(name: str, value: float, wanted: float) -> None:
    v = variable(name, 288.0, 8.0)
    found = physical(scaled(**{v.paper_name: value}), [v])[name]
    np.testing.assert_array_equal(found, np.full(found.shape, wanted, "float32"))


def test_sums_do_not_fall_below_zero_by_rounding() -> None:
    v = variable("ssrd", 7.86e5, 1.04e6)
    dark = np.nextafter(np.float16(-7.86e5 / 1.04e6), np.float16(-1))
    assert float(dark) * v.std + v.mean < 0
    assert (physical(scaled(SSRadIn=dark), [v])["ssrd"] == 0).all()


def test_values_that_no_climate_has_are_refused_with_their_hour() -> None:
    ds = scaled(**{"2mT": 0.0})
    ds["2mT"][5, 3, 2] = 20.0
    with pytest.raises(PublishedError, match="2mT comes to 448 K at 2001-07-15T05"):
        physical(ds, [variable("t2m", 288.0, 8.0)])


# The writer


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    with pytest.raises(FileExistsError, match="remove it or choose another name"):
        twin_release.write(tmp_path / "paper", DAY, DAY)


def test_a_writer_that_fails_leaves_no_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Twin, "hour", lambda *a, **given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        twin_release.write(tmp_path / "paper", DAY, DAY)
    assert not (tmp_path / "paper").exists()
