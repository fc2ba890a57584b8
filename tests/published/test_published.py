"""The release is read without running any of it, and becomes a model."""

from __future__ import annotations

import functools
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import release
import server
import torch

from xldm import published
from xldm.errors import ArchiveError, ArgumentError, PublishedError, RegistryError
from xldm.packages import registry
from xldm.published import import_ldm_res, read_component, statics_and_scaling, weights
from xldm.storage import zips as archive

MB = 2**20


class Bomb:
    """Pickles as a call that leaves a file behind when it runs."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.trace),)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release: ``pretrained_models`` and ``sample_data`` as folders, as zips with filler."""
    root = tmp_path_factory.mktemp("release")
    models, sample = root / "pretrained_models", root / "sample_data"
    models.mkdir()
    (sample / "static_var").mkdir(parents=True)
    for variable in ("2mT", "UV"):
        release.checkpoint(models / f"LDM_residual_{variable}.ckpt", release.network(variable))
    release.rasters(sample / "static_var")
    release.scaling(sample / "normalization_data.pkl")
    release.archive(
        root / "pretrained_models.zip",
        {f"a/b/{p.name}": p for p in sorted(models.iterdir())},
        filler=8 * MB,
    )
    files = [p for p in sorted(sample.rglob("*")) if p.is_file()]
    inner = {f"sample_data/{p.relative_to(sample)}": p for p in files}
    release.archive(root / "sample_data.zip", inner, filler=8 * MB)
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(archive, "PAUSES", (0,))
    return tmp_path / "cache"


@pytest.fixture
def loose(layout: Path, tmp_path: Path) -> Path:
    """A copy of the release's folders, to be damaged."""
    for name in ("pretrained_models", "sample_data"):
        shutil.copytree(layout / name, tmp_path / "loose" / name)
    return tmp_path / "loose"


def imported(source: Path, **options: object) -> Path:
    return import_ldm_res(source, "mine", progress=False, **options)


# One component


def test_the_release_computes_what_its_authors_code_computes(shared: Path) -> None:
    folder = shared / "reference" / "mini-2mT"
    with np.load(folder / "expected.npz") as file:
        given = {name: torch.from_numpy(file[name]) for name in file}
    net = read_component(folder, "2mT")
    found = net.sample(
        given["low_res"], given["static"], sampler="ddim", steps=10, noise=given["x_T"]
    )
    limit = 1e-4 * float(given["field_S10"].abs().max())
    torch.testing.assert_close(found, given["field_S10"], rtol=0, atol=limit)


def test_widths_are_read_off_the_tensors(layout: Path) -> None:
    found = read_component(layout, "UV").config
    assert found.regression == release.network("UV").config.regression
    assert found.autoencoder == release.network("UV").config.autoencoder
    assert found.conditioner == release.network("UV").config.conditioner
    assert found.denoiser == release.network("UV").config.denoiser


def test_widths_of_the_authors_file_are_those_it_was_made_with(shared: Path) -> None:
    found = read_component(shared / "reference" / "mini-2mT", "2mT").config
    assert found.regression.features == (8, 8, 16, 16)
    assert (found.conditioner.static_width, found.conditioner.coarse_width) == (16, 8)
    assert (found.conditioner.depth, found.conditioner.levels) == (2, 3)
    assert (found.denoiser.width, found.denoiser.multipliers) == (16, (1, 2, 4))
    assert (found.denoiser.attention, found.denoiser.blocks) == ((1, 2), 8)


@pytest.mark.parametrize("variable", ["2mT", "UV"])
def test_averaged_weights_are_used(layout: Path, variable: str) -> None:
    found = read_component(layout / "pretrained_models.zip", variable, progress=False)
    expected = release.network(variable).state_dict()
    torch.testing.assert_close(dict(found.state_dict()), dict(expected), rtol=0, atol=0)


def test_one_component_at_a_url_costs_its_own_bytes(layout: Path) -> None:
    size = (layout / "pretrained_models.zip").stat().st_size
    wanted = (layout / "pretrained_models" / "LDM_residual_UV.ckpt").stat().st_size
    with server.serve(layout) as web:
        read_component(f"{web.url}/pretrained_models.zip?download=1", "UV", progress=False)
        assert wanted <= web.sent <= wanted + 4 * MB < size / 2


def test_the_authors_file_is_read_from_a_url(shared: Path, tmp_path: Path) -> None:
    models = shared / "reference" / "mini-2mT" / "pretrained_models"
    members = {f"pretrained_models/{p.name}": p for p in sorted(models.iterdir())}
    release.archive(tmp_path / "mini.zip", members, filler=16 * MB)
    with server.serve(tmp_path) as web:
        read_component(f"{web.url}/mini.zip", "2mT", progress=False)
        wanted = (models / "LDM_residual_2mT.ckpt").stat().st_size
        assert web.sent < wanted + 4 * MB < (tmp_path / "mini.zip").stat().st_size / 3


