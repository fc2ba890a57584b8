"""Arguments and inputs that cannot be used: what is tried, and the word that its refusal names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import tiny
import xarray as xr
from conftest import cds_new
from stores import ATTRS, inputs

import xldm
from xldm.models.model import Model

HUGE = 10**5000  # too many digits for str()


class Surroundings(NamedTuple):
    """What attempts are made with; nothing of it is bad."""

    ds: xr.Dataset
    model: Model
    out: xr.Dataset
    fields: xr.Dataset
    folder: Path


class Mute:
    """An object that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def shown_as(value: Any) -> str:
    """Show a value in the name of an attempt, whatever it is."""
    try:
        text = repr(value)
    except (RuntimeError, ValueError):
        return f"{type(value).__name__} that cannot be shown"
    return text if len(text) < 40 and " at 0x" not in text else type(value).__name__


class Attempt(NamedTuple):
    named: str
    call: Callable[[Surroundings], Any]


def surroundings(folder: Path) -> Surroundings:
    """A corner of Italy, its smallest model, and what that model makes of it."""
    config = tiny.config()
    model = Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)
    ds = cds_new(times=2).sel(latitude=slice(48.5, 44.0), longitude=slice(3.5, 9.0))
    out = xldm.downscale(ds, model, steps=1)
    time = np.datetime64("2001-07-15", "ns") + np.arange(2) * np.timedelta64(1, "h")
    fields = xr.Dataset({"t2m": (("time", "y", "x"), np.ones((2, 3, 3)))}, {"time": time})
    return Surroundings(ds, model, out, fields, folder)


def _downscale(**bad: Any) -> dict[str, Callable[[Surroundings], Any]]:
    return {k: functools.partial(_with, {k: v}) for k, v in bad.items()}


def _with(bad: dict[str, Any], at: Surroundings) -> Any:
    return xldm.downscale(at.ds, at.model, **({"steps": 1} | bad))


ATTEMPTS: dict[str, Attempt] = {}


def _add(name: str, named: str, call: Callable[[Surroundings], Any]) -> None:
    assert name not in ATTEMPTS
    ATTEMPTS[name] = Attempt(named, call)


# Arguments that a refusal calls by another word.
_CALLED = {
    "tiled size": "tile measures", "tiled overlap": "overlap",
    "twin.write start": "whole hours", "twin.write stop": "whole hours",
}  # fmt: skip


def _place(value: Any) -> str:
    """Return the beginning of a place that could be, by which a refusal names it."""
    could = isinstance(value, str) and ("://" in value or value.startswith("/"))
    return value[:5] if could else ""


def _options(function: str, call: Callable[..., Any], bad: dict[str, list[Any]]) -> None:
    """Add an attempt for each bad value of each option of a function."""
    for option, values in bad.items():
        for value in values:
            shown = shown_as(value)
            _add(
                f"{function} {option}={shown}",
                _CALLED.get(f"{function} {option}") or _place(value) or option,
                functools.partial(lambda at, o, v: call(at, **{o: v}), o=option, v=value),
            )


# Values that no option takes.
_NEVER = [Mute(), {"a": 1}, 1 + 2j]
_NO_FLAG = ["no", 0, 1.0, np.array([True])]
_NO_PATH = [None, 3, b"out.zarr", "", "a\0b", ["a"], "x" * 5000, Mute()]
_NO_MODEL = [None, 3, b"italy-2km", "", "a\0b", ["italy-2km"], Mute(), xr.Dataset(), "x" * 5000]
_NO_REGION = [
    "north", 3, b"covered", (1, 2, 3), ("a", "b", "c", "d"), (9.0, 43.0, np.nan, 45.0),
    (9, 43, np.inf, 45), (12, 43, 9, 45), True, (None,) * 4, {"lon": 3}, 1 + 2j, [[9, 43, 12, 45]],
    (9 + 1j, 43, 12, 45), (True, False, True, True), Mute(),
]  # fmt: skip
_NO_ALIGN = [3, True, b"a.nc", "", "a\0b", ["a.nc"], Mute(), "/nowhere/a.nc"]
_NO_MISSING = [None, True, "Raise", b"raise", ["raise"], np.array(["raise", "climatology"]), Mute()]


def _of_downscale(at: Surroundings, **bad: Any) -> Any:
    return xldm.downscale(at.ds, at.model, **({"steps": 1} | bad))


