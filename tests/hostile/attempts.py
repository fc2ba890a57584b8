"""What somebody may put in the place of a package, each built by code from a good one."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import safetensors.torch
import torch
import yaml

from xldm.packages.package_files import sha256_of

WEIGHTS, STATIC, CARD = "2mT.safetensors", "static.nc", "README.md"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)


class Attempt(NamedTuple):
    """A name, a function that makes a copy of a package hostile, and whether it may load."""

    name: str
    make: Callable[[Path], object]
    harmless: bool = False


def edit(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the content of ``model.yaml``."""
    path = folder / "model.yaml"
    content = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    change(content)
    path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper))


def put(folder: Path, name: str, content: bytes) -> None:
    """Put content in the place of a file, and its hash into ``model.yaml``."""
    (folder / name).write_bytes(content)
    edit(folder, lambda c: c["files"].update({name: sha256_of(content)}))


def within(path: str, value: Any) -> Callable[[Path], None]:
    """Set a value of ``model.yaml``, named as ``predictors.0.mean``."""

    def make(folder: Path) -> None:
        def change(content: Any) -> None:
            *way, last = (int(k) if k.isdigit() else k for k in path.split("."))
            for key in way:
                content = content[key]
            content[last] = value

        edit(folder, change)

    return make


def text(content: str | bytes) -> Callable[[Path], object]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / "model.yaml").write_bytes(data)


def yaml_texts() -> Iterator[Attempt]:
    good = {"a version that expands": BOMB + "schema_version: *m\n",
            "components that expand": BOMB + "schema_version: 1\ncomponents: *m\n",
            "merged keys that expand": "a: &a {k: 1}\n" + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{','.join(['*' + chr(97 + i)] * 9)}]}}\n"
                for i in range(12)),
            "an alias of itself": "schema_version: &a [*a]",
            "lists in lists": "[" * 50_000, "keys in keys": "{a: " * 50_000,
            "blocks in blocks": "\n".join(" " * i + "a:" for i in range(1000)),
            "two million blanks": " " * 2_000_000, "a long comment": "#" * 2_000_000,
            "zeros": b"\0" * 1000, "half of UTF-16": b"\xff\xfea", "nothing": "",
            "a Python object": "!!python/object/apply:os.system ['touch /tmp/xldm-hostile']",
            "a Python name": "schema_version: !!python/name:os.system",
            "a day that is none": "schema_version: 2020-13-45",
            "a number of many digits": "schema_version: " + "9" * 9000,
            "a number in base 60": "schema_version: " + "1:" * 4000 + "1",
            "a key that is a list": "{[1]: 2}", "a list": "- 1", "a number": "1", "a text": "x",
            "half a list": "[1, 2", "many values": "a: [" + "1," * 400_000 + "]",
            "a long value": "a: " + "x" * 500_000, "another schema": "schema_version: 2",
            "an anchor that is nowhere": "a: *b"}  # fmt: skip
    for name, content in good.items():
        yield Attempt(f"model.yaml with {name}", text(content))
    for name, value in {"a control character": "\x1b[2J", "no text": 1.5}.items():
        yield Attempt(f"title with {name}", within("title", value))


