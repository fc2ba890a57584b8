"""What protocols draw from a model as small as they come."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
import xarray as xr

import xldm
from xldm import config as cfg
from xldm.errors import InputError
from xldm.evaluation import protocols
from xldm.models.model import Model

SIMPLE = ["quadratic", "lapse rate", "local lapse rate"]
WIND = cfg.Variable("u10", "eastward_wind", "m s-1", 0.0, 4.0)


@pytest.fixture(scope="module")
def model():
    # In more steps, random networks leave all bounds.
    part = replace(tiny.part(targets=(tiny.TARGET, WIND)), diffusion=cfg.DiffusionConfig(steps=2))
    config = tiny.config(components=(part,))
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture
def truth(era5, model) -> xr.Dataset:
    drawn = xldm.downscale(era5, model, members=None, steps=2, seed=7, progress=False)
    return drawn.drop_attrs(deep=False)


def test_the_comparison_has_the_baselines_the_model_and_its_bound(era5, model, truth):
    forecasts, same = protocols.comparison(model, era5, truth, members=2)
    assert list(forecasts) == [*SIMPLE, "UNET", "LDM_res", "autoencoder"]
    assert all(ds.chunks for ds in forecasts.values())
    assert same is truth


def test_a_model_without_networks_is_compared_under_its_name(era5, model, truth):
    simple = model.baseline("interpolation")
    forecasts, _ = protocols.comparison(simple, era5, truth, members=1)
    assert list(forecasts) == [*SIMPLE, "tiny (interpolation)"]


def test_quadratic_means_direct_interpolation_from_the_points_of_the_input(era5, model, truth):
    forecasts, _ = protocols.comparison(model, era5, truth, members=1)
    direct = xldm.interpolate(era5, model)
    np.testing.assert_array_equal(forecasts["quadratic"]["t2m"], direct["t2m"])


def test_drawing_lazily_hour_by_hour_changes_nothing(era5, model, truth):
    forecasts, _ = protocols.comparison(model, era5, truth, members=2)
    direct = xldm.downscale(era5, model, members=2, progress=False)
    np.testing.assert_array_equal(forecasts["LDM_res"]["t2m"].values, direct["t2m"].values)


def test_a_reconstruction_is_the_mean_plus_the_decoded_code_of_the_residual(era5, model, truth):
    names, variables = ["t2m", "u10"], model.config.targets
    mean = xldm.downscale(era5, model.baseline("regression"), members=None, progress=False)
    left = (truth - mean)[names].to_dataarray().transpose("time", "variable", "y", "x")
    std = np.array([v.std for v in variables])[:, None, None]
    net = model.components["2mT"].autoencoder
    with torch.inference_mode():
        code, _ = net.encode(torch.from_numpy(left.values / std).float())
        decoded = net.decode(code).numpy() * std
    found = protocols.reconstruction(model, era5, truth)
    for i, name in enumerate(names):
        np.testing.assert_allclose(found[name], mean[name] + decoded[:, i], rtol=1e-4, atol=2e-3)


def test_residuals_are_what_the_regression_leaves(era5, model, truth):
    forecasts, left = protocols.residual(model, era5, truth, members=1)
    assert (forecasts["no residual"]["t2m_residual"] == 0).all()
    mean = xldm.downscale(era5, model.baseline("regression"), members=None, progress=False)["t2m"]
    np.testing.assert_allclose(left["t2m_residual"], truth["t2m"] - mean, atol=1e-4)


def test_sampling_compares_both_samplers_at_each_number_of_steps(era5, model, truth):
    forecasts, _ = protocols.sampling(model, era5, truth, 1, steps=(2, 3), yardstick=5)
    assert list(forecasts) == ["dpm-solver++ 2", "dpm-solver++ 3", "ddim 2", "ddim 3", "ddim 5"]


def test_truth_at_other_times_is_refused(era5, model, truth):
    with pytest.raises(InputError, match="its times are not the truth's"):
        protocols.reconstruction(model, era5, truth.isel(time=[0, 1]))


def test_a_reconstruction_needs_an_autoencoder(era5, model, truth):
    with pytest.raises(InputError, match="has no autoencoder"):
        protocols.reconstruction(model.baseline("interpolation"), era5, truth)


def test_an_unknown_protocol_is_refused_with_the_choices(era5, truth):
    with pytest.raises(InputError, match="one of comparison, residual, sampling; got 'paper'"):
        protocols.evaluate_protocol("paper", "italy-2km", era5, truth)


def test_a_protocol_gives_a_result_with_snapshots_and_provenance(era5, model, truth):
    result, snapshots = protocols.evaluate_protocol("comparison", model, era5, truth, members=2)
    assert result["forecast"].values.tolist()[4:6] == ["LDM_res", "LDM_res mean"]
    assert result.attrs["protocol"] == "comparison"
    assert '"model": "tiny"' in result.attrs["forecast_models"]
    assert [name.split(" at ")[0] for name in snapshots] == ["2 m temperature"]


def test_components_that_the_truth_lacks_are_not_drawn(era5, monkeypatch):
    rain = cfg.Variable(
        "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
    )
    parts = tiny.part(), tiny.part("rain", (rain,))
    parts = tuple(replace(part, diffusion=cfg.DiffusionConfig(steps=2)) for part in parts)
    config = tiny.config(components=parts)
    two = Model(config, tiny.static(), {p.name: tiny.network(p) for p in parts}, "a" * 64)
    alone = two.drawing(["t2m"])
    truth = xldm.downscale(era5, alone, members=None, steps=2, progress=False)
    seen = []
    comparison = protocols.comparison
    monkeypatch.setitem(
        protocols.PROTOCOLS, "comparison", lambda *args: seen.append(args[0]) or comparison(*args)
    )
    result, _ = protocols.evaluate_protocol("comparison", two, era5, truth, members=2)
    assert seen[0].config.components == alone.config.components
    assert result["variable"].values.tolist() == ["t2m"]


def test_other_models_stand_in_the_comparison_under_their_names(era5, model, truth):
    gan = model.baseline("regression")
    forecasts, _ = protocols.comparison(model, era5, truth, members=2, beside={"GAN": gan})
    assert list(forecasts) == [*SIMPLE, "UNET", "GAN", "LDM_res", "autoencoder"]
    assert "member" not in forecasts["GAN"].dims


def test_other_models_are_refused_by_other_protocols(era5, truth):
    with pytest.raises(InputError, match="for the comparison; the protocol is 'sampling'"):
        protocols.evaluate_protocol(
            "sampling", "italy-2km", era5, truth, beside={"GAN": "italy-2km"}
        )
