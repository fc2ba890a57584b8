"""Quantile mapping of predictors: fitted, written, applied."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from aligning import CONFIG, provider, reference, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

import xldm
from xldm.alignment import Alignment, aligned, open_alignment, provenance
from xldm.alignment.mapping import blend
from xldm.alignment.quantiles import NODES, fit_cells

pytest.importorskip("xsdba")


@pytest.fixture(scope="module")
def ref() -> xr.Dataset:
    return reference()


@pytest.fixture(scope="module")
def alignment(ref) -> Alignment:
    return fit_cells(provider(ref), ref, CONFIG)


@pytest.fixture(scope="module")
def later() -> xr.Dataset:
    """Weather that the fit did not see."""
    times = np.arange("2004-01-01", "2005-01-01", 36, dtype="datetime64[h]")
    return reference(times.astype("datetime64[ns]"), seed=5)


@pytest.mark.parametrize(("name", "largest"), [("t2m", 0.5), ("d2m", 0.1), ("sst", 0.1)])
def test_a_provider_s_errors_are_taken_out_of_weather_it_was_not_fitted_on(
    alignment, later, name, largest
):
    after = aligned(stacked(provider(later)), alignment).sel(predictor=name)
    before = provider(later)[name]
    assert float(abs(before - later[name]).mean()) > 0.9
    assert float(abs(after - later[name]).mean()) < largest


def test_drizzle_is_dry_after_alignment(alignment, later):
    after = aligned(stacked(provider(later)), alignment).sel(predictor="tp")
    wet = float((later["tp"] > 1e-5).mean())
    assert abs(float((after > 1e-5).mean()) - wet) < 0.05


def test_dry_stays_dry_where_the_provider_rains_too_seldom(ref):
    seldom = ref.assign(tp=ref["tp"].where(ref["tp"] > 1e-4, 0.0))
    after = aligned(stacked(seldom), fit_cells(seldom, ref, CONFIG)).sel(predictor="tp")
    assert float(after.where(seldom["tp"] == 0).max()) == 0.0


@given(scale=st.floats(0.2, 3.0), offset=st.floats(-3e-4, 3e-4))
@settings(max_examples=3)
def test_no_amount_is_ever_negative(ref, scale, offset):
    off = ref.assign(tp=(ref["tp"] * scale + offset).clip(min=0).astype("float32"))
    after = aligned(stacked(off), fit_cells(off, ref, CONFIG)).sel(predictor="tp")
    assert float(after.min()) >= 0.0


def test_dew_point_does_not_exceed_temperature(alignment, later):
    moist = provider(later).assign(d2m=provider(later)["t2m"] + 5.0)
    after = aligned(stacked(moist), alignment)
    assert bool((after.sel(predictor="d2m") <= after.sel(predictor="t2m")).all())


def test_data_aligned_with_themselves_stay_as_they_are(ref):
    after = aligned(stacked(ref), fit_cells(ref, ref, CONFIG))
    np.testing.assert_allclose(after.sel(predictor="t2m"), ref["t2m"], atol=0.02)


def test_gaps_stay_gaps_and_do_not_spread(alignment, later):
    after = aligned(stacked(provider(later)), alignment).sel(predictor="sst")
    np.testing.assert_array_equal(after.isnull(), later["sst"].isnull())


def test_a_warmer_climate_stays_warmer_by_as_much(alignment, later):
    given_ = stacked(provider(later))
    warmer = given_.copy(deep=True)
    warmer.loc[{"predictor": "d2m"}] += 3.0
    warmer.loc[{"predictor": "t2m"}] += 60.0  # else dew point is cut at it
    rise = (aligned(warmer, alignment) - aligned(given_, alignment)).sel(predictor="d2m")
    assert 2.5 < float(rise.mean()) < 3.5


def test_quantiles_are_those_of_xsdba_s_own_adjustment():
    """One month, one block, no moments to take out: what is left is the library's mapping."""
    import xsdba

    rng = np.random.default_rng(3)
    days = xr.date_range("2001-01-01", periods=400)
    hist, truth = (
        xr.DataArray(f, {"time": days}, ("time",), attrs={"units": "K"})
        for f in (rng.normal(0, 1, 400), rng.gamma(2.0, 1.0, 400))
    )
    trained = xsdba.EmpiricalQuantileMapping.train(truth, hist, nquantiles=NODES, group="time")
    expected = trained.adjust(hist, interp="linear") - hist
    nodes, change = (trained.ds[n].values.reshape(1, 1, -1) for n in ("hist_q", "af"))
    # As fields of one block each.
    found = [blend(field, nodes, change) for field in hist.values.reshape(4, 10, 10)]
    np.testing.assert_allclose(np.ravel(found), expected.values, atol=1e-6)


