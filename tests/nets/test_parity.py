"""Every array that the authors' code computed with checkpoints of the release's format."""

import numpy as np
import pytest
import torch

from xldm import published
from xldm.training.losses import diffusion_loss

TOLERANCE = 1e-4  # of the largest expected value; float32 on the CPU


@pytest.fixture(scope="module")
def mini(shared):
    return shared / "reference" / "mini-2mT"


@pytest.fixture(scope="module")
def expected(mini):
    with np.load(mini / "expected.npz") as arrays:
        return {name: torch.from_numpy(np.asarray(arrays[name])) for name in arrays.files}


@pytest.fixture(scope="module")
def component(mini):
    return published.read_component(mini, "2mT")


@pytest.fixture(scope="module")
def raw(mini):
    """The component with the denoiser's raw weights, before averaging."""
    component = published.read_component(mini, "2mT")
    path = mini / "pretrained_models" / "LDM_residual_2mT.ckpt"
    state = torch.load(path, weights_only=True)["state_dict"]
    beginning = "denoiser."
    component.denoiser.load_state_dict(
        {k.removeprefix(beginning): v for k, v in state.items() if k.startswith(beginning)}
    )
    return component


@pytest.fixture(scope="module")
def computed(component, raw, expected):
    """Every array of the reference that we can compute, by its name there."""
    e = expected
    with torch.inference_mode():
        mean, log_var = component.autoencoder.encode(e["residual"])
        condition = component.condition(e["low_res"], component.prepare(e["static"]))
        context = condition.context
        out = {
            "unet_output": condition.mean,
            "latent_mean": mean,
            "latent_log_var": log_var,
            "decoded_latent_mean": component.autoencoder.decode(mean),
            "denoiser_raw_v_t500": raw.denoiser(e["x_T"], torch.tensor([500]), context),
            "v_loss_t321": diffusion_loss(
                raw.denoiser,
                raw.schedule,
                e["latent_mean"],
                context,
                torch.tensor([321]),
                e["loss_noise"],
            ),
        }
        for level in context:
            out["context_{}x{}".format(*level.shape[2:])] = level
        for t in (0, 17, 500, 999):
            v = component.denoiser(e["x_T"], torch.tensor([t]), context)
            out[f"denoiser_ema_v_t{t}"] = v
        for steps in (4, 10, 100):
            field = component.sample(
                e["low_res"], e["static"], sampler="ddim", steps=steps, noise=e["x_T"]
            )
            latent = component.draw_latent(condition, e["x_T"], "ddim", steps)
            out |= {f"field_S{steps}": field, f"ddim_latent_S{steps}": latent}
    return out


INPUTS = {"low_res", "static", "residual", "x_T", "loss_noise"}


def test_every_expected_array_is_compared(expected, computed):
    assert set(computed) == set(expected) - INPUTS


@pytest.mark.parametrize(
    "name",
    [
        "unet_output", "latent_mean", "latent_log_var", "decoded_latent_mean",
        "context_16x20", "context_8x10", "context_4x5",
        "denoiser_ema_v_t0", "denoiser_ema_v_t17", "denoiser_ema_v_t500", "denoiser_ema_v_t999",
        "denoiser_raw_v_t500", "v_loss_t321",
        "ddim_latent_S4", "ddim_latent_S10", "ddim_latent_S100",
        "field_S4", "field_S10", "field_S100",
    ],
)  # fmt: skip
def test_array_agrees_with_the_reference(name, expected, computed):
    want = expected[name].numpy()
    got = computed[name].numpy()
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= TOLERANCE * np.abs(want).max()
