"""From a dataset to a dataset, with a model as small as they come on a corner of Italy."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
import xarray as xr
from conftest import cds_new

import xldm
from xldm import config as cfg
from xldm import statics
from xldm.alignment import fit, open_alignment
from xldm.config import AutoencoderConfig
from xldm.errors import InputError, InputWarning, OutOfDistributionWarning
from xldm.grids.projected import ITALY
from xldm.models.downscaler import Sampling
from xldm.models.interpolation import Interpolation
from xldm.models.model import Model
from xldm.models.on_device import Part, Work, _noise
from xldm.numerics.persistence import autocorrelation


@pytest.fixture(scope="module")
def model():
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture
def out(era5, model):
    return xldm.downscale(era5, model, members=4, steps=2)


def test_lazy_is_eager_bit_for_bit(era5, model, out):
    lazy = xldm.downscale(era5.chunk(), model, members=4, steps=2)
    xr.testing.assert_identical(lazy.compute(), out)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_chunks_of_time_do_not_matter(chunk, era5, model, out):
    lazy = xldm.downscale(era5.chunk(valid_time=chunk), model, members=4, steps=2)
    np.testing.assert_array_equal(lazy["t2m"].values, out["t2m"].values)


def test_chunks_of_space_do_not_matter(era5, model, out):
    lazy = xldm.downscale(era5.chunk(latitude=10, longitude=7), model, members=4, steps=2)
    np.testing.assert_array_equal(lazy["t2m"].values, out["t2m"].values)


def test_lazy_input_computes_nothing(era5, model, monkeypatch):
    monkeypatch.setattr(Model, "fields", lambda *a, **k: pytest.fail("networks ran"))
    out = xldm.downscale(era5.chunk(valid_time=1), model, steps=2)
    assert all(v.chunks is not None for v in out.data_vars.values())


def test_numpy_input_gives_numpy_output(out):
    assert isinstance(out["t2m"].variable._data, np.ndarray)


def test_the_first_members_are_the_same_whatever_comes_after(era5, model, out):
    more = xldm.downscale(era5, model, members=8, steps=2)
    xr.testing.assert_identical(more.isel(member=slice(4))["t2m"], out["t2m"])


def test_members_may_be_added_later_by_number(era5, model, out):
    later = xldm.downscale(era5, model, members=[3], steps=2)
    xr.testing.assert_identical(later["t2m"], out["t2m"].isel(member=[3]))


def test_without_members_there_is_no_member_dimension(era5, model, out):
    one = xldm.downscale(era5, model, members=None, steps=2)
    assert one["t2m"].dims == ("time", "y", "x")
    np.testing.assert_array_equal(one["t2m"], out["t2m"].isel(member=0))


def test_batch_size_does_not_matter(era5, model, out):
    batched = xldm.downscale(era5, model, members=4, steps=2, batch_size=2)
    xr.testing.assert_identical(batched, out)


def test_any_time_alone_is_the_same(era5, model, out):
    alone = xldm.downscale(era5.isel(valid_time=[1]), model, members=4, steps=2)
    xr.testing.assert_identical(alone, out.isel(time=[1]))


def test_the_cluster_gives_the_same_numbers(era5, model, out):
    distributed = pytest.importorskip("distributed")
    lazy = xldm.downscale(era5.chunk(valid_time=1), model, members=4, steps=2)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        xr.testing.assert_identical(lazy.compute(), out)


def test_output_follows_cf(out):
    t2m = out["t2m"]
    assert t2m.dims == ("member", "time", "y", "x")
    assert (t2m.attrs["standard_name"], t2m.attrs["units"]) == ("air_temperature", "K")
    assert t2m.attrs["grid_mapping"] in out.coords
    assert out["member"].attrs["standard_name"] == "realization"
    assert out["x"].attrs["standard_name"] == "projection_x_coordinate"
    assert out["spatial_ref"].attrs["grid_mapping_name"] == "lambert_azimuthal_equal_area"
    assert out["lat"].dims == ("y", "x")


def test_output_says_where_it_comes_from(out):
    for key in ("model", "model_sha256", "sampler", "steps", "seed", "xldm_version",
                "training_data", "license", "history"):  # fmt: skip
        assert key in out.attrs
    assert out.attrs["model_sha256"] == "a" * 64
    assert out.attrs["steps"] == 2


def test_output_survives_a_zarr_store(out, tmp_path):
    out.to_zarr(tmp_path / "out.zarr")
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "out.zarr").load(), out)


@pytest.fixture(scope="module")
def italy():
    """Interpolation on the whole Italian grid."""
    config = tiny.config(grid=ITALY)
    nets = {"2mT": Interpolation(config.predictors, config.targets, 8)}
    return Model(config, statics.embedded(), nets)


@pytest.fixture(scope="module")
def factor_two():
    """A model whose regression halves the coarse grid three times: 16 / 2."""
    grid = replace(tiny.GRID, factor=2, x=(3918000.0, 4398000.0), y=(2690000.0, 2130000.0))
    part = tiny.part()
    part = replace(
        part,
        autoencoder=AutoencoderConfig((16,)),
        conditioner=replace(part.conditioner, static_channels=(16,)),
    )
    config = tiny.config(grid=grid, components=(part,))
    return Model(config, tiny.static(grid), {"2mT": tiny.network(part)})


@pytest.mark.parametrize("region", [None, "covered", (7.0, 44.5, 8.0, 47.5)])
def test_what_the_check_accepts_the_networks_can_halve(region, era5, factor_two):
    report = era5.ldm.check(factor_two, region=region)
    if region is None:
        with pytest.raises(InputError, match=r"36 x 31 .* multiples of 8: give a\s+region"):
            report.raise_for_problems()
        return
    assert report.ok
    out = xldm.downscale(era5.isel(valid_time=[0]), factor_two, region=region, steps=1)
    assert out["t2m"].shape[-2:] == report.grid.fine_shape


def test_a_region_is_part_of_the_grid(era5, italy):
    whole, part = (xldm.downscale(era5, italy, region=r) for r in (None, (10.0, 42.0, 13.0, 44.0)))
    assert set(part["x"].values) < set(whole["x"].values)
    assert set(part["y"].values) < set(whole["y"].values)
    assert part["lon"].min() <= 10.0 and part["lon"].max() >= 13.0


def test_input_that_covers_a_part_gives_that_part_if_asked(era5, italy):
    south = era5.sel(latitude=slice(43, None))
    assert "north: needs 47.3" in refusal(south, italy)
    part = xldm.downscale(south, italy, region="covered")
    assert 41.5 < part["lat"].max() <= 43.0


def test_absent_predictors_are_named_in_the_output_and_aloud(era5, model):
    with pytest.warns(InputWarning, match="set to their training mean: sst, tp") as aloud:
        out = xldm.downscale(era5.drop_vars(["sst", "tp"]), model, missing="climatology", steps=2)
    assert out.attrs["absent_predictors"] == "sst, tp"
    assert "set to their training mean: sst, tp" in out.attrs["input_notes"]
    assert str(aloud[0].message).count("sst") == 1


def test_baselines_downscale_like_any_model(era5, model):
    for kind in ("interpolation", "regression"):
        field = xldm.downscale(era5, model.baseline(kind), members=None)["t2m"]
        assert field.shape == (3, *tiny.GRID.fine_shape)


def refusal(ds, model, **options) -> str:
    with pytest.raises(InputError) as error:
        xldm.downscale(ds, model, **options)
    return str(error.value)


@pytest.mark.parametrize("members", [0, -1, [], [0, -2], [1, 1], "two"])
def test_members_that_cannot_be_are_refused(members, era5, model):
    assert "members: " in refusal(era5, model, members=members)


@pytest.mark.parametrize("steps", [0, -5, 1001, 2.5])
def test_steps_that_cannot_be_are_refused(steps, era5, model):
    assert "steps is a whole number from 1 to 1000" in refusal(era5, model, steps=steps)


def test_a_negative_seed_is_refused(era5, model):
    assert "seed: expected an integer from 0" in refusal(era5, model, seed=-1)


def test_a_device_that_is_not_there_is_refused(era5, model):
    assert "device: 'abacus' cannot be used here" in refusal(era5, model, device="abacus")


def test_every_problem_is_in_one_message(era5, model):
    text = refusal(era5.drop_vars("msl"), model, members=0, steps=0, sampler="euler")
    for part in ("members: ", "steps ", "sampler ", "msl"):
        assert part in text


def test_nothing_runs_before_the_refusal(era5, model, monkeypatch):
    monkeypatch.setattr(Model, "fields", lambda *a, **k: pytest.fail("networks ran"))
    refusal(era5.drop_vars("msl"), model)


def test_a_hidden_nan_is_refused_when_it_is_met(era5, model):
    era5["t2m"][1, 7, 8] = np.nan
    lazy = xldm.downscale(era5.chunk(valid_time=1), model, steps=2)
    with pytest.raises(InputError, match="t2m holds NaN or infinity at 2020-02-12T01"):
        lazy.compute()


def test_a_synthetic_model_warns_once(era5, model):
    from dataclasses import replace

    warned = Model(
        replace(model.config, warning="not for science 1"), model.static, model.components
    )
    with pytest.warns(xldm.SyntheticModelWarning, match="not for science 1"):
        xldm.downscale(era5, warned, steps=2)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", xldm.SyntheticModelWarning)
        xldm.downscale(era5, warned, steps=2)


def test_the_accessor_is_the_function(era5, model, out):
    xr.testing.assert_identical(era5.ldm.downscale(model, members=4, steps=2), out)


def test_importing_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, xldm; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_grib_support_and_projections_live_in_one_process(shared):
    pytest.importorskip("cfgrib")
    import subprocess
    import sys

    code = (
        "import xldm, xarray as xr; from xldm.grids import projected; "
        f"xr.open_dataset({str(shared / 'realdata/cfgrib_samples/era5-levels-members.grib')!r}, "
        "engine='cfgrib', backend_kwargs={'indexpath': ''}).load(); "
        "projected.coordinates(projected.ITALY, fine=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


RAIN = cfg.Variable(
    "tp", "lwe_thickness_of_precipitation_amount", "m", 1.0, 0.5,
    transform="log1p", transform_scale=1e-4, lower=0.0, upper=0.2,
)  # fmt: skip


@pytest.fixture(scope="module")
def rainy():
    """A model of temperature and of rain, a sum over the hour before."""
    config = tiny.config(components=(tiny.part("all", (tiny.TARGET, RAIN)),))
    return Model(config, tiny.static(), {"all": tiny.network(config.components[0])}, "b" * 64)


@pytest.fixture
def rain(era5, rainy):
    return xldm.downscale(era5, rainy, members=2, steps=2)


def test_a_sum_says_so_with_the_bounds_of_its_hours(rain):
    assert rain["tp"].attrs["cell_methods"] == "time: sum area: mean"
    assert rain["t2m"].attrs["cell_methods"] == "time: point area: mean"
    assert rain["time"].attrs["bounds"] == "time_bnds"
    assert rain["time_bnds"].dims == ("time", "nv")
    start, end = rain["time_bnds"].values.T
    np.testing.assert_array_equal(end, rain["time"])
    assert (end - start == np.timedelta64(1, "h")).all()


def test_a_field_of_a_moment_has_no_bounds(out):
    assert out["t2m"].attrs["cell_methods"] == "time: point area: mean"
    assert "bounds" not in out["time"].attrs and "time_bnds" not in out.variables


def test_a_rate_says_that_it_is_a_mean(era5, rainy):
    flux = replace(RAIN, name="pr", standard_name="precipitation_flux", time_method="mean")
    (part,) = rainy.config.components
    config = replace(rainy.config, components=(replace(part, targets=(tiny.TARGET, flux)),))
    other = replace(rainy, config=config)
    made = xldm.downscale(era5, other, steps=2)
    assert made["pr"].attrs["cell_methods"] == "time: mean area: mean"
    assert made["time"].attrs["bounds"] == "time_bnds"


def test_targets_stay_within_their_bounds(rain):
    assert rain["tp"].min() >= 0 and rain["tp"].max() <= np.float32(0.2)


def test_interpolation_of_a_transformed_target_is_that_of_the_predictor(era5, rainy):
    made = xldm.downscale(era5, rainy.baseline("interpolation"), members=None)["tp"]
    plain = replace(RAIN, mean=0.0, std=1e-3, transform="linear")
    (part,) = rainy.config.components
    config = replace(rainy.config, components=(replace(part, targets=(tiny.TARGET, plain)),))
    linear = replace(rainy, config=config).baseline("interpolation")
    np.testing.assert_allclose(
        made, xldm.downscale(era5, linear, members=None)["tp"], rtol=1e-4, atol=1e-8
    )


def test_bounds_of_time_are_stored_and_read_back_as_times(rain, tmp_path):
    xldm.to_store(rain.chunk(time=1), tmp_path / "rain.zarr", progress=False)
    back = xr.open_zarr(tmp_path / "rain.zarr", consolidated=False)
    xr.testing.assert_equal(back.compute(), rain)
    assert back["time"].attrs["bounds"] == "time_bnds"


def test_a_sum_is_evaluated_as_other_fields_are(rain):
    truth = rain.isel(member=0, drop=True)
    scores = xldm.evaluate({"made": rain}, truth)
    assert "tp" in str(scores)


# ---- alignment and drift


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """A provider that is 3 K too warm, and the alignment that was fitted on it."""
    pytest.importorskip("xsdba")
    hours = alignment_hours()
    warm = hours.assign(t2m=(hours["t2m"] + 3).assign_attrs(hours["t2m"].attrs))
    path = tmp_path_factory.mktemp("align") / "warm.nc"
    config = tiny.config()
    fit(warm, hours, config).to_netcdf(path)
    return warm, hours, path


def alignment_hours():
    """Twelve noons of a July: an alignment takes ten fields of a month."""
    hours = cds_new(times=12).drop_vars("expver")
    days = np.datetime64("2020-07-02T12", "ns") + np.arange(12) * np.timedelta64(1, "D")
    # One hour of each day: its title tells that values are of hours, and no means of days.
    hours = hours.drop_vars(["tp", "ssrd"]).assign_attrs(title="ERA5 hourly data")
    return hours.assign_coords(valid_time=days)


def test_aligned_input_gives_what_the_reference_gives(shifted, model):
    warm, hours, path = shifted
    options = {"missing": "climatology", "members": None}
    model = model.baseline("interpolation")
    got = xldm.downscale(warm.isel(valid_time=[3]), model, align=path, **options)
    want = xldm.downscale(hours.isel(valid_time=[3]), model, **options)
    bare = xldm.downscale(warm.isel(valid_time=[3]), model, **options)
    error, before = (np.abs(d["t2m"] - want["t2m"]).mean() for d in (got, bare))
    assert error < 0.1 * before
    assert got.attrs["alignment_sha256"] == open_alignment(path).sha256


def test_absent_predictors_are_not_aligned(shifted, model):
    warm, _, path = shifted
    options = {"missing": "climatology", "steps": 1, "align": path}
    whole = xldm.downscale(warm.isel(valid_time=[3]).drop_vars("msl"), model, **options)
    lazy = xldm.downscale(
        warm.isel(valid_time=[3]).drop_vars("msl").chunk(valid_time=1), model, **options
    )
    xr.testing.assert_identical(lazy.compute(), whole)


def test_a_wild_input_warns_of_drift(era5, model):
    wild = era5.assign(t2m=(era5["t2m"] * 0 + 330).assign_attrs(era5["t2m"].attrs))
    with pytest.warns(OutOfDistributionWarning, match="t2m"):
        xldm.downscale(wild, model, steps=1)


@pytest.fixture(scope="module")
def persistent(model):
    part = model.config.components[0]
    diffusion = replace(part.diffusion, persistence={6.0: 0.8})
    config = replace(model.config, components=(replace(part, diffusion=diffusion),))
    return Model(config, model.static, dict(model.components), "b" * 64)


def test_without_correlation_members_are_those_of_independent_noise(era5, persistent, out):
    old = xldm.downscale(era5, persistent, members=4, steps=2, correlation=0)
    np.testing.assert_array_equal(old["t2m"].values, out["t2m"].values)


def test_the_noise_of_neighbouring_hours_is_as_alike_as_the_package_says(persistent):
    config = persistent.config.components[0]
    part = Part(config, persistent.components[config.name].noise_shape(8, 8), lambda: None)
    addresses = [(np.datetime64("2008-01-01", "h") + hour, "") for hour in range(100)]
    work = Work(np.empty(0), addresses, Sampling(members=range(4)))
    where = slice(None), slice(None), torch.device("cpu")
    with _noise(part, work, {}, *where) as take:
        noise = torch.stack(take(slice(0, 100), slice(0, 4))).reshape(100, 4, -1)
    alike = float((noise[1:] * noise[:-1]).mean())
    assert alike == pytest.approx(float(autocorrelation(1, {6.0: 0.8})), abs=0.01)


@pytest.mark.parametrize("chunk", [1, 2])
def test_chunks_of_time_do_not_matter_to_persistent_members(chunk, era5, persistent):
    eager = xldm.downscale(era5, persistent, members=2, steps=2)
    lazy = xldm.downscale(era5.chunk(valid_time=chunk), persistent, members=2, steps=2)
    np.testing.assert_array_equal(lazy["t2m"].values, eager["t2m"].values)


@pytest.mark.parametrize("correlation", [-0.1, 1.5, "much", None])
def test_a_correlation_that_is_no_share_is_refused(correlation, era5, model):
    with pytest.raises(InputError, match="correlation: expected a number from 0 to 1"):
        xldm.downscale(era5, model, correlation=correlation)


def both() -> Model:
    """A component for temperature, one for winds and one for rain."""
    wind = [cfg.Variable(n, f"{to}ward_wind", "m s-1", 0.0, 3.0) for n, to in WINDS.items()]
    rain = cfg.Variable(
        "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
    )
    parts = tiny.part(), tiny.part("UV", tuple(wind)), tiny.part("rain", (rain,))
    config = tiny.config(components=parts)
    nets = {c.name: tiny.network(c) for c in parts}
    return Model(config, tiny.static(config.grid), nets, "a" * 64)


WINDS = {"u10": "east", "v10": "north"}


@pytest.mark.parametrize(
    ("targets", "components"), [("t2m", 1), (["tp", "t2m"], 2), (["v10"], 1), (["u10", "v10"], 1)]
)
@pytest.mark.parametrize("lazy", [False, True])
def test_targets_asked_for_are_the_same_without_the_others(
    targets, components, lazy, era5, monkeypatch
):
    model = both()
    whole = xldm.downscale(era5, model, members=2, steps=2)
    drawn = []
    on = Model._on
    monkeypatch.setattr(Model, "_on", lambda self, *a: drawn.append(a[0].name) or on(self, *a))
    ds = era5.chunk(valid_time=1) if lazy else era5
    out = xldm.downscale(ds, model, targets=targets, members=2, steps=2).compute()
    assert set(out.data_vars) == set([targets] if isinstance(targets, str) else targets)
    for name in out.data_vars:
        xr.testing.assert_identical(
            out[name].drop_vars("time_bnds", errors="ignore").variable, whole[name].variable
        )
    assert len(set(drawn)) == components
    assert ("time_bnds" in out.coords) == ("tp" in out)


def test_the_accessor_takes_targets(era5):
    assert list(era5.ldm.downscale(both(), targets="tp", steps=2)) == ["tp"]


@pytest.mark.parametrize("wrong", ["t2", ["t2m", "rain"], [], 3, [["t2m"]]])
def test_targets_that_a_model_lacks_are_refused_with_those_it_has(wrong, era5):
    with pytest.raises(xldm.InputError, match="targets: expected some of t2m, u10, v10, tp; got"):
        xldm.downscale(era5, both(), targets=wrong)


def test_rain_is_a_sum_over_the_hour_in_every_form_of_output(era5, tmp_path):
    out = xldm.downscale(era5.chunk(valid_time=1), both(), targets="tp", steps=2)
    xldm.to_store(out, tmp_path / "out.zarr")
    xldm.to_netcdf(out, tmp_path / "out.nc")
    for found in (
        out.compute(),
        xr.open_zarr(tmp_path / "out.zarr", decode_coords="all"),
        xr.open_dataset(tmp_path / "out.nc", decode_coords="all"),
    ):
        tp = found["tp"]
        assert tp.attrs["cell_methods"] == "time: sum area: mean"
        assert tp.attrs["standard_name"] == "precipitation_amount"
        assert tp.attrs["units"] == "kg m-2"
        assert ((tp.values == 0) | (tp.values > 0.0999)).all()
        hours = found["time_bnds"].values
        assert (hours[:, 1] == found["time"].values).all()
        assert (np.diff(hours) == np.timedelta64(1, "h")).all()
        np.testing.assert_array_equal(tp.transpose(*out["tp"].dims), out["tp"])