_options(
    "downscale", _of_downscale,
    {
        "members": [
            0, -1, 1.5, 2.0, True, False, np.True_, "3", b"ab", [], [0, 0], [-1], [1.0], [True,
            False],
            "all", 10**12, 10**9, range(10**12), HUGE, [10**30], np.array([1.5]), {0: 1}, [[1]],
            np.array([[0, 1]]), float("nan"), float("inf"), 1 + 0j, Mute(), {2, 3}, np.array(3.0),
            bytearray(b"abc"), (n for n in (0, 1)), np.ones(3, bool), np.array(["0"]),
        ],
        "seed": [-1, 2**63, 1.0, 1.5, True, "1", None, HUGE, b"1", [1], float("nan"), Mute()],
        "sampler": ["DDIM", "", 3, True, b"ddim", ["ddim"], Mute()],
        "steps": [0, -1, 1.0, 2.5, True, "2", 10**9, HUGE, b"2", [2], float("nan"), np.array([1]),
            Mute()],
        "correlation": [
            -0.1, 1.1, "1", None, True, 1j, float("nan"), float("inf"), [0.5], np.array([0.5, 0.5]),
            HUGE, b"1", Mute(),
        ],
        "missing": _NO_MISSING,
        "align": _NO_ALIGN,
        "conserve": ["yes", "u10", 3, 1.0, b"t2m", ["t2m", 3], [["t2m"]], {"t2m": 1}, Mute(),
            [Mute()]],
        "device": ["gpu9", "cuda:99", 3, True, b"cpu", ["cpu"], "", "meta", Mute()],
        "dtype": ["float64", "int8", np.float32, 3, b"float32", ["float32"], "", Mute()],
        "batch_size": [0, -1, 1.5, True, "2", 2.0, HUGE, b"2", [2], Mute()],
        "compile": ["yes", 1, 0.0, None, b"", np.array([True, False]), Mute()],
        "region": _NO_REGION,
        "progress": ["no", 0, 1.0, b"", np.array([True, False]), Mute()],
    },
)  # fmt: skip

for _value in _NO_MODEL:
    _shown = shown_as(_value)
    for _name, _call in {
        "downscale": lambda at, v: xldm.downscale(at.ds, v, steps=1),
        "interpolate": lambda at, v: xldm.interpolate(at.ds, v),
        "drift": lambda at, v: xldm.drift(at.ds, v),
        "fit_alignment": lambda at, v: xldm.fit_alignment(at.ds, at.ds, v),
        "check": lambda at, v: at.ds.ldm.check(v),
        "load_model": lambda at, v: xldm.load_model(v),
        "at": lambda at, v: xldm.at(at.out, 5.5, 46.7, height=3.0, model=v),
    }.items():
        if _name == "at" and _value is None:
            continue
        if _name in ("downscale", "load_model", "at") or _shown in ("None", "b'italy-2km'"):
            _add(
                f"{_name} model={_shown}", "model",
                functools.partial(lambda at, call, v: call(at, v), call=_call, v=_value),
            )  # fmt: skip

_NO_DATASET = [
    None, 3, "era5.nc", b"era5.nc", [], {}, np.ones(3), pd.DataFrame(), xr.DataArray(1.0),
        [xr.Dataset()], Mute(),
]  # fmt: skip
for _value in _NO_DATASET:
    _shown = shown_as(_value)
    for _name, (_what, _call) in {
        "downscale": ("Dataset", lambda at, v: xldm.downscale(v, at.model)),
        "interpolate": ("Dataset", lambda at, v: xldm.interpolate(v, at.model)),
        "drift": ("Dataset", lambda at, v: xldm.drift(v, at.model)),
        "fit_alignment hist": ("Dataset", lambda at, v: xldm.fit_alignment(v, at.ds, at.model)),
        "fit_alignment ref": ("Dataset", lambda at, v: xldm.fit_alignment(at.ds, v, at.model)),
        "to_store": ("out", lambda at, v: xldm.to_store(v, at.folder / "a.zarr")),
        "to_netcdf": ("out", lambda at, v: xldm.to_netcdf(v, at.folder / "a.nc")),
        "to_regular_grid": ("Dataset", lambda at, v: xldm.to_regular_grid(v, (9, 44, 10, 45))),
        "at": ("out", lambda at, v: xldm.at(v, 5.5, 46.7)),
        "evaluate truth": ("truth", lambda at, v: xldm.evaluate({"a": at.out}, v)),
        "evaluate forecast": ("evaluated", lambda at, v: xldm.evaluate({"a": v}, at.out)),
        "evaluate forecasts": ("forecasts", lambda at, v: xldm.evaluate(v, at.out)),
        "Alignment": ("tables", lambda at, v: xldm.Alignment(v)),
    }.items():
        if isinstance(_value, xr.DataArray) and _name.startswith("evaluate"):
            continue
        _add(
            f"{_name} of {_shown}", _what,
            functools.partial(lambda at, call, v: call(at, v), call=_call, v=_value),
        )  # fmt: skip