def values() -> Iterator[Attempt]:
    nan, inf = float("nan"), float("inf")
    part, target = "components.0.", "components.0.targets.0."
    wrong: dict[str, list[Any]] = {
        "predictors.0.mean": [nan, inf, 1e300, "x"],
        "predictors.0.std": [nan, inf, -1, 1e-300, 1e-12, 1e300],
        target + "mean": [nan], target + "std": [0, 1e-300],
        target + "transform_scale": [0, nan, 1e-300], target + "transform": ["exec"],
        target + "lower": [nan, -inf], target + "interval": [nan, inf, 1e300],
        target + "units": ["m**10**10**10", "K" * 10_000, "(m**99)**99", "km1000000000"],
        "predictors.0.units": ["m^9^9^9", "10⁹⁹⁹⁹⁹⁹⁹⁹⁹ m"],
        part + "diffusion.timesteps": [10**11, 10**30, 1, nan],
        part + "diffusion.steps": [10**12, 0], part + "diffusion.beta_start": [nan, -1, 2],
        part + "diffusion.beta_end": [0, inf], part + "diffusion.sampler": ["os.system"],
        part + "diffusion.persistence": [{inf: 0.5}, {nan: 0.5}, {1e-300: 0.5}, {1.0: nan}],
        part + "smoothing": [[1e300, 1], [nan, 1], [0, 0]],
        part + "regression.features": [[10**6] * 4, [4, 4, 4], [2**16] * 4, [10**9] * 4, [0] * 4],
        part + "autoencoder.channels": [[10**7] * 3, [2] * 64, [4, 4, 2**16]],
        part + "conditioner.depth": [10**9], part + "conditioner.levels": [10**6, 40],
        part + "conditioner.blocks": [10**9, 7], part + "conditioner.out_width": [10**7, 2**16],
        part + "denoiser.width": [10**8, 2**16], part + "denoiser.res_blocks": [10**9, 32],
        part + "denoiser.multipliers": [[10**6], [1] * 10_000], part + "denoiser": [None],
        part + "name": ["../x", "a/b", "", "x" * 1000],
        "grid.spacing": [1e-300, 1e300, nan, 0], "grid.x": [[-1e300, 1e300], [nan, 0], [0, 1e8]],
        "grid.factor": [10**9, 0, 4, 256],
        "grid.crs": ["nonsense", "", "EPSG:99999999", "/etc/passwd", "EPSG:4326", "x" * 100_000,
                     "+proj=laea +nadgrids=/dev/zero", "+init=/dev/zero:1", "PROJCRS[" * 300],
        "land_cover": [["land"], ["sea", "land"], [f"c{i}" for i in range(5000)]],
        "footprint": [nan, -1], "required": [["nothing"]], "licence": [None],
        "files": [{}, {CARD: "0" * 64}, None], "sun": ["maybe"],
    }  # fmt: skip
    for path, given in wrong.items():
        for value in given:
            yield Attempt(f"{path} = {repr(value)[:30]}", within(path, value))
    for name in ("../secret", "/etc/passwd", "c:\\x", "model.yaml", "a\nb", "-rf"):
        make = partial(edit, change=lambda c, n=name: c["files"].update({n: "0" * 64}))
        yield Attempt(f"the file {name!r}", make)
    many = {f"f{i}": "0" * 64 for i in range(5000)}
    yield Attempt("5000 files", partial(edit, change=lambda c: c["files"].update(many)))
    for what in ("predictors", "components"):
        more = partial(edit, change=lambda c, w=what: c.update({w: c[w] * 300}))
        yield Attempt(f"{what} 300 times", more)


def places() -> Iterator[Attempt]:
    """In the place of each file something that is no regular file."""
    for name in ("model.yaml", WEIGHTS, STATIC, CARD):

        def instead(folder: Path, act: Callable[[Path], object], name: str = name) -> None:
            (folder / name).unlink()
            act(folder / name)

        def bound(path: Path) -> None:
            with socket.socket(socket.AF_UNIX) as listening:
                os.chdir(path.parent)  # such an address is short
                listening.bind(path.name)

        acts: dict[str, Callable[[Path], object]] = {
            "a pipe": os.mkfifo, "a folder": os.mkdir, "a socket": bound, "nothing": lambda p: None,
            "a link to a device": lambda p: p.symlink_to("/dev/zero"),
            "a link out": lambda p: p.symlink_to("/etc/passwd"),
            "a link to itself": lambda p: p.symlink_to(p.name),
            "a sparse terabyte": lambda p: (p.touch(), os.truncate(p, 2**40)),
        }  # fmt: skip
        if name == CARD:  # the way of the others
            acts = {what: acts[what] for what in ("a pipe", "a sparse terabyte")}
        for what, act in acts.items():
            yield Attempt(f"{name} is {what}", partial(instead, act=act))
        yield Attempt(f"{name} is empty", lambda f, n=name: (f / n).write_bytes(b""))
    yield Attempt("a card of 3 MB", lambda f: put(f, CARD, b"x" * 3_000_000))


