"""Models are found by name, path or URL, and only whole ones are kept."""

from __future__ import annotations

import os
import pickle
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import server
import tiny

from xldm.errors import PackageError, RegistryError
from xldm.packages import package, registry
from xldm.packages.package_files import PackageFiles
from xldm.packages.registry import list_models, load_model
from xldm.storage.aside import DAY


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one package and the same as a zip."""
    folder = tmp_path_factory.mktemp("shelf")
    package.write(folder / "tiny", tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())
    shutil.make_archive(str(folder / "tiny"), "zip", folder, "tiny")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def register(monkeypatch: pytest.MonkeyPatch, **entry: object) -> None:
    known = {"shelved": {"targets": ["t2m"], **entry}}
    monkeypatch.setattr(registry, "entries", lambda: known)


def left_over(cache: Path) -> list[Path]:
    return list((cache / "packages").glob("*"))


def test_the_table_has_the_columns_that_are_promised() -> None:
    table = list_models()
    assert table.index.name == "name"
    assert list(table) == ["domain", "targets", "size", "source", "licence", "sha256"]


def test_the_embedded_and_the_published_model_are_listed() -> None:
    assert {"italy-2km", "italy-2km-ldm-res"} <= set(list_models().index)


def test_the_embedded_model_is_the_one_that_the_table_means() -> None:
    assert load_model("italy-2km").sha256 == registry.entries()["italy-2km"]["sha256"]


def test_a_misspelt_name_is_put_right() -> None:
    with pytest.raises(RegistryError, match="did you mean italy-2km"):
        load_model("itly-2km")


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(RegistryError, match="Known are italy-2km, italy-2km-ldm-res"):
        load_model("qqq")


def test_a_model_is_handed_back(shelf: Path) -> None:
    model = load_model(shelf / "tiny")
    assert load_model(model) is model


@pytest.mark.parametrize("name", ["tiny", "tiny.zip"])
def test_a_path_is_read(shelf: Path, name: str) -> None:
    assert load_model(str(shelf / name)).config.name == "tiny"


def test_an_imported_model_is_found_by_name(shelf: Path, cache: Path) -> None:
    shutil.copytree(shelf / "tiny", cache / "models" / "mine")
    assert load_model("mine").config.name == "tiny"


def test_a_model_travels_as_its_name(
    shelf: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shelf / "tiny", cache / "models" / "mine")
    content = pickle.dumps(load_model("mine"))
    # Another machine keeps its imported models elsewhere.
    (tmp_path / "there").mkdir()
    cache.rename(tmp_path / "there" / "cache")
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "there" / "cache"))
    assert pickle.loads(content).config.name == "tiny"


def test_a_model_that_is_not_imported_where_it_arrives_is_named_with_its_hash(
    shelf: Path, cache: Path
) -> None:
    shutil.copytree(shelf / "tiny", cache / "models" / "ours")
    model = load_model("ours")
    content = pickle.dumps(model)
    shutil.rmtree(cache)
    with pytest.raises(PackageError, match="no model 'ours'") as caught:
        pickle.loads(content)
    assert model.sha256 in str(caught.value)


def test_a_model_from_a_url_goes_through_the_cache_of_whoever_needs_it(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.serve(shelf) as web:
        model = load_model(f"{web.url}/tiny", progress=False)
        content = pickle.dumps(model)
        monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "there"))
        assert pickle.loads(content).sha256 == model.sha256
    assert [p.name for p in left_over(tmp_path / "there")] == [model.sha256]


@pytest.mark.parametrize("name", ["tiny", "tiny.zip"])
def test_storage_options_reach_the_url_and_travel_with_the_model(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kept = tmp_path / "kept"
    with server.serve(shelf) as web:
        options = {"simplecache": {"cache_storage": str(kept)}}
        url = f"simplecache::{web.url}/{name}"
        model = load_model(url, storage_options=options, progress=False)
        assert list(kept.iterdir())
        content = pickle.dumps(model)
        monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "there"))
        shutil.rmtree(kept)
        assert pickle.loads(content).sha256 == model.sha256
    assert list(kept.iterdir())


def test_an_imported_model_is_listed(shelf: Path, cache: Path) -> None:
    shutil.copytree(shelf / "tiny", cache / "models" / "mine")
    assert list_models().loc["mine", "sha256"] == package.read(shelf / "tiny").sha256


def test_a_broken_import_does_not_hide_the_others(cache: Path) -> None:
    (cache / "models" / "mine").mkdir(parents=True)
    (cache / "models" / "mine" / "model.yaml").write_text("name: 1")
    assert "cannot be used" in list_models().loc["mine", "source"]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="cannot name a model"):
        registry.imported(name)


def test_the_published_model_explains_how_to_get_it() -> None:
    with pytest.raises(RegistryError) as caught:
        load_model("italy-2km-ldm-res")
    for part in ("xldm models import italy-2km-ldm-res", "12 GB", "not stated", "12934521"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["tiny", "tiny.zip"])
def test_a_url_is_downloaded_once(shelf: Path, name: str) -> None:
    with server.serve(shelf) as web:
        first = load_model(f"{web.url}/{name}", progress=False)
        cost, web.sent = web.sent, 0
        again = load_model(f"{web.url}/{name}", progress=False)
        assert again.sha256 == first.sha256
        assert web.sent < cost / 2


def test_a_folder_needs_no_byte_ranges(shelf: Path) -> None:
    with server.serve(shelf, ranges=False) as web:
        assert load_model(f"{web.url}/tiny", progress=False).config.name == "tiny"


def test_what_killed_downloads_left_goes_after_a_day(shelf: Path, cache: Path) -> None:
    for name, age in (("old", DAY + 9), ("young", 0.0)):
        made = cache / "packages" / f".partial-{name}"
        made.mkdir(parents=True)
        os.utime(made, (0, time.time() - age))
    load_model(f"file://{shelf / 'tiny'}")
    assert [p.name for p in (cache / "packages").glob(".*")] == [".partial-young"]


def test_a_download_is_kept_under_its_hash(shelf: Path, cache: Path) -> None:
    with server.serve(shelf) as web:
        model = load_model(f"{web.url}/tiny", progress=False)
    assert [p.name for p in left_over(cache)] == [model.sha256]


def test_a_registered_download_needs_no_network_the_second_time(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = package.read(shelf / "tiny").sha256
    with server.serve(shelf) as web:
        register(monkeypatch, location=f"{web.url}/tiny", sha256=sha256)
        load_model("shelved", progress=False)
    assert load_model("shelved", progress=False).sha256 == sha256


def test_a_registered_download_with_another_hash_is_refused_before_it_is_fetched(
    shelf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.serve(shelf) as web:
        register(monkeypatch, location=f"{web.url}/tiny", sha256="0" * 64)
        with pytest.raises(PackageError, match="expected 000"):
            load_model("shelved", progress=False)
        assert web.sent == (shelf / "tiny" / "model.yaml").stat().st_size
    assert left_over(cache) == []


def test_an_interrupted_download_leaves_nothing(
    shelf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = PackageFiles.pieces

    def interrupted(files: PackageFiles, name: str, most: int | None = None) -> Iterator[bytes]:
        yield from pieces(files, name, most)
        if name == "static.nc":
            raise KeyboardInterrupt

    monkeypatch.setattr(PackageFiles, "pieces", interrupted)
    with server.serve(shelf) as web, pytest.raises(KeyboardInterrupt):
        load_model(f"{web.url}/tiny", progress=False)
    assert left_over(cache) == []


def test_a_download_that_is_cut_off_leaves_nothing(shelf: Path, cache: Path) -> None:
    with server.serve(shelf) as web:
        web.broken = 1
        with pytest.raises(PackageError, match="no connection"):
            load_model(f"{web.url}/tiny", progress=False)
        assert web.broken == 0
    assert left_over(cache) == []


def test_a_server_that_is_not_there_is_an_error_of_its_own(shelf: Path) -> None:
    with server.serve(shelf) as web:
        url = web.url
    with pytest.raises(PackageError, match="no connection"):
        load_model(f"{url}/tiny", progress=False)


def test_an_altered_download_is_not_kept(shelf: Path, cache: Path, tmp_path: Path) -> None:
    bad = shutil.copytree(shelf / "tiny", tmp_path / "web" / "tiny")
    (bad / "README.md").write_text("better than it is")
    altered = pytest.raises(PackageError, match=r"README\.md was altered")
    with server.serve(tmp_path / "web") as web, altered:
        load_model(f"{web.url}/tiny", progress=False)
    assert left_over(cache) == []


def test_downloads_at_the_same_time_do_not_disturb_each_other(shelf: Path, cache: Path) -> None:
    with server.serve(shelf) as web, ThreadPoolExecutor(3) as pool:
        models = list(pool.map(lambda _: load_model(f"{web.url}/tiny", progress=False), range(3)))
    assert [p.name for p in left_over(cache)] == [models[0].sha256]


def test_whoever_settles_second_finds_the_first(shelf: Path, tmp_path: Path) -> None:
    shutil.copytree(shelf / "tiny", tmp_path / "first")
    shutil.copytree(shelf / "tiny", tmp_path / "second")
    registry._settle(tmp_path / "second", tmp_path / "first")
    assert package.read(tmp_path / "first").config.name == "tiny"


def test_finding_models_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, xldm.packages.registry as r; r.list_models(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
