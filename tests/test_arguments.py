"""Whatever comes as an argument is used as it should be, or refused before anything is done."""

import inspect

import bad_arguments
import numpy as np
import pytest
from bad_arguments import ATTEMPTS, HUGE, Mute

import xldm
from xldm import arguments
from xldm.models.model import Model


@pytest.fixture(scope="module")
def at(tmp_path_factory) -> bad_arguments.Surroundings:
    return bad_arguments.surroundings(tmp_path_factory.mktemp("attempts"))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_bad_argument_is_refused_by_its_name(name, at, tmp_path, monkeypatch):
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Model, "fields", lambda *a, **k: pytest.fail("networks ran"))
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    attempt = ATTEMPTS[name]
    with pytest.raises(xldm.XldmError) as refusal:
        attempt.call(at._replace(folder=folder))
    assert attempt.named in str(refusal.value)
    assert not list(folder.iterdir())


def test_every_public_function_with_arguments_is_tried():
    functions = {
        name
        for name in xldm.__all__
        if inspect.isroutine(getattr(xldm, name))
        and inspect.signature(getattr(xldm, name)).parameters
    }
    tried = {name.split()[0] for name in ATTEMPTS}
    assert functions <= tried


@pytest.mark.parametrize(
    "members",
    [1, 3, np.int64(2), [0, 4], (7,), range(2, 5), range(5, 2, -1), np.array([0, 9]), None],
)
def test_members_may_be_counted_or_numbered(members):
    assert not arguments.faults(members=(members, arguments.NUMBERS))


@pytest.mark.parametrize("region", [None, "covered", (9, 43, 12, 45), [9.0, 43.0, 12.0, 45.0]])
def test_a_region_may_be_a_word_or_a_box(region):
    assert not arguments.faults(region=(region, arguments.REGION))


_UNSHOWN = {
    "no repr": Mute(), "digits": HUGE, "digits in a list": [HUGE], "an array": np.zeros(10**6),
    "no repr in a mapping": {"a": Mute()}, "a long text": "x" * 10**6,
}  # fmt: skip


@pytest.mark.parametrize("what", _UNSHOWN)
def test_whatever_came_is_shown_in_a_short_line(what):
    text = arguments.brief(_UNSHOWN[what])
    assert len(text) < 250 and "\n" not in text


def test_options_are_never_shown():
    with pytest.raises(xldm.ArgumentTypeError) as refusal:
        arguments.refuse(storage_options=(["hunter2"], arguments.OPTIONS))
    assert "hunter2" not in str(refusal.value)


def test_a_wrong_type_is_a_type_error_and_a_wrong_value_a_value_error():
    with pytest.raises(TypeError, match="parts: expected an integer from 1; got '2'"):
        arguments.refuse(parts=("2", arguments.whole(1)))
    with pytest.raises(ValueError, match="parts: expected an integer from 1; got 0"):
        arguments.refuse(parts=(0, arguments.whole(1)))


def test_every_fault_is_in_one_message():
    faults = arguments.faults(seed=(-1, arguments.SEED), resume=(1, arguments.FLAG))
    assert [fault.partition(":")[0] for fault in faults] == ["seed", "resume"]


@pytest.mark.parametrize("lazy", [False, True])
def test_members_that_no_memory_holds_are_refused_with_an_estimate(lazy, at, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda key: 1000)  # a megabyte
    ds = at.ds.chunk(valid_time=1) if lazy else at.ds
    with pytest.raises(xldm.InputError, match=r"members: 4000 .* take .* GB at once, and this"):
        xldm.downscale(ds, at.model, members=4000, steps=1)


def test_each_hour_alone_may_fit_where_all_do_not(at, monkeypatch):
    hour = 64 * 64 * 4
    monkeypatch.setattr("os.sysconf", lambda key: 1 if key == "SC_PAGE_SIZE" else hour)
    assert xldm.downscale(at.ds.chunk(valid_time=1), at.model, steps=1)["t2m"].chunks
    with pytest.raises(xldm.InputError, match="at all 2 times"):
        xldm.downscale(at.ds, at.model, steps=1)
