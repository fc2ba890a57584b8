"""A small store, and presets of a few steps."""

from __future__ import annotations

import pytest
import torch
import training_store
import xarray as xr

from xldm.training.preset import Preset, read_preset


@pytest.fixture(scope="session")
def store() -> xr.DataTree:
    return training_store.made()


@pytest.fixture(scope="session")
def preset() -> Preset:
    """The shipped tiny preset."""
    return read_preset("tiny")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Sums in the same order in every process, and two cores for two of them.

    Before any fixture of a module trains, hence of its scope.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
