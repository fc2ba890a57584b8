"""Configurations: what is read is what was written, and nothing unknown gets in."""

import inspect
from dataclasses import is_dataclass, replace
from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import tiny
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import xldm.config
from xldm.config import (
    AutoencoderConfig,
    DiffusionConfig,
    GridConfig,
    ModelConfig,
    RegressionConfig,
    Variable,
    from_loaded,
    from_yaml,
    load_yaml,
    to_yaml,
)
from xldm.errors import ArgumentError, ConfigError
from xldm.inputs.lists import predictor_variables
from xldm.plain_yaml import dump_yaml
from xldm.training.preset import Part, Preset
from xldm.training.stages import STAGES

NAMES = st.text("abcdefghij", min_size=1, max_size=8)
NUMBERS = st.floats(-1e6, 1e6)


@given(name=NAMES, mean=NUMBERS, std=st.floats(1e-2, 1e6), level=st.none() | st.floats(1, 1e3))
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": "wide"}, "GridConfig: x: input should be a valid tuple; got 'wide'"),
        ({"spacing": float("nan")}, "spacing: .*finite number; got nan"),
        ({"crs": "EPSG:99999999"}, "crs: PROJ knows no projection 'EPSG:99999999'"),
        ({"crs": "EPSG:4326"}, "crs: 'EPSG:4326' is no projection in metres"),
        ({"crs": "EPSG:2263"}, "crs: 'EPSG:2263' is no projection in metres"),  # in feet
        ({"step": 16.0}, "step: unexpected keyword argument"),
        ({"x": (1.0,), "factor": 0}, "x.1: field required; factor: .*greater than 0; got 0"),
    ],
)
def test_a_grid_made_in_python_is_refused_in_our_words(change, said):
    fits = {"crs": "EPSG:3035", "x": (0.0, 160e3), "y": (160e3, 0.0), "spacing": 16e3}
    with pytest.raises(ArgumentError, match=said):
        GridConfig(**(fits | change))


def test_a_positional_argument_is_named():
    with pytest.raises(ArgumentError, match="crs: input should be a valid string; got 5"):
        GridConfig(5, (0.0, 160e3), (160e3, 0.0), 16e3)


def test_an_odd_latent_is_refused():
    with pytest.raises(ValueError, match=r"must be even, .* got \(4, 5\)"):
        AutoencoderConfig((4, 5))


def test_targets_named_twice_are_refused():
    twice = (tiny.part("a"), tiny.part("b"))
    with pytest.raises(ValueError, match="targets named twice: t2m"):
        tiny.config(components=twice)


def test_configurations_are_frozen():
    with pytest.raises(AttributeError):
        tiny.config().name = "other"


RAIN = Variable(
    "tp", "lwe_thickness_of_precipitation_amount", "m", 0.5, 1.2,
    transform="log1p", transform_scale=1e-4, lower=0.0,
)  # fmt: skip


def test_a_transform_and_bounds_are_written_and_read_back():
    text = to_yaml(RAIN)
    assert "transform: log1p" in text and "upper" not in text
    assert from_yaml(Variable, text) == RAIN


def test_a_plain_variable_is_written_without_the_keys_that_came_later():
    plain = replace(RAIN, transform="linear", transform_scale=1.0, lower=None)
    keys = "name standard_name units mean std level paper_name long_name"
    assert list(yaml.safe_load(to_yaml(plain))) == keys.split()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transform": "cube"}, "transform must be one of linear, log1p, cbrt; got 'cube'"),
        ({"lower": 1.0, "upper": 0.5}, "lower 1.0 is not below upper 0.5"),
        ({"transform_scale": 0.0}, "greater than or equal to"),
        ({"time_method": "maximum"}, "'point', 'sum' or 'mean'"),
    ],
)
def test_faults_of_a_variable_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RAIN, **change)


@pytest.mark.parametrize(
    ("name", "over_time", "at_sea"),
    [("tp", "sum", False), ("ssrd", "sum", False), ("t2m", "point", False), ("sst", "point", True)],
)
def test_a_variable_without_the_later_keys_means_what_the_vocabulary_says(name, over_time, at_sea):
    (variable,) = predictor_variables([name])
    assert (variable.over_time, variable.only_at_sea) == (over_time, at_sea)


def test_intervals_that_differ_among_targets_are_refused():
    long = replace(RAIN, name="rain", time_method="sum", interval=3.0)
    with pytest.raises(ValueError, match="targets are sums or means over 1, 3 hours"):
        tiny.config(components=(tiny.part("all", (RAIN, long)),))