def test_a_request_that_is_cut_off_is_made_again(layout: Path) -> None:
    with server.serve(layout) as web:
        web.broken = 1
        read_component(f"{web.url}/pretrained_models.zip", "2mT", progress=False)
        assert web.broken == 0


def test_a_server_without_byte_ranges_is_refused(layout: Path) -> None:
    with server.serve(layout, ranges=False) as web:
        with pytest.raises(ArchiveError, match="does not serve byte ranges; download the file"):
            read_component(f"{web.url}/pretrained_models.zip", "2mT", progress=False)
        assert web.sent < 4 * MB


def test_what_is_missing_and_what_is_there_are_said(layout: Path) -> None:
    with pytest.raises(ArchiveError, match=r"lacks LDM_residual_2mT\.ckpt.*static_var|dtm_2km"):
        read_component(layout / "sample_data.zip", "2mT")


def test_two_different_files_of_the_name_are_refused(loose: Path) -> None:
    (loose / "old").mkdir()
    (loose / "old" / "LDM_residual_2mT.ckpt").write_bytes(b"another")
    with pytest.raises(ArchiveError, match=r"2 different files called LDM_residual_2mT\.ckpt"):
        read_component(loose, "2mT")


def test_an_unknown_variable_is_refused(layout: Path) -> None:
    with pytest.raises(ArgumentError, match="'2mT' or 'UV'; got 'TP'"):
        read_component(layout, "TP")


def test_a_checkpoint_that_tries_to_run_code_does_not_run(tmp_path: Path) -> None:
    net = release.network("2mT")
    release.checkpoint(tmp_path / "LDM_residual_2mT.ckpt", net, extra=Bomb(tmp_path / "ran"))
    with pytest.raises(PublishedError, match=r"not known to be harmless.*mkdir"):
        read_component(tmp_path, "2mT")
    assert not (tmp_path / "ran").exists()


def test_what_a_checkpoint_may_hold_is_not_allowed_elsewhere(layout: Path) -> None:
    read_component(layout, "2mT")
    assert functools.partial not in torch.serialization.get_safe_globals()


def test_a_truncated_checkpoint_is_refused(loose: Path) -> None:
    path = loose / "pretrained_models" / "LDM_residual_2mT.ckpt"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(PublishedError, match=r"LDM_residual_2mT\.ckpt"):
        read_component(loose, "2mT")


