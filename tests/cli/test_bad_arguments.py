"""Bad arguments of every command end in a usage message or in an error of xldm, soon."""

from pathlib import Path

import pytest

from xldm import cli
from xldm.errors import XldmError
from xldm.models.model import Model
from xldm.storage import shipped

SAMPLE = str(shipped.assets() / "era5-sample.nc")
_DOWN = ["downscale", SAMPLE, "out.zarr", "--missing", "climatology"]
_STORE = ["store", "a.zarr", "--coarse", "c", "--fine", "f", "--static", "s"]
_TRAIN = ["train", "--config", "tiny", "--store", "none.zarr", "--folder", "run"]
_TWIN = ["evaluate", "--protocol", "comparison", "--report", "report", "--twin"]
LINES: list[list[str]] = [
    [], ["nonsense"], ["downscale"], ["downscale", "a.nc"], ["downscale", "", ""],
    ["downscale", "nowhere.nc", "out.zarr"], ["downscale", "nowhere/*.nc", "out.zarr"],
    ["downscale", "a\0b.nc", "out.zarr"], ["downscale", "x" * 5000, "out.zarr"],
    ["downscale", "s4://bucket/a.nc", "out.zarr"], ["downscale", ".", "out.zarr"],
    ["downscale", __file__, "out.zarr"], ["downscale", SAMPLE, "nowhere/out.nc"],
    ["downscale", SAMPLE, SAMPLE], ["downscale", SAMPLE, "s3://bucket/out.nc"],
    [*_DOWN[:2], "s4://bucket/out.zarr", *_DOWN[3:], "--region", "9,43,12,45"],
    [*_DOWN[:2], "a\0b.zarr", *_DOWN[3:], "--region", "9,43,12,45"],
    *([*_DOWN, *more.split()] for more in (
        "--members 0", "--members -1", "--members 1.5", "--members many",
        "--members 1000000000000", "--seed -1", "--seed 1.5", "--seed 9223372036854775808",
        "--sampler DDIM", "--steps 0", "--steps 1001", "--steps 2.5", "--correlation 2",
        "--correlation nan", "--correlation inf", "--correlation x", "--conserve sst",
        "--conserve ,", "--align nowhere.nc", "--tile 0", "--tile 7", "--tile a", "--tile 48,1",
        "--tile 48,8,8", "--device gpu9", "--device meta", "--share 4/4", "--share 1",
        "--share a/b", "--share 0/0", "--keep-bits 0", "--keep-bits 24", "--keep-bits 1.5",
        "--model nonsense", "--model nowhere/a.zip", "--missing all", "--region north",
        "--region 9,43,12", "--region 12,43,9,45", "--region nan,43,12,45", "--region 9,43,inf,45",
        "--region ,,,", "--region 100,43,112,45", "--group nowhere", "--storage-option nonsense",
        "--nonsense",
    )),
    ["check"], ["check", "nowhere.nc"], ["check", SAMPLE, "--region", "x"],
    ["check", SAMPLE, "--model", ""], ["check", SAMPLE, "--missing", "no"],
    ["models"], ["models", "info"], ["models", "info", ""], ["models", "info", "a\0b"],
    ["models", "info", "x" * 5000], ["models", "import", "../a"], ["models", "import", ""],
    ["models", "import", "italy-2km"], ["models", "import", "new", "--source", "nowhere"],
    ["bench", "--steps", "0"], ["bench", "--steps", "x"], ["bench", "--device", "gpu9"],
    ["bench", "--device", ""], ["bench", "--model", "nonsense"],
    ["demo", "--times", "0"], ["demo", "--times", "25"], ["demo", "--members", "1"],
    ["demo", "--members", "1000000000000"], ["demo", "--folder", __file__],
    ["demo", "--folder", ""],
    ["evaluate"], ["evaluate", "a=nowhere.nc", "--truth", "nowhere.nc", "--report", "report"],
    ["evaluate", "nowhere.nc", "--truth", SAMPLE, "--report", "report"],
    ["evaluate", "a=", "--truth", SAMPLE, "--report", "report"],
    ["evaluate", f"a={SAMPLE}", "--report", "report"],
    ["evaluate", f"a={SAMPLE}", "--truth", SAMPLE, "--report", __file__],
    ["evaluate", "--protocol", "nonsense", "--report", "report", "--twin", "2008"],
    ["evaluate", "--protocol", "comparison", "--report", "report"],
    [*_TWIN, "2008", "--targets", "t2m,snow"],
    [*_TWIN, "-1"], [*_TWIN, "99999"], [*_TWIN, "x"], [*_TWIN, "2008", "--hours", "0"],
    [*_TWIN, "2008", "--hours", "9999"], [*_TWIN, "2008", "--twin-seed", "-1"],
    [*_TWIN, "2008", "--hours", "1", "--members", "0"],
    [*_TWIN, "2008", "--hours", "1", "--beside", "nonsense"],
    ["store"], _STORE, [*_STORE, "--random-hours"], [*_STORE, "--val", "2005", "--gap", "soon"],
    [*_STORE, "--val", "2005", "--random-hours"], [*_STORE, "--random-hours", "--coarse", ""],
    ["train"], _TRAIN, [*_TRAIN, "--devices", "0"], [*_TRAIN, "--device", ""],
    [*_TRAIN, "--device", "gpu9"], [*_TRAIN, "--stage", "none"], [*_TRAIN, "--from", "nowhere"],
    ["train", "--config", "nonsense", "--store", "a", "--folder", "b"],
    ["train", "--config", "", "--store", "a", "--folder", "b"],
    ["train", "--config", "tiny", "--store", "", "--folder", "b"],
    ["train", "--config", "tiny", "--store", "a", "--folder", ""],
    ["twin"], ["twin", "yesterday", "today", "a.zarr"], ["twin", "2001-13-01", "2001-13-01", "a"],
    ["twin", "2001-01-02", "2001-01-01", "a.zarr"], ["twin", "2001-01-01", "2001-01-01", ""],
    ["twin", "2001-01-01", "2001-01-01", "a.zarr", "--seed", "-1"],
    ["twin", "2001-01-01", "2001-01-01", "a", "--archive", "nonsense"],
    ["twin", "yesterday", "today", "a", "--archive", "arco"],
    ["twin", "2001-01-02", "2001-01-01", "a", "--archive", "arco"],
    ["completion"], ["completion", "fish"],
]  # fmt: skip


@pytest.mark.parametrize("words", LINES, ids=lambda words: " ".join(words)[-60:].replace("\0", "0"))
def test_a_bad_line_is_refused(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Model, "fields", lambda *a, **k: pytest.fail("networks ran"))
    with pytest.raises((XldmError, SystemExit)) as refusal:
        args = cli._parser(words).parse_args(words)
        args.command = words
        args.run(args)
    assert not isinstance(refusal.value, SystemExit) or refusal.value.code == 2
    assert [path for path in Path().iterdir() if path.name != "cache"] == []