def test_lazy_and_eager_are_the_same_bits_whatever_the_chunks(alignment, later):
    given_ = stacked(provider(later))
    lazy = aligned(given_.chunk(time=17, y=3), alignment)
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy.compute(), aligned(given_, alignment))


def test_tasks_refer_to_the_tables_by_one_key(alignment, later):
    import dask

    lazy = aligned(stacked(provider(later)).chunk(time=1), alignment)
    tables = [k for k in dict(lazy.__dask_graph__()) if str(k).startswith("alignment-")]
    assert len(tables) == 1
    assert dask.is_dask_collection(lazy)


def test_a_window_of_the_domain_is_aligned_as_in_the_whole(alignment, later):
    given_ = stacked(provider(later))
    part = {"y": slice(2, 6), "x": slice(1, 7)}
    window = aligned(given_.isel(part), alignment)
    np.testing.assert_array_equal(window, aligned(given_, alignment).isel(part))


def test_members_are_aligned_alike(alignment, later):
    given_ = stacked(provider(later))
    two = xr.concat([given_, given_ + 1.0], "number").transpose("time", "number", ...)
    after = aligned(two, alignment)
    assert after.dims == two.dims
    np.testing.assert_array_equal(after.isel(number=0), aligned(given_, alignment))


def test_an_alignment_is_read_back_as_it_was(alignment, later, tmp_path):
    alignment.to_netcdf(tmp_path / "a.nc")
    again = open_alignment(tmp_path / "a.nc")
    assert again.sha256 == alignment.sha256
    given_ = stacked(provider(later))
    np.testing.assert_array_equal(aligned(given_, again), aligned(given_, alignment))


def test_an_alignment_lies_at_any_url(alignment):
    alignment.to_netcdf("memory://alignments/a.nc")
    assert open_alignment("memory://alignments/a.nc").sha256 == alignment.sha256


def test_a_changed_file_is_refused(alignment, tmp_path):
    altered = Alignment(alignment.tables.assign(shift=alignment.tables["shift"] + 1.0))
    path = tmp_path / "a.nc"
    altered.tables.assign_attrs(sha256=alignment.sha256).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(xldm.AlignmentError, match="changed or damaged"):
        open_alignment(path)


@pytest.mark.parametrize("content", [b"", b"no netCDF"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(xldm.AlignmentError, match="not a netCDF file"):
        open_alignment(tmp_path / "a.nc")


def test_another_netcdf_file_is_refused(tmp_path):
    xr.Dataset({"t2m": 1.0}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(xldm.AlignmentError, match="no alignment"):
        open_alignment(tmp_path / "a.nc")


def test_provenance_names_the_hash(alignment):
    assert provenance(alignment)["alignment_sha256"] == alignment.sha256


def test_tables_do_not_grow_with_the_period(ref, alignment):
    third = ref.isel(time=slice(0, None, 3))
    assert fit_cells(provider(third), third, CONFIG).tables.nbytes == alignment.tables.nbytes


@pytest.fixture(scope="module")
def of_summer(ref) -> Alignment:
    summer = ref.sel(time=ref["time"].dt.month.isin([6, 7, 8]))
    return fit_cells(provider(summer), summer, CONFIG)


def test_months_that_were_not_fitted_are_refused(of_summer, later):
    with pytest.raises(xldm.AlignmentError, match="not fitted for month 1"):
        aligned(stacked(later), of_summer)


def test_months_that_were_fitted_stand_alone(of_summer, later):
    july = later.sel(time=later["time"].dt.month == 7)
    after = aligned(stacked(provider(july)), of_summer).sel(predictor="d2m")
    assert float(abs(after - july["d2m"]).mean()) < 0.1


def test_hours_that_were_not_fitted_are_refused(alignment, later):
    shifted = later.assign_coords(time=later["time"] + np.timedelta64(1, "h"))
    with pytest.raises(xldm.AlignmentError, match=r"fitted at 0, 12 h UTC.*1, 13 h UTC"):
        aligned(stacked(shifted), alignment)


def test_other_cells_are_refused(alignment, later):
    moved = stacked(later).assign_coords(x=later["x"].values + 16e3)
    with pytest.raises(xldm.AlignmentError, match="does not hold the cells"):
        aligned(moved, alignment)


def test_too_short_a_period_is_refused(ref):
    with pytest.raises(xldm.AlignmentError, match="longer reference period"):
        fit_cells(ref.isel(time=slice(0, 5)), ref, CONFIG)


def test_sides_without_a_common_predictor_are_refused(ref):
    with pytest.raises(xldm.AlignmentError, match="No predictor is in both"):
        fit_cells(ref[["t2m"]], ref[["tp"]], CONFIG)