_options(
    "check", lambda at, **bad: at.ds.ldm.check(at.model, **bad),
    {"missing": _NO_MISSING},
)  # fmt: skip
_options(
    "interpolate", lambda at, **bad: xldm.interpolate(at.ds, at.model, **bad),
    {
        "lapse_rate": ["global", True, 1j, float("nan"), float("inf"), [0.0065], b"local", HUGE,
            6.5, Mute()],
        "region": _NO_REGION,
    },
)  # fmt: skip
_options(
    "drift", lambda at, **bad: xldm.drift(at.ds, at.model, **bad),
    {"missing": _NO_MISSING, "align": _NO_ALIGN, "region": _NO_REGION[:4]},
)  # fmt: skip
_options(
    "fit_alignment", lambda at, **bad: xldm.fit_alignment(at.ds, at.ds, at.model, **bad),
    {"window": [-1, float("nan"), float("inf"), "15", True, None, 1j, 10**9, [15], HUGE, Mute()],
        "region": _NO_REGION[:4]},
)  # fmt: skip


def _at(at: Surroundings, **given: Any) -> Any:
    return xldm.at(at.out, **({"lon": 5.5, "lat": 46.7} | given))


_options(
    "at", _at,
    {
        "lon": ["east", None, 1j, float("nan"), [11.0, float("inf")], b"11", [[11.0]], {"a": 1},
            ["a"], True, [], Mute(), np.datetime64("2000"), [11.5 + 1j], HUGE],
        "lat": ["north", None, 1j, float("nan"), 91.0, b"46", {"a": 1}, True, Mute()],
        "height": ["high", 1j, b"3", {"a": 1}, True, float("inf"), Mute(),
            np.datetime64("2000")],
    },
)  # fmt: skip
_options(
    "at", lambda at, **bad: _at(at, height=100.0, model=at.model, **bad),
    {"lapse_rate": ["local", None, 1j, float("nan"), float("inf"), [0.0065], True, b"1", 6.5,
        Mute()]},
)  # fmt: skip
_options(
    "to_regular_grid", lambda at, **bad: xldm.to_regular_grid(at.ds, **({"box": (9, 45, 10,
        46)} | bad)),
    {
        "box": [None, 3, "covered", (1, 2, 3), (9, 45, np.nan, 46), (10, 45, 9, 46), ("a",) * 4,
            (9, 45, np.inf, 46), (9j, 45, 10, 46), b"abcd", (1, 2, 3, 4, 5), (9, 45, 1e12, 46),
                Mute()],
        "step": [0, -1, float("nan"), "0.25", None, True, 1j, [1], 1e-9, float("inf"), HUGE, b"1",
            Mute()],
    },
)  # fmt: skip


def _to_store(at: Surroundings, **bad: Any) -> Any:
    return xldm.to_store(at.fields, **({"url": at.folder / "store.zarr"} | bad))


def _to_netcdf(at: Surroundings, **bad: Any) -> Any:
    return xldm.to_netcdf(at.fields, **({"path": at.folder / "file.nc"} | bad))


