"""What a store was begun with, whether it is complete, and refusals that follow from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xldm.errors import StoreError
from xldm.storage import claims, marks
from xldm.storage.location import Place, locate

BEGUN = {"title": "a", marks.CONTENT: {"coarse": "0" * 64}}


def root(folder: Path, **attrs: object) -> Place:
    group = {"attributes": BEGUN | attrs, "zarr_format": 3, "node_type": "group"}
    (folder / "zarr.json").write_text(json.dumps(group))
    return locate(folder)


def test_a_place_that_only_holds_claims_is_free(tmp_path: Path) -> None:
    (tmp_path / claims.FOLDER).mkdir()
    (tmp_path / claims.FOLDER / "0123").write_bytes(b"")
    assert marks.begun(locate(tmp_path)) is None


def test_another_file_makes_a_place_foreign(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_bytes(b"")
    with pytest.raises(StoreError, match=r"something else already \(thesis.tex\)"):
        marks.begun(locate(tmp_path))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"title": "b"}, "title: a there, b here"),
        ({"seed": 1}, "seed: nothing there, 1 here"),
        (
            {marks.CONTENT: {"coarse": "1" * 64}},
            r"coarse: 0{8}\.\.\. there, 1{8}\.\.\. here",
        ),
        (
            {marks.CONTENT: '{"coarse": "x", "fine": "y"}'},
            "; fine: nothing there, y here",
        ),
    ],
)
def test_every_difference_is_named(tmp_path: Path, other: dict, said: str) -> None:
    place = root(tmp_path)
    with pytest.raises(StoreError, match=f"begun with something else; .*{said}"):
        marks.refuse_other(place, marks.begun(place), BEGUN | other, resume=True)


def test_the_same_is_resumed_only_if_asked(tmp_path: Path) -> None:
    place = root(tmp_path)
    marks.refuse_other(place, marks.begun(place), BEGUN, resume=True)
    with pytest.raises(StoreError, match=r"an incomplete store already.*resume=True"):
        marks.refuse_other(place, marks.begun(place), BEGUN, resume=False)


def test_a_store_is_marked_once(tmp_path: Path) -> None:
    place = root(tmp_path)
    mark = marks.mark_complete(place, "ab" * 32)
    assert mark.endswith(f"Z sha256:{'ab' * 32}")
    assert marks.mark_complete(place, "cd" * 32) == mark
    with pytest.raises(StoreError, match="a complete store already, which is never overwritten"):
        marks.refuse_complete(place, marks.begun(place))


def test_metadata_and_claims_are_no_fields(tmp_path: Path) -> None:
    place = root(tmp_path)
    (tmp_path / claims.FOLDER).mkdir()
    (tmp_path / claims.FOLDER / "0123").write_bytes(b"")
    assert marks.fields_absent(place, ["zarr.json", "t2m/zarr.json"])
    (tmp_path / "chunk").write_bytes(b"")
    assert not marks.fields_absent(place, ["zarr.json", "t2m/zarr.json"])
