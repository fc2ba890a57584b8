"""A model draws the same fields whatever is drawn with them, and says what it is."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from xldm.errors import ArgumentError
from xldm.models import on_device
from xldm.models.components import ResidualDiffusion
from xldm.models.downscaler import Sampling
from xldm.models.model import Model

TIMES = np.array(["2020-01-01T00", "2020-01-01T01", "2020-07-01T12"], "datetime64[ns]")


@pytest.fixture(scope="module")
def model():
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])})


@pytest.fixture(scope="module")
def coarse():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 14, *tiny.GRID.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def drawn(model, coarse):
    return model.fields(coarse, TIMES, Sampling(members=range(3), steps=2))


def test_a_field_does_not_depend_on_the_times_drawn_with_it(model, coarse, drawn):
    alone = model.fields(coarse[1:2], TIMES[1:2], Sampling(members=range(3), steps=2))
    np.testing.assert_array_equal(alone[:, 0], drawn[:, 1])


def test_a_field_does_not_depend_on_the_order_of_times(model, coarse, drawn):
    back = model.fields(coarse[::-1].copy(), TIMES[::-1], Sampling(members=range(3), steps=2))
    np.testing.assert_array_equal(back[:, ::-1], drawn)


def test_a_member_does_not_depend_on_the_members_drawn_with_it(model, coarse, drawn):
    alone = model.fields(coarse, TIMES, Sampling(members=(2,), steps=2))
    np.testing.assert_array_equal(alone[0], drawn[2])


def test_a_field_does_not_depend_on_the_batch_size(model, coarse, drawn):
    batched = model.fields(coarse, TIMES, Sampling(members=range(3), steps=2), batch_size=3)
    np.testing.assert_array_equal(batched, drawn)


@pytest.mark.parametrize("together", [2, 3, 6, 9])
def test_hours_and_members_drawn_together_are_the_same_within_rounding(
    together, model, coarse, drawn, monkeypatch
):
    # As an accelerator takes them.
    fields = on_device.OnDevice.draw

    def many(self, out, work, *given):
        return fields(self, out, replace(work, together=together), *given)

    monkeypatch.setattr(on_device.OnDevice, "draw", many)
    out = model.fields(coarse, TIMES, Sampling(members=range(3), steps=2))
    np.testing.assert_allclose(out, drawn, atol=1e-3 * drawn.std())


def test_a_model_without_noise_gives_every_member_its_one_field(model, coarse):
    mean = model.baseline("regression")
    fields = mean.fields(coarse, TIMES, Sampling(members=(0, 4)))
    np.testing.assert_array_equal(fields[0], fields[1])


def test_every_field_is_told_of_once(model, coarse):
    seen = []
    model.fields(coarse, TIMES, Sampling(members=range(2), steps=1), observe=seen.append)
    assert sum(seen) == 6


def test_members_differ(drawn):
    assert np.abs(drawn[0] - drawn[1]).max() > 0


def test_seeds_differ(model, coarse, drawn):
    other = model.fields(coarse[:1], TIMES[:1], Sampling(members=(0,), seed=1, steps=2))
    assert np.abs(other[0, 0] - drawn[0, 0]).max() > 0


def test_the_global_random_state_is_neither_used_nor_changed(model, coarse, drawn):
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1]
    again = model.fields(coarse, TIMES, Sampling(members=range(3), steps=2))
    np.testing.assert_array_equal(again, drawn)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])


def test_a_model_that_was_pickled_draws_the_same(model, coarse, drawn):
    copy = pickle.loads(pickle.dumps(model))
    again = copy.fields(coarse[:1], TIMES[:1], Sampling(members=(0,), steps=2))
    np.testing.assert_array_equal(again[0, 0], drawn[0, 0])


def test_a_deep_copy_has_weights_of_its_own(model, coarse, drawn):
    other = copy.deepcopy(model)
    other.components["2mT"].denoiser.out[2].bias.data.add_(1.0)
    again = model.fields(coarse[:1], TIMES[:1], Sampling(members=(0,), steps=2))
    np.testing.assert_array_equal(again[0, 0], drawn[0, 0])


def test_a_window_keeps_the_noise_of_the_whole_grid(model, coarse, monkeypatch):
    seen, draw = [], ResidualDiffusion.draw

    def watched(self, condition, noise, sampling):
        seen.append(noise)
        return draw(self, condition, noise, sampling)

    monkeypatch.setattr(ResidualDiffusion, "draw", watched)
    rows, columns = slice(2, 6), slice(4, 8)
    model.fields(coarse[:1], TIMES[:1], Sampling(steps=1))
    part = coarse[:1, :, rows, columns]
    model.fields(part, TIMES[:1], Sampling(steps=1), rows=rows, columns=columns)
    whole, window = seen
    assert torch.equal(window, whole[:, :, rows, columns])


def test_an_unknown_baseline_lists_the_choices(model):
    with pytest.raises(ValueError, match="'interpolation' or 'regression'"):
        model.baseline("cubic")


def test_interpolation_has_no_regression_to_take_alone(model):
    with pytest.raises(ArgumentError, match="Interpolation has no regression"):
        model.baseline("interpolation").baseline("regression")


def test_the_regression_of_a_regression_is_itself(model, coarse):
    once = model.baseline("regression")
    again = once.baseline("regression").fields(coarse, TIMES, Sampling())
    np.testing.assert_array_equal(again, once.fields(coarse, TIMES, Sampling()))


def test_dry_land_has_the_papers_value_and_not_nan(model, coarse):
    holes = coarse.copy()
    sst = [v.name for v in model.config.predictors].index("sst")
    holes[:, sst, :4] = np.nan
    filled = holes.copy()
    filled[:, sst, :4] = -10.0  # mean 0 and standard deviation 1 in this configuration
    draws = [model.fields(c[:1], TIMES[:1], Sampling(steps=2)) for c in (holes, filled)]
    np.testing.assert_array_equal(*draws)


def test_a_notebook_shows_the_card(model):
    assert "tiny" in model._repr_html_() and "Apache-2.0" in repr(model)
