"""Downscaling on a cluster: processes that share nothing but where the model lies."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import dask
import dask.array as da
import distributed
import numpy as np
import pytest
import tiny
import torch
import xarray as xr

import xldm
from xldm.models import pickling
from xldm.models.interpolation import Interpolation
from xldm.models.model import Model
from xldm.packages import package

WEIGHTS = 4 * sum(p.numel() for p in tiny.network(tiny.part()).parameters())
OPTIONS = {"members": 2, "steps": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package on disk."""
    folder = tmp_path_factory.mktemp("shelf") / "tiny"
    package.write(folder, tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())
    return folder


@pytest.fixture
def unwritten() -> Model:
    """A model that is in no package."""
    return Model(tiny.config(), tiny.static(), {"2mT": tiny.network(tiny.part())})


@pytest.fixture
def hours(era5: xr.Dataset) -> xr.Dataset:
    """Four hours, one chunk each."""
    last = era5.isel(valid_time=[2])
    later = last.assign_coords(valid_time=last["valid_time"] + np.timedelta64(1, "h"))
    return xr.concat([era5, later], "valid_time").chunk(valid_time=1)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the workers of a cluster have it, for sums in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """Two workers of a thread each."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def loads(client: distributed.Client) -> dict[str, int]:
    """How many models each worker has made."""

    def made() -> int:
        import sys

        module = sys.modules.get("xldm.models.pickling")
        return module._once.cache_info().misses if module else 0

    return client.run(made)


def test_a_cluster_gives_the_same_bits_and_a_worker_loads_once(
    client, folder, hours, one_thread
) -> None:
    lazy = xldm.downscale(hours, folder, **OPTIONS)
    xr.testing.assert_identical(client.compute(lazy).result(), lazy.compute())
    again = xldm.downscale(hours, folder, seed=1, **OPTIONS)
    client.compute(again).result()
    assert set(loads(client).values()) == {1}


def test_a_model_that_was_never_written_goes_along(client, unwritten, hours, one_thread) -> None:
    lazy = xldm.downscale(hours.isel(valid_time=slice(2)), unwritten, **OPTIONS)
    xr.testing.assert_identical(client.compute(lazy).result(), lazy.compute())


def test_a_package_that_changed_since_is_refused_by_its_sha256(
    client, folder, hours, tmp_path
) -> None:
    moved = shutil.copytree(folder, tmp_path / "tiny")
    planned = xldm.downscale(hours, moved, **OPTIONS)
    shutil.rmtree(moved)
    other = tiny.config(title="Another model")
    found = package.write(moved, other, {"2mT": tiny.network(tiny.part())}, tiny.static())
    with pytest.raises(package.PackageError) as caught:
        client.compute(planned).result()
    assert planned.attrs["model_sha256"] in str(caught.value) and found in str(caught.value)


def test_a_package_that_vanished_is_named_with_its_sha256(client, folder, hours, tmp_path) -> None:
    moved = shutil.copytree(folder, tmp_path / "tiny")
    planned = xldm.downscale(hours, moved, **OPTIONS)
    shutil.rmtree(moved)
    with pytest.raises(package.PackageError, match="cannot load the same model") as caught:
        client.compute(planned).result()
    assert planned.attrs["model_sha256"] in str(caught.value) and str(moved) in str(caught.value)


def test_a_worker_that_is_killed_loses_nothing(client, folder, hours, one_thread) -> None:
    lazy = xldm.downscale(hours, folder, seed=2, **OPTIONS)
    parts = [client.compute(lazy["t2m"].isel(time=[t])) for t in range(4)]
    done = next(distributed.as_completed(parts, loop=client.loop))
    (holder,) = client.who_has([done])[done.key]
    os.kill(client.run(os.getpid)[holder], signal.SIGKILL)
    found = xr.concat(client.gather(parts), "time").transpose("member", ...)
    np.testing.assert_array_equal(found, lazy["t2m"])


def test_the_graph_holds_no_weights(folder, era5) -> None:
    out = xldm.downscale(era5.chunk(), folder, **OPTIONS)
    assert len(cloudpickle.dumps(out.__dask_graph__())) < WEIGHTS / 2


def test_the_graph_of_an_unwritten_model_holds_its_weights_once(unwritten, hours) -> None:
    out = xldm.downscale(hours, unwritten, **OPTIONS)
    (whole,) = dask.optimize(out["t2m"].data)
    tasks = {key: len(cloudpickle.dumps(task)) for key, task in dict(whole.dask).items()}
    assert [str(key).split("-")[0] for key, size in tasks.items() if size > WEIGHTS / 2] == [
        "model"
    ]


def test_a_graph_that_is_only_passed_on_makes_no_model(folder, hours) -> None:
    content = pickle.dumps(xldm.downscale(hours, folder, **OPTIONS))
    before = pickling._once.cache_info().misses
    pickle.loads(content)
    assert pickling._once.cache_info().misses == before


def test_a_lazy_result_that_was_pickled_gives_the_same(folder, hours) -> None:
    out = xldm.downscale(hours.isel(valid_time=[0, 1]), folder, **OPTIONS)
    xr.testing.assert_identical(pickle.loads(pickle.dumps(out)).compute(), out.compute())


def test_the_same_question_has_the_same_name_in_every_process(client, folder, era5) -> None:
    def name(ds: xr.Dataset) -> str:
        return xldm.downscale(ds.chunk(valid_time=1), folder, **OPTIONS)["t2m"].data.name

    assert {client.submit(name, era5).result()} == {name(era5)}


def test_the_same_weights_have_the_same_name(hours) -> None:
    models = [
        Model(tiny.config(), tiny.static(), {"2mT": tiny.network(tiny.part())}) for _ in range(2)
    ]
    assert len({xldm.downscale(hours, m, **OPTIONS)["t2m"].data.name for m in models}) == 1


def test_other_weights_have_another_name(unwritten, hours) -> None:
    before = xldm.downscale(hours, unwritten, **OPTIONS)["t2m"].data.name
    unwritten.components["2mT"].denoiser.out[2].bias.data.add_(1.0)
    assert xldm.downscale(hours, unwritten, **OPTIONS)["t2m"].data.name != before


@pytest.mark.parametrize("change", [{"seed": 1}, {"members": [0, 2]}, {"steps": 3}])
def test_another_question_has_another_name(change, folder, hours) -> None:
    names = {
        xldm.downscale(hours, folder, **options)["t2m"].data.name
        for options in (OPTIONS, {**OPTIONS, **change})
    }
    assert len(names) == 2


def test_threads_that_ask_at_once_make_one_model(folder) -> None:
    known = pickling.Origin.of(package.read(folder))
    pickling._once.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(pickling.made, [known] * 4))
    assert len({id(m) for m in models}) == 1 and pickling._once.cache_info().misses == 1


def test_the_next_hours_are_read_while_the_networks_run(hours) -> None:
    second = threading.Event()

    class Waiting(Interpolation):
        def draw(self, condition, noise, sampling):
            assert second.wait(60), "nothing was read while the networks were at work"
            return super().draw(condition, noise, sampling)

    seen = []

    def read(block):
        seen.append(block.shape)
        if len(seen) == 2:
            second.set()
        return block

    config = tiny.config()
    model = Model(config, tiny.static(), {"2mT": Waiting(config.predictors, config.targets, 8)})
    hours["msl"] = hours["msl"].copy(data=da.map_blocks(read, hours["msl"].data, dtype="f4"))
    out = xldm.downscale(hours, model, members=None)
    seen.clear()  # the check looked at some values
    second.clear()
    with dask.config.set(scheduler="threads", num_workers=2):
        out.compute()


def test_importing_and_downscaling_leave_the_number_of_threads(folder, hours) -> None:
    before = torch.get_num_threads()
    xldm.downscale(hours.isel(valid_time=[0]), folder, members=1, steps=1).compute()
    assert torch.get_num_threads() == before