_NO_OPTIONS = ["anon", 3, ["a"], {3: 4}, b"a", Mute(), True]
_options(
    "to_store", _to_store,
    {
        "url": [*_NO_PATH, "s4://bucket/a", "s3://key:secret@bucket/a"],
        "resume": _NO_FLAG,
        "append_dim": [3, "", "y", "nothing", True, b"time", ["time"], Mute()],
        "share": [3, (1, 1), (-1, 2), (0, 0), (0.0, 1), ("0", "1"), (0,), None, (True, 2), (0,
            HUGE), "01", Mute()],
        "keep_bits": [0, 24, -1, 1.5, True, "7", [7], HUGE, b"7", float("nan"), Mute()],
        "storage_options": _NO_OPTIONS,
        "progress": _NO_FLAG,
    },
)  # fmt: skip
_options(
    "to_netcdf", _to_netcdf,
    {
        "path": [*_NO_PATH, "s3://bucket/a.nc"],
        "every": ["day", 3, True, b"month", ["month"], "", Mute()],
        "resume": _NO_FLAG,
        "keep_bits": [0, 24, 1.5, True, "7", HUGE],
        "progress": _NO_FLAG,
    },
)  # fmt: skip
_options(
    "load_model",
    lambda at, **bad: xldm.load_model("italy-2km", **bad),
    {"progress": [None, *_NO_FLAG]},
)
_options("open_alignment", lambda at, path: xldm.open_alignment(path), {"path": _NO_PATH})
_options(
    "open_input", lambda at, **bad: xldm.open_input(**({"files": _sample()} | bad)),
    {
        "files": [None, 3, b"a.nc", "", "a\0b", [], [None], [3], [["a.nc"]], {"a": 1}, True,
            "x" * 5000, Mute(), xr.DataArray(1.0), "s4://a/b", "/nowhere/*.nc",
                [xr.DataArray(1.0)]],
        "group": [3, True, b"era5", ["era5"], "nowhere", "a\0b", Mute()],
        "storage_options": ["anon", 3, ["a"], {3: 4}, b"a", Mute(), True],
    },
)  # fmt: skip
_options(
    "open_training_store", lambda at, **bad: xldm.open_training_store(**({"url": at.folder} | bad)),
    {"url": _NO_PATH, "storage_options": _NO_OPTIONS, "dask": ["no", None, 1, Mute()]},
)  # fmt: skip


def _sample() -> Path:
    from xldm.storage import shipped

    return shipped.assets() / "era5-sample.nc"


@functools.cache
def _parts() -> dict[str, Any]:
    return inputs()


def _write(at: Surroundings, **bad: Any) -> Any:
    given = {"url": at.folder / "training.zarr", **_parts(), "attrs": ATTRS}
    return xldm.write_training_store(**(given | bad))


_options(
    "write_training_store", _write,
    {
        "url": _NO_PATH,
        "coarse": [None, 3, "a.zarr", xr.DataArray(1.0), xr.Dataset()],
        "fine": [None, xr.DataArray(1.0), xr.Dataset()],
        "static": [None, xr.DataArray(1.0), xr.Dataset(), "embedded"],
        "split": [None, 3, "random", np.zeros(3), xr.Dataset(), xr.DataArray(1),
            xr.DataArray(["a"], dims="time")],
        "attrs": [None, 3, "title", [], {}, {"title": 3}, {3: "a"}, Mute()],
        "storage_options": _NO_OPTIONS,
        "resume": _NO_FLAG,
        "progress": [True, "no", 3, Mute()],
    },
)  # fmt: skip


@functools.cache
def _tree() -> xr.DataTree:
    given = _parts()
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs=ATTRS),
            "coarse": given["coarse"], "fine": given["fine"], "static": given["static"],
            "stats": xr.Dataset(),
            "split": given["split"].to_dataset(name="split"),
        }
    )  # fmt: skip


def _train(at: Surroundings, **bad: Any) -> Any:
    given = {"preset": "tiny", "store": at.folder / "none.zarr", "folder": at.folder / "run"}
    return xldm.train(**(given | {"device": "cpu", "progress": False} | bad))


_options(
    "train", _train,
    {
        "preset": [None, 3, b"tiny", "", "a\0b", ["tiny"], {"a": 1}, "x" * 5000, Mute()],
        "store": [None, 3, b"a.zarr", "", "a\0b", ["a"], xr.Dataset(), xr.DataTree(), Mute(),
            "x" * 5000],
        "folder": [None, 3, b"run", "", "a\0b", ["a"], Mute()],
        "stage": [None, 3, "everything", b"all", ["all"], True, Mute()],
        "start": [3, b"a", "", "a\0b", ["a"], True, Mute()],
        "device": [None, 3, "gpu9", b"cpu", "", True, "meta", Mute()],
        "devices": [0, -1, 1.5, True, "1", None, HUGE, [1], Mute()],
        "allow_leaky": [None, *_NO_FLAG],
        "storage_options": _NO_OPTIONS,
        "resume": [None, *_NO_FLAG],
        "progress": [None, *_NO_FLAG],
    },
)  # fmt: skip


def _evaluate(at: Surroundings, **bad: Any) -> Any:
    truth = at.out.isel(member=0, drop=True)
    return xldm.evaluate({"a": at.out}, truth, **({"progress": False} | bad))


