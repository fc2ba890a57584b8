"""Run a recipe: ``python -m xldm.forge era5_cds_grib --source URL --target URL ...``."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam
import dask
from apache_beam.options.pipeline_options import PipelineOptions

from ..errors import StoreError
from ..storage import shipped
from ..storage.claims import sole_writer
from ..storage.location import locate
from .settings import PARTS, settings

# Beam's own DirectRunner first tries to download a program that then runs the pipeline; this one
# runs it in this process. Beam knows Dask's runner by its full name only.
_RUNNERS = {
    "DirectRunner": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "DaskRunner": "apache_beam.runners.dask.dask_runner.DaskRunner",
}


def main(arguments: list[str] | None = None) -> int:
    """Build the recipe's pipeline from the arguments, and run it as the target's only writer."""
    given, options = _parser().parse_known_args(arguments)
    for name in ("source", "target", "period", "part", "comment"):
        if (value := getattr(given, name)) is not None:
            os.environ[f"XLDM_{name.upper()}"] = value
    start = time.monotonic()
    try:
        target = settings().target
        with _progress(), sole_writer(locate(target)):
            _run(_recipe(given.recipe), given.runner, options)
    except KeyboardInterrupt:
        print("stopped; run it again to resume", file=sys.stderr)
        return 130
    except Exception as error:
        if (plain := _plain(error)) is None:
            raise
        print(plain, file=sys.stderr)
        return 1
    print(f"{target} complete after {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xldm.forge",
        description="Run a recipe, from an archive to a part of a training store.",
        epilog="All other options go to Apache Beam, e.g. --dask_client_address=tcp://host:8786. "
        "Credentials come from fsspec's configuration.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "recipe", help=f"one of {', '.join(_names())}; or the path of a module of your own"
    )
    parser.add_argument("--source", metavar="URL", help="folder of the archive, or its Zarr store")
    parser.add_argument("--target", metavar="URL", help="where the part is written")
    parser.add_argument("--period", metavar="FIRST/LAST", help="whole days, both included")
    parser.add_argument(
        "--part", choices=PARTS, help="part to make, for a recipe that makes several"
    )
    parser.add_argument(
        "--comment",
        metavar="TEXT",
        help="an attribute of the part, e.g. that the archive is synthetic",
    )
    parser.add_argument(
        "--runner",
        default="DirectRunner",
        help="DirectRunner (in this process), DaskRunner, or another of Beam's",
    )
    return parser


@contextmanager
def _progress() -> Iterator[None]:
    """Show the log of xldm and nothing else; an error is printed once, at the end."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours = logging.getLogger("xldm")
    # Beam sets up logging when it is imported, which would show all other logs too.
    levels = {"": logging.ERROR, "xldm": logging.INFO, "apache_beam": logging.CRITICAL}
    levels["apache_beam.options"] = logging.WARNING  # warns of unknown options
    before = {name: logging.getLogger(name).level for name in levels}
    ours.addHandler(handler)
    ours.propagate = False
    try:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        ours.removeHandler(handler)
        ours.propagate = True


def _names() -> list[str]:
    """Return the names of the recipes that ship with xldm."""
    modules = (path.stem for path in shipped.recipes().glob("*.py"))
    return sorted(name for name in modules if not name.startswith("download_"))


def _recipe(path: str) -> beam.PTransform:
    if path in _names():
        path = str(shipped.recipes() / f"{path}.py")
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.exists(path):
        raise StoreError(
            f"{path}: there is no recipe module; give the path of a file, or one of "
            f"{', '.join(_names())}."
        )
    module = importlib.util.module_from_spec(spec)
    # Not in sys.modules, so that its functions are sent to workers by value.
    spec.loader.exec_module(module)
    if not isinstance(recipe := getattr(module, "recipe", None), beam.PTransform):
        raise StoreError(f"{path}: it has no `recipe`, a Beam transform; is it a recipe module?")
    return recipe


def _run(recipe: beam.PTransform, runner: str, options: list[str]) -> None:
    options = [*options, f"--runner={_RUNNERS.get(runner, runner)}"]
    if runner == "DaskRunner":
        # Files are few and large: by default, 128 of them go to one worker.
        if not any(option.startswith(("--dask_np", "--dask_partition")) for option in options):
            options.append("--dask_partition_size=1")
        dask.config.set({"logging.distributed": "error"})
    pipeline = beam.Pipeline(options=PipelineOptions(options))
    pipeline | recipe
    pipeline.run().wait_until_finish()


def _plain(error: BaseException) -> str | None:
    """Return the message of an error of xldm in one line, also out of Beam's text; else None."""
    text = str(error)
    if not isinstance(error, ValueError):
        # Beam passes on the text of the worker's traceback.
        found = re.findall(r"^(?:[\w.]+\.)?(?:StoreError|InputError): (.*)$", text, re.MULTILINE)
        if not found:
            return None
        text = found[-1]
    return re.sub(r" \[while running .*", "", text, flags=re.DOTALL)


if __name__ == "__main__":
    sys.exit(main())
