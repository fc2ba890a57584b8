"""Secrets in URLs and options appear in nothing that xldm shows or writes."""

from __future__ import annotations

import logging
import pickle
import traceback
import warnings
from pathlib import Path

import pytest
import server
import tiny
from hypothesis import given
from hypothesis import strategies as st

import xldm
from xldm.cli import main
from xldm.inputs.files.opening import open_input
from xldm.models.pickling import Origin
from xldm.packages import package
from xldm.packages.registry import load_model
from xldm.published import import_ldm_res, read_component
from xldm.published.dataset_files import find
from xldm.storage.location import locate, shown
from xldm.storage.zips import fetch

SECRET = "hu5h"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A server with a package as a zip, and a zip that is none."""
    folder = tmp_path_factory.mktemp("web")
    package.write(folder / "tiny", tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())
    import shutil

    shutil.make_archive(str(folder / "tiny"), "zip", folder, "tiny")
    (folder / "bad.zip").write_bytes(b"no zip")
    (folder / "bad.nc").write_bytes(b"no netCDF")
    with server.serve(folder) as running:
        yield running.url.replace("://", f"://me:{SECRET}@")


def everything(error: BaseException) -> str:
    """Return all that an error and those behind it can show."""
    seen, left = [], [error]
    while left:
        one = left.pop()
        seen += ["".join(traceback.format_exception(one)), repr(one), repr(vars(one))]
        left += [e for e in (one.__cause__, one.__context__) if e is not None]
    return "\n".join(seen)


URLS = [
    f"https://127.0.0.1:1/tiny?sig={SECRET}", f"https://me:{SECRET}@127.0.0.1:1/tiny",
    f"https://{SECRET}@127.0.0.1:1/tiny.zip", f"http://me:{SECRET}/x@127.0.0.1:1/tiny.zip?sig={SECRET}",
    f"http://127.0.0.1:1/tiny.zip?a=b&X-Amz-Signature={SECRET}#{SECRET}",
    f"none://me:{SECRET}@host/x", f"none://me:{SECRET}@host/x.zip",
    f"memory://me:{SECRET}@host/x.zip", f"zip://x::http://me:{SECRET}@127.0.0.1:1/tiny.zip",
    f"simplecache::http://me:{SECRET}@127.0.0.1:1/tiny", f"http:/me:{SECRET}@127.0.0.1/tiny",
    f"http://me:{SECRET}@[bad/tiny.zip", f"http://me:{SECRET}@127.0.0.1:99999/tiny",
    f"ftp://me:{SECRET}@127.0.0.1:1/tiny", "WEB/none.zip", "WEB/bad.zip", "WEB/none",
    f"WEB/bad.nc?sig={SECRET}", f"WEB/none.zip?sig={SECRET}",
]  # fmt: skip
ACTS = {
    "load_model": lambda url: load_model(url, progress=False),
    "read": package.read,
    "planned": lambda url: package._again(url, "0" * 64),
    "import": lambda url: import_ldm_res(url, "mine", progress=False),
    "component": lambda url: read_component(url, "2mT", progress=False),
    "dataset": lambda url: find([url]),
    "fetch": lambda url: fetch(url, ["x"], Path(), progress=False),
    "input": open_input,
    "store": locate,
    "catalog": lambda url: xldm.open_catalog().training_store(url=url).read(),
}


@pytest.mark.parametrize("act", ACTS)
def test_no_error_shows_a_secret(web, act, caplog, capfd, monkeypatch, tmp_path):
    from xldm.storage import zips

    monkeypatch.setattr(zips, "PAUSES", (0,))
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG, "xldm")
    shows = []
    for url in URLS:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                ACTS[act](url.replace("WEB", web))
            except xldm.XldmError as error:
                if SECRET in everything(error):
                    shows.append((url, everything(error)))
        shows += [(url, str(w.message)) for w in warned if SECRET in str(w.message)]
    assert shows == []
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("command", [["info"], ["import", "mine", "--source"]])
def test_the_command_line_shows_no_secret(web, command, capfd):
    for url in URLS:
        main(["models", *command, url.replace("WEB", web)])
    assert SECRET not in "".join(capfd.readouterr())


def test_a_loaded_model_shows_and_writes_no_secret(web, cache, caplog):
    caplog.set_level(logging.DEBUG, "xldm")
    model = load_model(f"{web}/tiny.zip?sig={SECRET}", progress=False)
    assert SECRET not in f"{model!r} {model._repr_html_()} {Origin.of(model)!r} {caplog.text}"
    assert not [p for p in cache.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert SECRET.encode() in pickle.dumps(model)  # a worker has to reach the package, too


@given(st.text(st.characters(exclude_characters="/@:?#"), min_size=1), st.booleans())
def test_neither_user_nor_password_nor_query_is_shown(host, query):
    url = f"https://{SECRET}:{SECRET}@{host}/a.zip" + f"?sig={SECRET}" * query
    assert shown(url) == f"https://{host}/a.zip"


@given(st.text())
def test_a_path_without_a_protocol_is_shown_as_it_is(path):
    if ":/" not in path:
        assert shown(path) == path