_options(
    "evaluate", _evaluate,
    {
        "static": [3, "a", xr.DataArray(1.0), b"a", [], Mute()],
        "thresholds": [3, "t2m", {"t2m": 3}, {"t2m": ("a",)}, {"none": (1.0,)},
            {"t2m": (np.nan,)}, {3: (1.0,)}, [1], Mute(), {"t2m": (1j,)}],
        "scores": [3, "rmse", [3], ["rmse"], [None], True, Mute(), [Mute()]],
        "align": ["best", None, 3, True, b"exact", ["exact"], Mute()],
        "parts": [0, -1, 1.5, True, "2", None, HUGE, [2], Mute()],
        "progress": ["no", 0, 1.0, np.array([True]), Mute()],
    },
)  # fmt: skip


def _batches(at: Surroundings, **bad: Any) -> Any:
    return _tree().ldm.batches(**bad)


_options(
    "batches", _batches,
    {
        "split": ["all", 3, None, b"train", ["train"], Mute()],
        "size": [3, (0, 0), (1.5, 2), "ab", (True, True), (8,), (8, 8, 8), (-8, 8),
            ("8", "8"), Mute()],
        "batch_size": [0, -1, 1.5, True, "1", None, HUGE, Mute()],
        "windows": [0, -1, 1.5, True, "1", HUGE, Mute()],
        "shuffle": [-1, 1.5, True, "1", None, Mute()],
        "dropout": [-0.1, 1.1, "0", None, True, float("nan"), 1j, Mute()],
        "subsets": [3, "t2m", [3], ["t2m"], None, b"a", Mute()],
        "sun": [None, *_NO_FLAG],
        "seed": [-1, 1.5, True, "1", None, HUGE, Mute()],
        "shard": [3, (1, 1), (-1, 2), (0, 0), (0.0, 1), None, (True, 2), "01", Mute()],
        "predictors": [3, "t2m", ["t2m"], [3], [], Mute()],
        "targets": [3, "t2m", ["t2m"], [3], []],
        "ahead": [-1, 0, 1.5, True, "1", None, Mute()],
        "cache_bytes": [-1, 1.5, True, "1", None, float("nan"), Mute()],
        "allow_leaky": [None, *_NO_FLAG],
        "place": [3, "a.zarr", Mute()],
    },
)  # fmt: skip

_options(
    "tiled", lambda at, **bad: at.model.tiled(**({"size": 8} | bad)),
    {
        "size": [0, 7, 1.5, True, "8", None, (8,), (8, 8, 8), [8.0, 8.0], HUGE, Mute()],
        "overlap": [-1, 1, 1.5, True, "0", None, 10**9, Mute()],
    },
)  # fmt: skip
_options(
    "baseline",
    lambda at, kind: at.model.baseline(kind),
    {"kind": [None, 3, "mean", ["regression"], Mute()]},
)
_options(
    "on",
    lambda at, static: at.model.on(static),
    {"static": [None, 3, "a.nc", xr.DataArray(1.0), xr.Dataset(), Mute()]},
)
_options(
    "read_component", lambda at, **bad: xldm.published.read_component(**({"source": at.folder,
        "variable": "2mT"} | bad)),
    {
        "source": [None, 3, b"a", "", "a\0b", ["a"], Mute(), "/nowhere", "s4://a/b.zip",
            "x" * 5000],
        "variable": [None, 3, "t2m", b"2mT", ["2mT"], Mute()],
    },
)  # fmt: skip
_options(
    "import_ldm_res", lambda at, **bad: xldm.published.import_ldm_res(**({"source": at.folder,
        "name": "tried"} | bad)),
    {
        "source": [3, b"a", "", "a\0b", ["a"], Mute(), "/nowhere"],
        "name": [None, 3, "", "../a", "a\0b", b"a", ["a"], "italy-2km", Mute(), "x" * 5000],
        "sample_data": [3, b"a", "", "a\0b", ["a"], Mute()],
        "variables": [None, 3, "2mT", [], ["t2m"], [3], b"UV", Mute(), [["UV"]], ["2mT", "2mT"]],
        "progress": [None, *_NO_FLAG],
    },
)  # fmt: skip


def _twin(at: Surroundings, **bad: Any) -> Any:
    from xldm import twin

    given = {"store": at.folder / "twin.zarr", "start": "2001-07-15T00", "stop": "2001-07-15T00"}
    return twin.write(**(given | bad))


_options(
    "twin.write", _twin,
    {
        "store": [None, 3, b"a", "", "a\0b", ["a"], Mute()],
        "start": [None, 3, "yesterday", "2001-13-45", b"2001-01-01", "", "2001-07-15T00:30",
            ["2001-07-15"], "NaT", Mute(), True],
        "stop": [None, "tomorrow", "NaT", 3],
        "seed": [-1, 1.5, True, "1", None, HUGE, Mute()],
    },
)  # fmt: skip
