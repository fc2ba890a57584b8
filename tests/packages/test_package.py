"""Packages come back as they were written, or are refused with a reason."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
import safetensors
import safetensors.torch
import tiny
import torch
import xarray as xr
import yaml

from xldm.errors import PackageError
from xldm.packages import package
from xldm.packages.package_files import sha256_of

WEIGHTS = "2mT.safetensors"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that nobody changes."""
    folder = tmp_path_factory.mktemp("original") / "tiny"
    package.write(folder, tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(original, tmp_path / "tiny")


def edit(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the content of ``model.yaml``."""
    path = folder / "model.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def reseal(folder: Path, name: str) -> None:
    """Record the hash that a file has now, as someone who rewrites a package would."""
    found = sha256_of((folder / name).read_bytes())
    edit(folder, lambda content: content["files"].update({name: found}))


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, prefix + file.name)
    return path


def refusal(location: str | Path) -> str:
    with pytest.raises(PackageError) as caught:
        package.read(location)
    return str(caught.value)


def test_weights_come_back_bit_for_bit(original: Path) -> None:
    expected = tiny.network(tiny.part()).state_dict()
    found = package.read(original).components["2mT"].state_dict()
    torch.testing.assert_close(dict(found), dict(expected), rtol=0, atol=0)


def test_static_fields_come_back(original: Path) -> None:
    xr.testing.assert_identical(package.read(original).static["orog"], tiny.static()["orog"])


def test_configuration_comes_back(original: Path) -> None:
    found = package.read(original).config
    assert found == tiny.config(files=found.files)


def test_a_model_travels_as_its_place_and_hash(original: Path) -> None:
    content = pickle.dumps(package.read(original))
    assert len(content) < 1000
    assert pickle.loads(content).sha256 == package.read(original).sha256


def test_a_process_makes_a_model_once(original: Path) -> None:
    content = pickle.dumps(package.read(original))
    assert pickle.loads(content) is pickle.loads(content)


def test_a_baseline_travels_as_what_it_is_of(original: Path) -> None:
    content = pickle.dumps(package.read(original).baseline("regression"))
    assert len(content) < 1000
    assert pickle.loads(content).config.name == "tiny (regression)"


def test_a_tiled_model_travels_as_what_it_is_of(original: Path) -> None:
    model = package.read(original).tiled(8, 4)
    content = pickle.dumps(model.baseline("regression"))
    assert len(content) < 1000
    assert pickle.loads(content).config.name == f"{model.config.name} (regression)"


def test_a_relative_path_is_found_from_elsewhere(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(original.parent)
    content = pickle.dumps(package.read(original.name))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(content).config.name == "tiny"


def test_networks_come_back_in_evaluation_mode(original: Path) -> None:
    assert not package.read(original).components["2mT"].training


def test_reading_leaves_the_users_random_numbers_alone(original: Path) -> None:
    before = torch.random.get_rng_state()
    package.read(original)
    torch.testing.assert_close(torch.random.get_rng_state(), before)


def test_the_same_model_has_the_same_hash(original: Path, tmp_path: Path) -> None:
    net = {"2mT": tiny.network(tiny.part())}
    again = package.write(tmp_path / "again", tiny.config(), net, tiny.static())
    assert again == package.read(original).sha256


def test_the_hash_is_that_of_model_yaml(original: Path) -> None:
    assert package.read(original).sha256 == sha256_of((original / "model.yaml").read_bytes())


def test_half_precision_on_disk_is_float32_in_memory(tmp_path: Path) -> None:
    net = tiny.network(tiny.part())
    package.write(tmp_path / "h", tiny.config(), {"2mT": net}, tiny.static(), dtype=torch.float16)
    found = package.read(tmp_path / "h").components["2mT"].state_dict()
    floats = {n: t.half().float() for n, t in net.state_dict().items() if t.is_floating_point()}
    torch.testing.assert_close({n: found[n] for n in floats}, floats, rtol=0, atol=0)


def test_others_may_read_a_package(original: Path) -> None:
    assert {oct(p.stat().st_mode & 0o777) for p in original.iterdir()} == {"0o644"}


def test_a_zip_is_a_package(original: Path, tmp_path: Path) -> None:
    path = zipped(original, tmp_path / "tiny.zip")
    assert package.read(path).sha256 == package.read(original).sha256


def test_a_zip_may_hold_the_folder(original: Path, tmp_path: Path) -> None:
    path = zipped(original, tmp_path / "tiny.zip", prefix="tiny/")
    assert package.read(path).sha256 == package.read(original).sha256


def test_a_package_is_read_from_any_file_system(original: Path) -> None:
    fsspec.filesystem("memory").put(str(original), "/shelf/tiny", recursive=True)
    assert package.read("memory://shelf/tiny").config.name == "tiny"


def test_the_card_starts_with_the_warning(tmp_path: Path) -> None:
    warned = tiny.config(warning="Not for science.")
    package.write(tmp_path / "w", warned, {"2mT": tiny.network(tiny.part())}, tiny.static())
    assert (tmp_path / "w" / "README.md").read_text().startswith("**Not for science.**")


def test_altered_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    assert f"{WEIGHTS} was altered" in refusal(folder)


def test_truncated_weights_are_refused(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-100])
    assert f"{WEIGHTS} is truncated" in refusal(folder)


@pytest.mark.parametrize("name", ["static.nc", "README.md"])
def test_every_other_file_is_verified(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert f"{name} was altered" in refusal(folder)


def test_another_package_than_the_expected_is_refused(folder: Path) -> None:
    with pytest.raises(PackageError, match="expected 000"):
        package.read(folder, sha256="0" * 64)


@pytest.mark.parametrize("name", ["static.nc", WEIGHTS, "README.md"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"there is no {name}, although model.yaml names it" in refusal(folder)


def test_a_folder_without_model_yaml_is_no_package(tmp_path: Path) -> None:
    assert "no model.yaml, so this is no model package" in refusal(tmp_path)


def test_a_file_without_hash_is_refused(folder: Path) -> None:
    edit(folder, lambda content: content["files"].pop("static.nc"))
    assert "gives no sha256 for static.nc" in refusal(folder)


def test_a_newer_schema_asks_for_an_upgrade(folder: Path) -> None:
    edit(folder, lambda content: content.update(schema_version=2))
    assert "schema_version 2" in refusal(folder) and "upgrade" in refusal(folder)


def test_an_unknown_key_is_refused(folder: Path) -> None:
    edit(folder, lambda content: content.update(autor="me"))
    assert "autor" in refusal(folder)


@pytest.mark.parametrize("content", ["[1, 2", "just text", "- a list"])
def test_a_model_yaml_that_is_something_else_is_refused(folder: Path, content: str) -> None:
    (folder / "model.yaml").write_text(content)
    assert "model.yaml cannot be parsed" in refusal(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..", "c:\\b", "sub/a"])
def test_a_name_that_leaves_the_package_is_refused(folder: Path, name: str) -> None:
    edit(folder, lambda content: content["files"].update({name: "0" * 64}))
    assert "not a plain name inside" in refusal(folder)


def test_a_link_that_leaves_the_package_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / WEIGHTS).rename(tmp_path / "elsewhere")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    assert f"{WEIGHTS} is a link that leaves the package" in refusal(folder)


def test_a_zip_with_an_escaping_member_is_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../secret", b"")
    assert "'../secret', which leaves the package" in refusal(path)


def test_a_truncated_zip_is_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder, tmp_path / "tiny.zip")
    path.write_bytes(path.read_bytes()[:-50])
    assert "cut short" in refusal(path)


def test_a_missing_zip_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.zip")


def _rewrite(folder: Path, change: Callable[[dict], object]) -> None:
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / WEIGHTS)
    reseal(folder, WEIGHTS)


def test_a_missing_tensor_is_named(folder: Path) -> None:
    _rewrite(folder, lambda tensors: tensors.pop("denoiser.out.2.bias"))
    assert "denoiser.out.2.bias is missing" in refusal(folder)


def test_an_unknown_tensor_is_named(folder: Path) -> None:
    _rewrite(folder, lambda tensors: tensors.update(extra=torch.zeros(1)))
    assert "extra is not part of the networks" in refusal(folder)


def test_a_tensor_of_another_shape_is_named(folder: Path) -> None:
    _rewrite(folder, lambda tensors: tensors.update({"denoiser.out.2.bias": torch.zeros(9)}))
    assert "denoiser.out.2.bias has shape (9,) instead of (8,)" in refusal(folder)


def test_weights_that_are_not_finite_are_named(folder: Path) -> None:
    _rewrite(folder, lambda tensors: tensors["denoiser.out.2.bias"].fill_(float("inf")))
    assert "denoiser.out.2.bias holds values that are not finite" in refusal(folder)


def test_static_fields_of_another_grid_are_refused(folder: Path) -> None:
    edit(folder, lambda content: content["grid"].update(x=[3934000.0, 4046000.0]))
    assert "static.nc" in refusal(folder) and "another grid" in refusal(folder)


def test_land_cover_of_another_model_is_refused(folder: Path) -> None:
    edit(folder, lambda content: content.update(land_cover=["sea", "land"]))
    assert "static.nc has land cover land, sea" in refusal(folder)


def test_nothing_is_written_over(folder: Path) -> None:
    with pytest.raises(PackageError, match="never overwritten"):
        package.write(folder, tiny.config(), {"2mT": tiny.network(tiny.part())}, tiny.static())


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    large = tiny.network(tiny.part())
    large.denoiser.out[2].bias.data.fill_(1e6)  # beyond float16
    with pytest.raises(PackageError, match="not finite"):
        package.write(
            tmp_path / "x", tiny.config(), {"2mT": large}, tiny.static(), dtype=torch.float16
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error", [safetensors.SafetensorError("I/O error: no space"), OSError(28, "no space")]
)
def test_a_package_that_a_disk_cannot_hold_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    config = tiny.config()
    nets = {"2mT": tiny.network(config.components[0])}
    with pytest.raises(PackageError, match=r"could not be written \(.*no space\)"):
        package.write(tmp_path / "model", config, nets, tiny.static())
    assert list(tmp_path.iterdir()) == []


def test_loading_imports_no_library_of_symbols(original: Path) -> None:
    code = f"import sys, xldm; xldm.load_model({str(original)!r}); sys.exit('sympy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