def tensors(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        found = safetensors.torch.load_file(folder / WEIGHTS)
        change(found)
        put(folder, WEIGHTS, safetensors.torch.save(found))

    return make


def weights() -> Iterator[Attempt]:
    bias, variance = "denoiser.out.2.bias", "regression.e1.conv.conv.1.running_var"
    counts = "regression.e1.conv.conv.1.num_batches_tracked"
    for value in (1e38, float("nan"), float("inf"), -1e20):
        yield Attempt(f"a weight of {value}", tensors(lambda t, v=value: t[bias].fill_(v)))
    changed: dict[str, Callable[[dict], object]] = {
        "a negative variance": lambda t: t[variance].fill_(-1),
        "complex weights": lambda t: t.update({bias: t[bias].to(torch.complex64)}),
        "whole weights": lambda t: t.update({bias: t[bias].to(torch.int64)}),
        "true weights": lambda t: t.update({bias: t[bias].to(torch.bool)}),
        "weights beyond float32": lambda t: t.update({bias: t[bias].double() + 1e300}),
        "counts that are no numbers": lambda t: t.update({counts: t[counts].double() + 0.5}),
        "a tensor less": lambda t: t.pop(bias), "no tensor": lambda t: t.clear(),
        "a tensor more": lambda t: t.update(more=torch.zeros(1)),
        "a tensor of another shape": lambda t: t.update({bias: torch.zeros(9)}),
        "a tensor of no size": lambda t: t.update({bias: torch.zeros(0)}),
    }  # fmt: skip
    for name, change in changed.items():
        yield Attempt(name, tensors(change))

    def header(content: Any, data: bytes = b"") -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return struct.pack("<Q", len(text)) + text + data

    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for name, data in {
        "7 bytes": b"1234567", "a header of 2**63 bytes": struct.pack("<Q", 2**63),
        "a header that is no JSON": header(b"\xff" * 100), "a deep header": header(b"[" * 100_000),
        "a header beyond the end": struct.pack("<Q", 1000) + b"{}",
        "offsets beyond the end": header({"a": one | {"data_offsets": [0, 2**40]}}),
        "offsets backwards": header({"a": one | {"data_offsets": [4, 0]}}, b"1234"),
        "a shape beyond all": header({"a": one | {"shape": [2**62, 2**62]}}, b"1234"),
        "a negative shape": header({"a": one | {"shape": [-1]}}, b"1234"),
        "an unknown kind": header({"a": one | {"dtype": "PICKLE"}}, b"1234"),
        "a pickle": b"\x80\x04cos\nsystem\n(S'touch /tmp/xldm-hostile'\ntR.",
    }.items():  # fmt: skip
        yield Attempt(f"weights with {name}", lambda f, d=data: put(f, WEIGHTS, d))


def netcdf(change: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        os.chdir(folder)
        with h5py.File(folder / STATIC, "r+") as file:
            change(file)
        put(folder, STATIC, (folder / STATIC).read_bytes())

    return make


def again(name: str, **how: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **how)

    return change


def statics() -> Iterator[Attempt]:
    def linked(link: Any) -> Callable[[h5py.File], None]:
        def change(file: h5py.File) -> None:
            del file["orog"]
            file["orog"] = link

        return change

    def filled(name: str, value: float) -> Callable[[h5py.File], None]:
        return lambda file: file[name].__setitem__(..., value)

    def stated(name: str, **attrs: Any) -> Callable[[h5py.File], None]:
        return lambda file: file[name].attrs.update(attrs)

    layout = h5py.VirtualLayout((64, 64), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (64, 64))
    wild = {
        "NaN terrain": filled("orog", np.nan), "endless terrain": filled("orog", np.inf),
        "terrain of 1e30 m": filled("orog", 1e30), 
        "a mask of 7": filled("land_mask", 7), "land cover of -5": filled("land_cover", -5),
        "NaN northing": filled("northing", np.nan),
        "no terrain": lambda f: f.__delitem__("orog"),
        "a link to another file": linked(h5py.ExternalLink("/dev/zero", "/x")),
        "a link to nowhere": linked(h5py.SoftLink("/nowhere")),
        "a link to itself": linked(h5py.SoftLink("/orog")),
        "a group as terrain": lambda f: (f.__delitem__("orog"), f.create_group("orog")),
        "terrain in another file": again(
            "orog", shape=(64, 64), dtype="f4", external=[("elsewhere.bin", 0, 16384)]),
        "virtual terrain": lambda f: (
            f.__delitem__("orog"), f.create_virtual_dataset("orog", layout)),
        "terrain of a terabyte": again("orog", shape=(2**19, 2**19), dtype="f4", chunks=(64, 64)),
        "another field of a terabyte": lambda f: f.create_dataset(
            "more", (2**20, 2**20), "i1", chunks=(64, 64)),
        "chunks of 3 GB": lambda f: f.create_dataset(
            "more", (1, 1), "i1", maxshape=(None, None), chunks=(2**16, 48_000)),
        "terrain of text": again("orog", data=np.full((64, 64), "x", dtype=h5py.string_dtype())),
        "complex terrain": again("orog", data=np.ones((64, 64), "c8")),
        "terrain of other cells": again("orog", data=np.ones((8, 8), "f4")),
        "a scale that is NaN": stated("orog", scale_factor=np.nan),
        "a scale of 1e300": stated("orog", scale_factor=1e300),
        "moments that are NaN": stated("orog", scaled_by=[np.nan, 1.0]),
        "three moments": stated("orog", scaled_by=[1.0, 2.0, 3.0]),
        "text as moments": stated("orog", scaled_by="two"),
        "tiny moments": stated("orog", scaled_by=[0.0, 1e-30]),
        "500 variables": lambda f: [f.create_dataset(f"v{i}", data=1) for i in range(500)],
        "other axes": filled("x", 0.0), "NaN axes": filled("y", np.nan),
    }  # fmt: skip
    for name, change in wild.items():
        yield Attempt(f"static.nc with {name}", netcdf(change))
    odd = {
        "terrain in days": stated("orog", units="days since 0001-01-01"),
        "flat terrain": filled("orog", 5.0),
        "moments of 0": stated("orog", scaled_by=[0.0, 0.0]),
    }
    for name, change in odd.items():
        yield Attempt(f"static.nc with {name}", netcdf(change), harmless=True)
    for name, data in {"no netCDF": b"x" * 100, "half a file": b"\x89HDF\r\n\x1a\n" + b"\0" * 90,
                       "netCDF 3": b"CDF\x01" + b"\0" * 28}.items():  # fmt: skip
        yield Attempt(f"static.nc that is {name}", lambda f, d=data: put(f, STATIC, d))


def zips() -> Iterator[Attempt]:
    """Zips are made beside the folder, under its name and .zip, and are tried instead of it."""

    def zipped(folder: Path, change: Callable[[zipfile.ZipFile], object] | None = None,
               patch: Callable[[bytes], bytes] = bytes, skip: tuple[str, ...] = (),
               method: int = zipfile.ZIP_DEFLATED) -> None:  # fmt: skip
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w", method) as archive:
            for file in sorted(folder.iterdir()):
                if file.name not in skip:
                    archive.write(file, file.name)
            if change:
                change(archive)
        folder.with_suffix(".zip").write_bytes(patch(raw.getvalue()))

    def bomb(name: str, size: int, folder: Path) -> None:
        def change(archive: zipfile.ZipFile) -> None:
            with archive.open(name, "w", force_zip64=True) as member:
                for _ in range(size // 2**22):
                    member.write(b" " * 2**22)

        zipped(folder, change, skip=(name,))

    for name in ("model.yaml", CARD, STATIC, WEIGHTS):
        yield Attempt(f"a zip whose {name} is a bomb", partial(bomb, name, 2**24))
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    added: dict[str, Callable[[zipfile.ZipFile], object]] = {
        "a member outside": lambda z: z.writestr("../x", b""),
        "an absolute member": lambda z: z.writestr("/etc/x", b""),
        "a member outside, of Windows": lambda z: z.writestr("..\\x", b""),
        "a link": lambda z: z.writestr(link, "/etc/passwd"),
        "10,001 members": lambda z: [z.writestr(f"m{i}", b"") for i in range(10_001)],
    }
    for name, change in added.items():
        yield Attempt(f"a zip with {name}", partial(zipped, change=change))

    def middle(data: bytes) -> bytes:
        at = len(data) // 2
        return data[:at] + bytes(b ^ 255 for b in data[at : at + 64]) + data[at + 64 :]

    def lists(at: int, value: bytes) -> Callable[[bytes], bytes]:
        """Change a place of each entry in the list of members."""

        def patch(data: bytes) -> bytes:
            done, start = bytearray(data), 0
            while (start := data.find(b"PK\x01\x02", start)) >= 0:
                done[start + at : start + at + len(value)] = value
                start += 4
            return bytes(done)

        return patch

    def listed(size: int) -> Callable[[bytes], bytes]:
        return lambda d: d[:-10] + struct.pack("<I", size) + d[-6:]

    for name, patch in {
        "half of it missing": lambda d: d[: len(d) // 2], "its end missing": lambda d: d[:-50],
        "bits turned over": middle, "sizes of 4 GB": lists(24, b"\xf0\xff\xff\xff"),
        "sizes of nothing": lists(24, b"\0\0\0\0"), "other checksums": lists(16, b"abcd"),
        "encrypted members": lists(8, b"\1\0"), "an unknown packing": lists(10, b"\x63\0"),
        "members elsewhere": lists(42, b"\xff\xff\xff\x7f"), "a list of 4 GB": listed(2**32 - 2),
        "nothing in it": lambda d: b"PK\5\6" + b"\0" * 18, "no bytes": lambda d: b"",
        "something else": lambda d: b"<html>",
    }.items():  # fmt: skip
        yield Attempt(f"a zip with {name}", partial(zipped, patch=patch))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        make = partial(zipped, patch=middle, method=method)
        yield Attempt(f"a damaged zip of method {method}", make)
    pipe = "a zip that is a pipe"
    yield Attempt(pipe, lambda f: os.mkfifo(f.with_suffix(".zip")))
    yield Attempt("a zip that is a folder", lambda f: os.mkdir(f.with_suffix(".zip")))
    yield Attempt("a good zip", zipped, harmless=True)


#: Names, paths and URLs of no package.
NAMES = (
    "", ".", "..", "a\0b", "a" * 5000, "/" * 5000, "nothing", "/dev/zero", "/dev/null",
    "/etc/passwd", "none://x", "http://[bad", "http://", "://", "file:///nowhere", "memory://no",
    "zip://a::memory://no", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x.zip", "::",
    "ünï/\U0001f600", "http://127.0.0.1:99999/x", "\ud800", "~", "%s%s%n", "-h", "/proc/self/mem",
    "x.zip", "data:,x",
)  # fmt: skip


def attempts() -> list[Attempt]:
    """Return all attempts on a folder or a zip."""
    good = Attempt("a good package", lambda folder: None, harmless=True)
    made = (yaml_texts(), values(), places(), weights(), statics(), zips())
    return [good, *(attempt for kind in made for attempt in kind)]


def built(attempt: Attempt, good: Path, folder: Path) -> Path:
    """Copy the good package, make it hostile, and return what is to be loaded."""
    shutil.copytree(good, folder)
    attempt.make(folder)
    beside = folder.with_suffix(".zip")
    return beside if beside.exists() else folder
