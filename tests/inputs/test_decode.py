"""What opening left undone is undone, or refused with a way out."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layouts import cds, plain
from remedies import applied, codes

from xldm.errors import ArgumentTypeError, InputError
from xldm.inputs.decode import decode
from xldm.inputs.number_types import type_problem
from xldm.inputs.predictors import check


def packed(ds: xr.Dataset, dtype: str = "int16") -> xr.Dataset:
    """The fields as a netCDF file stores them, opened with mask_and_scale=False."""
    out = ds.copy()
    top = np.iinfo(dtype).max
    for name, field in ds.data_vars.items():
        low, high = float(field.min()), float(field.max())
        scale, offset = (high - low) / (top - 2), low
        whole = ((field - offset) / scale).round().fillna(top).astype(dtype)
        attrs = {
            "scale_factor": scale,
            "add_offset": offset,
            "_FillValue": np.dtype(dtype).type(top),
        }
        out[name] = whole.assign_attrs(field.attrs | attrs)
    return out


def test_a_dataset_with_nothing_to_decode_is_the_same_object(era5):
    out, notes = decode(era5)
    assert out is era5 and notes == []


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32"])
def test_packed_fields_are_what_xarray_makes_of_the_file(dtype, era5):
    raw = packed(era5[["t2m", "sst"]], dtype)
    expected = xr.decode_cf(raw)
    out, notes = decode(raw)
    xr.testing.assert_allclose(out, expected, rtol=1e-6)
    assert "t2m, sst unpacked" in notes[0]
    assert out["t2m"].attrs["units"] == "K"


def test_packed_fields_of_a_file_stay_lazy(era5, tmp_path):
    stored = {"dtype": "i2", "scale_factor": 0.001, "add_offset": 280, "_FillValue": -32767}
    small = era5[["t2m"]].drop_vars("expver")
    small.to_netcdf(tmp_path / "a.nc", encoding={"t2m": stored})
    with xr.open_dataset(tmp_path / "a.nc", mask_and_scale=False) as raw:
        out, _ = decode(raw)
        assert not out["t2m"].variable._in_memory
        with xr.open_dataset(tmp_path / "a.nc") as expected:
            np.testing.assert_allclose(out["t2m"], expected["t2m"])


def test_packed_axes_are_unpacked(era5):
    attrs = {"scale_factor": 0.01, "units": "degrees_north"}
    whole = np.round(era5.latitude.values * 100).astype("int16")
    out, _ = decode(era5.assign_coords(latitude=("latitude", whole, attrs)))
    np.testing.assert_allclose(out.indexes["latitude"], era5.latitude)
    assert out["t2m"].sel(latitude=45.0, method="nearest").notnull().all()


def test_dask_stays_dask_and_nothing_is_computed(era5):
    raw = packed(era5[["t2m"]]).chunk(valid_time=1)
    raw["msl"] = era5["msl"].astype(object).chunk(valid_time=1)

    def none(*_, **__):
        raise AssertionError("computed")

    with dask.config.set(scheduler=none):
        out, _ = decode(raw)
    assert out["t2m"].chunksizes["valid_time"] == out["msl"].chunksizes["valid_time"] == (1, 1, 1)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "f2", "O"])
def test_numbers_of_any_type_become_floats_of_the_same_value(dtype):
    values = np.array([3, 100, 7]).astype(dtype)
    out, notes = decode(xr.Dataset({"x": ("time", values, {"units": "K"})}))
    assert out["x"].dtype.kind == "f" and out["x"].dtype.itemsize >= 4
    assert out["x"].values.tolist() == [3, 100, 7]
    assert out["x"].attrs == {"units": "K"} and len(notes) == 1


@given(hnp.arrays(st.sampled_from(["i2", "u2", "i4"]), 5))
def test_integers_keep_every_digit(values):
    out, _ = decode(xr.Dataset({"x": ("time", values)}))
    np.testing.assert_array_equal(out["x"].values, values)


def test_a_fill_value_left_in_floats_is_masked():
    field = xr.DataArray([1.0, 1e20], dims="x", attrs={"_FillValue": 1e20})
    out, _ = decode(xr.Dataset({"sst": field}))
    assert np.isnan(out["sst"].values).tolist() == [False, True]


def test_bounds_of_time_are_left_as_they_are(era5):
    bounds = ("valid_time", "bnds"), np.zeros((3, 2), "i8")
    ds = era5.assign(time_bnds=bounds, other=bounds)
    ds.valid_time.attrs["bounds"] = "other"
    out, _ = decode(ds)
    assert out["time_bnds"].dtype == out["other"].dtype == np.dtype("i8")


def test_times_as_text_become_an_index_of_times(era5):
    text = np.datetime_as_string(era5.valid_time.values)
    out, notes = decode(era5.assign_coords(valid_time=text))
    assert out.indexes["valid_time"].equals(era5.indexes["valid_time"])
    assert "'valid_time' decoded from text" in notes[0]


def test_coordinates_left_as_variables_become_coordinates(era5, tmp_path):
    ds = era5.drop_vars("expver").assign_coords(surface=0.0).rename_dims(valid_time="step")
    ds.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", decode_coords=False) as bare:
        assert "surface" in bare.data_vars and "valid_time" in bare.data_vars
        assert set(decode(bare)[0].data_vars) == set(era5.data_vars)


# ---- refusals


def test_each_container_that_is_no_dataset_says_how_to_get_one(era5):
    t2m = era5["t2m"]
    stacked = era5[["t2m", "msl"]].to_dataarray("variable")
    tree = xr.DataTree.from_dict({"/forecast": era5})
    for other in (t2m, t2m.rename(None), stacked, tree, xr.DataTree(era5)):
        with pytest.raises(ArgumentTypeError) as error:
            decode(other)
        fixed = _evaluated(str(error.value), other)
        assert "t2m" in decode(fixed)[0]


def _evaluated(message, ds):
    return eval(codes(message)[0], {"ds": ds})


def test_the_printed_remedy_undoes_a_stack(era5):
    ds = era5.stack(cell=("latitude", "longitude"))
    with pytest.raises(InputError, match="stack of latitude, longitude") as error:
        decode(ds)
    fixed, _ = decode(applied(str(error.value), ds))
    assert fixed["t2m"].sizes["latitude"] == era5.sizes["latitude"]


def test_the_printed_remedy_splits_an_array_of_all_variables(era5):
    ds = era5[["t2m", "msl"]].to_dataarray("variable").to_dataset(name="data")
    with pytest.raises(InputError, match="all variables in one array") as error:
        decode(ds)
    fixed, _ = decode(applied(str(error.value), ds))
    assert {"t2m", "msl"} <= set(fixed)


def test_labels_that_are_no_names_of_fields_are_a_plain_dim(era5):
    ds = era5.expand_dims(model=["ifs", "aifs"])
    assert decode(ds)[0]["t2m"].sizes["model"] == 2


@pytest.mark.parametrize("dtype", ["bool", "complex64", "m8[s]", "U3"])
def test_a_field_of_no_numbers_is_a_problem(dtype):
    assert type_problem(xr.DataArray(np.zeros(2, dtype), dims="x", name="t2m"))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_a_field_of_numbers_is_none(dtype):
    assert type_problem(xr.DataArray(np.zeros(2, dtype), dims="x", name="t2m")) == ""


def test_a_float_that_still_states_a_scale_may_be_packed_or_not():
    field = xr.DataArray([1.0], dims="x", name="t2m", attrs={"scale_factor": 0.5, "units": "K"})
    ds, _ = decode(field.to_dataset())
    message = type_problem(ds["t2m"])
    assert "may be packed or not" in message
    assert applied(message, ds)["t2m"].item() == 0.5
    kept = ds.copy()
    kept["t2m"].attrs.pop("scale_factor")
    assert type_problem(kept["t2m"]) == ""


@pytest.mark.parametrize("chunks", [None, {"x": 1}])
@pytest.mark.parametrize(
    "attrs",
    [
        {"scale_factor": "a tenth"},
        {"scale_factor": np.nan},
        {"scale_factor": 0.0},
        {"scale_factor": None},
        {"add_offset": np.array([1.0, 2.0])},
        {"_FillValue": "missing"},
    ],
    ids=str,
)
def test_packing_by_what_is_no_number_is_refused(attrs, chunks):
    field = xr.DataArray(np.ones(2, "i2"), dims="x", attrs=attrs)
    ds = xr.Dataset({"t2m": field if chunks is None else field.chunk(chunks)})
    with pytest.raises(InputError, match="t2m cannot be unpacked"):
        decode(ds)


@pytest.mark.parametrize("chunks", [None, {"x": 1}])
@pytest.mark.parametrize("scale", ["0.5", b"0.5", np.array([0.5]), [0.5]], ids=repr)
def test_a_scale_that_is_a_number_in_another_form_unpacks(scale, chunks):
    field = xr.DataArray(np.array([2, 4], "i2"), dims="x", attrs={"scale_factor": scale})
    ds = xr.Dataset({"t2m": field if chunks is None else field.chunk(chunks)})
    assert decode(ds)[0]["t2m"].values.tolist() == [1.0, 2.0]


def test_fill_values_as_text_and_in_lists_are_masked():
    field = xr.DataArray([1.0, -9999.0, -999.0], dims="x", attrs={"missing_value": [-9999, -999]})
    out = decode(xr.Dataset({"a": field, "b": field.assign_attrs(missing_value="-9999")}))[0]
    assert np.isnan(out["a"].values).tolist() == [False, True, True]
    assert np.isnan(out["b"].values).tolist() == [False, True, False]


def test_objects_that_are_no_numbers_are_refused():
    field = xr.DataArray(np.array(["a", None], object), dims="x")
    with pytest.raises(InputError, match="holds text"):
        decode(xr.Dataset({"t2m": field}))


def test_members_whose_labels_look_like_names_of_fields_are_members(config14):
    ds = cds(plain(2)).drop_vars("number").expand_dims(realization=["r1", "r2"])
    assert check(ds, config14).beside == {"realization": "realization"}