def _checkpoint_without(tmp_path: Path, beginning: str) -> Path:
    whole = release.state(release.network("2mT"))
    kept = {name: tensor for name, tensor in whole.items() if not name.startswith(beginning)}
    torch.save({"state_dict": kept}, tmp_path / "LDM_residual_2mT.ckpt")
    return tmp_path


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        ("denoiser_ema.out", "averaged weights"),
        ("context_encoder.proj.1", "no tensor 'conditioner.coarse_proj"),
        ("autoencoder.to_decoder.bias", "autoencoder.to_decoder.bias is missing"),
        ("autoencoder.unet_regr", "no tensor 'regression"),
    ],
)
def test_a_checkpoint_that_lacks_tensors_is_refused(
    tmp_path: Path, beginning: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read_component(_checkpoint_without(tmp_path, beginning), "2mT")


def test_another_noise_schedule_is_refused(tmp_path: Path) -> None:
    state = release.state(release.network("2mT"))
    state["betas"] = torch.linspace(1e-4, 2e-2, 1000)
    torch.save({"state_dict": state}, tmp_path / "LDM_residual_2mT.ckpt")
    with pytest.raises(PublishedError, match="noise schedule"):
        read_component(tmp_path, "2mT")


def test_the_component_of_other_targets_is_refused(loose: Path) -> None:
    models = loose / "pretrained_models"
    (models / "LDM_residual_UV.ckpt").replace(models / "LDM_residual_2mT.ckpt")
    with pytest.raises(PublishedError, match="2 targets, 2mT has 1"):
        read_component(loose, "2mT")


# Scaling and rasters


def test_a_pickle_that_tries_to_run_code_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "normalization_data.pkl"
    path.write_bytes(pickle.dumps({"ERA5": Bomb(tmp_path / "ran")}))
    with pytest.raises(PublishedError, match=r"mkdir.*none of its code was run"):
        statics_and_scaling.read_scaling(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["eval", "getattr", "__import__"])
def test_a_pickle_may_not_ask_for_builtins(tmp_path: Path, name: str) -> None:
    path = tmp_path / "normalization_data.pkl"
    path.write_bytes(f"cbuiltins\n{name}\n.".encode())
    with pytest.raises(PublishedError, match=f"builtins.{name}"):
        statics_and_scaling.read_scaling(path)


def test_scaling_in_the_names_of_older_numpy_is_read(tmp_path: Path) -> None:
    path = release.scaling(tmp_path / "normalization_data.pkl")
    content = pickle.dumps(pickle.loads(path.read_bytes()), protocol=2)
    assert b"numpy._core" in content
    path.write_bytes(content.replace(b"numpy._core", b"numpy.core"))
    assert statics_and_scaling.read_scaling(path)["predictors"][0].mean == 286


def test_the_authors_scaling_is_read_and_what_it_lacks_is_said(shared: Path) -> None:
    path = shared / "reference" / "mini-2mT" / statics_and_scaling.SCALING
    with pytest.raises(PublishedError, match=r"ERA5: .*no number for dp2mT; no number for SST"):
        statics_and_scaling.read_scaling(path)


def test_scaling_comes_in_the_order_of_the_paper(tmp_path: Path) -> None:
    found = statics_and_scaling.read_scaling(release.scaling(tmp_path / "n.pkl"))["predictors"]
    assert [v.paper_name for v in found] == list(release.MEANS)


@pytest.mark.parametrize(
    ("name", "mean"),
    [("2mT", 13.0), ("PMSL", 1015.0), ("TP", 0.1), ("SSRadIn", 170.0), ("Q850", 5.0)],
)
def test_means_in_other_units_than_era5s_are_refused(
    tmp_path: Path, name: str, mean: float
) -> None:
    path = release.scaling(tmp_path / "n.pkl", **{name: mean})
    with pytest.raises(PublishedError, match=f"mean of {name} is .* not in"):
        statics_and_scaling.read_scaling(path)


def test_every_missing_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "n.pkl"
    path.write_bytes(pickle.dumps({"ERA5": {"mean": {}, "std": {}}}))
    with pytest.raises(PublishedError, match="no number for 2mT; no number for PMSL"):
        statics_and_scaling.read_scaling(path)


@pytest.fixture
def rasters(layout: Path) -> dict[str, Path]:
    return {p.name: p for p in (layout / "sample_data" / "static_var").iterdir()}


def test_land_is_where_the_sea_band_is_not(rasters: dict[str, Path]) -> None:
    static = statics_and_scaling.read_statics(rasters)
    sea = static["land_cover"].sel(land_cover_class="sea")
    np.testing.assert_array_equal(static["land_mask"], 1 - sea)


def test_heights_are_those_of_the_raster(rasters: dict[str, Path]) -> None:
    static = statics_and_scaling.read_statics(rasters)
    code = static["land_cover"].argmax("land_cover_class")
    np.testing.assert_array_equal(static["orog"], (50.0 * code).where(code < 15, 0))


def _replaced(
    rasters: dict[str, Path], tmp_path: Path, field: str, bands: np.ndarray, **options: object
) -> dict[str, Path]:
    name = release.RASTERS.format(field)
    return {**rasters, name: release.raster(tmp_path / name, bands, **options)}


SHAPE = (672, 576)


@pytest.mark.parametrize(
    ("field", "bands", "options", "said"),
    [
        ("dtm", np.zeros((1, 600, 576), "f4"), {}, r"\(600, 576\) cells"),
        ("dtm", np.full((1, *SHAPE), np.nan, "f4"), {}, "has gaps"),
        ("dtm", np.zeros((1, *SHAPE), "f4"), {"corner": (3911e3, 2697e3)}, "ModelTiepoint"),
        ("dtm", np.zeros((2, *SHAPE), "f4"), {}, "has 2 bands, expected 1"),
        ("lat", np.full((1, *SHAPE), 42.0, "f4"), {}, "expected the northing"),
        ("land_cover_classes", np.zeros((16, *SHAPE), "f4"), {}, "not one-hot"),
    ],
)
def test_a_raster_that_does_not_fit_is_refused(
    rasters: dict[str, Path], tmp_path: Path, field, bands, options, said: str
) -> None:
    with pytest.raises(PublishedError, match=said):
        statics_and_scaling.read_statics(_replaced(rasters, tmp_path, field, bands, **options))


def test_a_northing_that_ascends_is_refused(rasters: dict[str, Path], tmp_path: Path) -> None:
    y = np.linspace(1355000, 2697000, SHAPE[0], dtype="f4")
    upside_down = np.repeat(y[None, :, None], SHAPE[1], axis=2)
    with pytest.raises(PublishedError, match="runs from 1355000 to 2697000"):
        statics_and_scaling.read_statics(_replaced(rasters, tmp_path, "lat", upside_down))


# A whole model


def test_a_folder_becomes_a_model(layout: Path) -> None:
    imported(layout)
    model = registry.load_model("mine")
    assert [v.name for v in model.config.targets] == ["t2m", "u10", "v10"]
    assert model.config.predictors[1].mean == 101500
    assert model.config.targets[1].mean == pytest.approx(0.4)


def test_weights_of_the_model_are_the_averaged_ones(layout: Path) -> None:
    imported(layout, variables=("2mT",))
    found = registry.load_model("mine").components["2mT"].state_dict()
    expected = release.network("2mT").state_dict()
    torch.testing.assert_close(dict(found), dict(expected), rtol=0, atol=0)


def test_zips_at_urls_cost_the_bytes_that_are_needed(layout: Path, cache: Path) -> None:
    zips = layout / "pretrained_models.zip", layout / "sample_data.zip"
    with server.serve(layout) as web:
        source, sample = (f"{web.url}/{z.name}" for z in zips)
        imported(source, sample_data=sample, variables=("2mT",))
        assert web.sent < sum(z.stat().st_size for z in zips) / 3
    assert registry.load_model("mine").config.provenance[f"from {source}"] == ""


def test_nothing_of_the_download_is_kept_after_the_import(layout: Path, cache: Path) -> None:
    imported(layout / "pretrained_models.zip", sample_data=layout / "sample_data.zip")
    assert list((cache / "downloads").iterdir()) == []


def test_a_failed_import_installs_nothing_and_keeps_what_it_fetched(
    layout: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"sample_data": layout / "sample_data.zip"}
    monkeypatch.setattr(published.importer, "component", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        imported(layout / "pretrained_models.zip", **options)
    monkeypatch.undo()
    assert not (cache / "models" / "mine").exists()
    assert len(list((cache / "downloads").glob("*/LDM*.ckpt"))) == 2


def test_a_second_try_does_not_fetch_again(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.serve(layout) as web:
        urls = f"{web.url}/pretrained_models.zip", f"{web.url}/sample_data.zip"
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(published.importer, "component", lambda *a: 1 / 0)
            imported(urls[0], sample_data=urls[1])
        web.sent = 0
        imported(urls[0], sample_data=urls[1])
        assert web.sent < 4.5 * MB  # the directories at the end of the archives


def test_faults_of_small_files_are_found_before_large_ones_are_fetched(
    loose: Path, layout: Path
) -> None:
    release.scaling(loose / "sample_data" / "normalization_data.pkl", TP=0.1)
    with server.serve(layout) as web:
        with pytest.raises(PublishedError, match="mean of TP"):
            imported(f"{web.url}/pretrained_models.zip", sample_data=loose)
        assert web.sent == 0


def test_the_hashes_of_the_files_are_recorded(layout: Path) -> None:
    imported(layout)
    recorded = registry.load_model("mine").config.provenance
    path = layout / "pretrained_models" / "LDM_residual_UV.ckpt"
    assert recorded[path.name] == published.importer._file_digest(path)


def test_importing_the_same_files_again_changes_nothing(layout: Path) -> None:
    before = (imported(layout) / "model.yaml").stat().st_mtime_ns
    assert (imported(layout) / "model.yaml").stat().st_mtime_ns == before


def test_other_files_than_at_the_first_import_are_refused(loose: Path) -> None:
    imported(loose)
    path = loose / "pretrained_models" / "LDM_residual_UV.ckpt"
    release.checkpoint(path, release.network("UV"), epoch=1)
    with pytest.raises(PublishedError, match=r"LDM_residual_UV\.ckpt changed"):
        imported(loose)


def test_hashes_that_the_registry_knows_are_verified(
    layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"targets": [], "files": {"LDM_residual_2mT.ckpt": "0" * 64}}
    monkeypatch.setattr(registry, "entries", lambda: {"mine": entry})
    with pytest.raises(PublishedError, match=r"recorded in catalogs/models\.yaml"):
        imported(layout)


def test_a_checkpoint_of_other_inputs_is_refused(shared: Path, loose: Path) -> None:
    models = shared / "reference" / "mini-2mT" / "pretrained_models"
    with pytest.raises(PublishedError, match="takes 5 predictors and 6 static channels"):
        imported(models, sample_data=loose, variables=("2mT",))


def test_the_name_of_the_embedded_model_is_taken(layout: Path) -> None:
    with pytest.raises(PublishedError, match="choose another name"):
        import_ldm_res(layout, "italy-2km", progress=False)


@pytest.mark.parametrize("variables", [(), ("TP",)])
def test_variables_are_checked(layout: Path, variables: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError, match="variables: expected some of 2mT, UV"):
        imported(layout, variables=variables)


def test_every_renamed_beginning_ends_where_a_name_does() -> None:
    assert all(name.endswith(".") for name in weights.RENAMES)


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "file/cache"))
    with pytest.raises(RegistryError, match="set XLDM_CACHE"):
        import_ldm_res(tmp_path / "source.zip", "mine")