PARTS = {"crs": "EPSG:3035", "x": (0.0, 160e3), "y": (160e3, 0.0), "spacing": 16e3, "factor": 8}
NO_NUMBERS = st.booleans() | st.integers().map(str) | st.binary() | st.booleans().map(np.bool_)
WRONG = {
    int: NO_NUMBERS, float: NO_NUMBERS, bool: st.sampled_from([0, 1, 0.0, "yes", np.int64(1)]),
    str: st.binary() | st.integers(), tuple: st.text() | st.frozensets(st.integers(1, 9)),
}  # fmt: skip
EVERY = [*(p.phase for p in STAGES.values()), Part, Preset, *(
    c for c in vars(xldm.config).values() if is_dataclass(c) and c.__module__.startswith("xldm.")
)]  # fmt: skip


def plain(hint):
    """The plain type of a field that has one: not of settings within settings."""
    if get_origin(hint) in (Union, UnionType):
        return plain(next(a for a in get_args(hint) if a is not type(None)))
    return plain(get_args(hint)[0]) if get_origin(hint) is Annotated else get_origin(hint) or hint


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_values_of_another_kind_are_refused_in_every_field_of_all_settings(kind, data):
    typed = {n: plain(h) for n, h in get_type_hints(kind, include_extras=True).items()}
    name = data.draw(st.sampled_from([n for n, t in typed.items() if t in WRONG]))
    value = data.draw(WRONG[typed[name]])
    with pytest.raises(ArgumentError, match=rf"[:;] {name}: input should be a valid [a-z]+; got "):
        kind(**{name: value})
    with pytest.raises(ConfigError, match=rf"[:;] {name}: input should be a valid [a-z]+; got "):
        from_loaded(kind, {name: value})


@pytest.mark.parametrize("cast", [int, float, np.int32, np.int64, np.float32, np.float64, np.array])
def test_numbers_of_python_and_numpy_are_taken(cast):
    made = GridConfig(**(PARTS | {"spacing": cast(16000), "factor": cast(8)}))
    assert made == GridConfig(**PARTS) and type(made.factor) is int


@pytest.mark.parametrize("cast", [list, np.array])
def test_a_list_or_an_array_is_taken_for_a_tuple(cast):
    assert GridConfig(**(PARTS | {"x": cast(PARTS["x"])})) == GridConfig(**PARTS)


@pytest.mark.parametrize("value", [True, "1", b"1", {0.0, 160e3}])
def test_values_of_another_kind_are_refused_within_lists_and_keys(value):
    with pytest.raises(ArgumentError, match=r"DiffusionConfig: persistence\."):
        DiffusionConfig(persistence={1.0: value})
    with pytest.raises(ArgumentError, match=r"RegressionConfig: features\.1: "):
        RegressionConfig(features=(8, value))


@pytest.mark.parametrize("key", [1, 1.0, np.float32(1), "1.0"])
def test_a_number_that_is_a_key_may_be_a_text_as_packages_write_it(key):
    assert DiffusionConfig(persistence={key: 0.5}).persistence == {1.0: 0.5}


@pytest.mark.parametrize("key", [True, np.bool_(True), "x", b"1", ""])
def test_a_key_that_is_no_number_is_refused(key):
    with pytest.raises(ArgumentError, match="persistence"):
        DiffusionConfig(persistence={key: 0.5})


def test_a_schema_version_that_is_no_number_is_refused():
    with pytest.raises(ArgumentError, match="schema_version: input should be a valid integer"):
        tiny.config(schema_version=True)


def test_a_difference_of_times_is_no_number():
    with pytest.raises(ArgumentError, match="spacing: input should be a valid number"):
        GridConfig(**(PARTS | {"spacing": np.timedelta64(16000)}))


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.e-4", "+1e-4", ".1e-3", "0.0001"])
def test_yaml_reads_numbers_with_an_exponent(text):
    assert from_yaml(DiffusionConfig, f"beta_start: {text}").beta_start == 1e-4


@given(st.text("0123456789eE+-._", min_size=1, max_size=8))
def test_a_text_that_looks_like_a_number_survives_yaml(text):
    assert load_yaml(dump_yaml({"title": text})) == {"title": text}


def test_help_shows_the_types_as_they_are_written():
    assert "spacing: 'Annotated[float, Field(gt=0)]'" in str(inspect.signature(GridConfig))
