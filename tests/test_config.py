"""Configurations: what is read is what was written, and nothing unknown gets in."""

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from xldm.config import (
    AutoencoderConfig,
    DiffusionConfig,
    GridConfig,
    ModelConfig,
    Variable,
    from_yaml,
    to_yaml,
)
from xldm.errors import ConfigError

NAMES = st.text("abcdefghij", min_size=1, max_size=8)
NUMBERS = st.floats(-1e6, 1e6)


@given(name=NAMES, mean=NUMBERS, std=st.floats(1e-6, 1e6), level=st.none() | st.floats(1, 1e3))
def test_a_variable_survives_yaml(name, mean, std, level):
    variable = Variable(name, "air_temperature", "K", mean, std, level)
    assert from_yaml(Variable, to_yaml(variable)) == variable


def test_a_model_survives_yaml():
    assert from_yaml(ModelConfig, to_yaml(tiny.config())) == tiny.config()


def test_an_unknown_key_is_refused_with_its_place():
    text = to_yaml(tiny.config()).replace("multipliers", "multiplyers")
    with pytest.raises(ConfigError, match=r"components\.0\.denoiser\.multiplyers: unexpected"):
        from_yaml(ModelConfig, text)


def test_every_fault_is_named_at_once():
    with pytest.raises(ConfigError) as error:
        from_yaml(DiffusionConfig, "{sampler: euler, steps: 0}")
    assert "sampler" in str(error.value) and "steps" in str(error.value)


def test_yaml_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="not valid YAML"):
        from_yaml(DiffusionConfig, "steps: [1")


def test_a_file_is_named_in_the_error(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("steps: x")
    with pytest.raises(ConfigError, match=r"model\.yaml"):
        from_yaml(DiffusionConfig, path)


def test_a_grid_of_broken_cells_is_refused():
    with pytest.raises(ValueError, match="not a whole number of steps"):
        GridConfig("EPSG:3035", x=(0.0, 100.0), y=(0.0, 30.0), spacing=16.0)


def test_an_odd_latent_is_refused():
    with pytest.raises(ValueError, match=r"so it is even; got \(4, 5\)"):
        AutoencoderConfig((4, 5))


def test_targets_named_twice_are_refused():
    twice = (tiny.part("a"), tiny.part("b"))
    with pytest.raises(ValueError, match="targets named twice: t2m"):
        tiny.config(components=twice)


def test_configurations_are_frozen():
    with pytest.raises(AttributeError):
        tiny.config().name = "other"
