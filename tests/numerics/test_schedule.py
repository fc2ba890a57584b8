from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from xldm.numerics.schedule import Schedule

PAPER = Schedule.linear()

values = st.floats(-1e3, 1e3)
times = st.integers(0, len(PAPER) - 1)


def test_the_papers_schedule_starts_and_ends_where_its_betas_say():
    assert PAPER.abar[0] == pytest.approx(1 - 1e-4, rel=1e-15)
    assert PAPER.abar[999] / PAPER.abar[998] == pytest.approx(1 - 2e-2, rel=1e-12)


def test_abar_is_the_product_of_what_every_beta_leaves():
    product = Fraction(1)
    for i in range(100):  # exact arithmetic on the same betas
        root = math.sqrt(1e-4) + (math.sqrt(2e-2) - math.sqrt(1e-4)) * i / 999
        product *= 1 - Fraction(root * root)
    assert PAPER.abar[99] == pytest.approx(float(product), rel=1e-13)


@given(t=times)
def test_variance_is_preserved(t):
    assert PAPER.alpha(t) ** 2 + PAPER.sigma(t) ** 2 == pytest.approx(1, abs=1e-15)


@given(t=times)
def test_lam_is_the_log_of_alpha_over_sigma(t):
    assert PAPER.lam(t) == pytest.approx(math.log(PAPER.alpha(t) / PAPER.sigma(t)), abs=1e-12)


@given(clean=values, noise=values, t=times)
def test_the_clean_field_comes_back_from_v(clean, noise, t):
    clean, noise = np.array([clean]), np.array([noise])
    x, v = PAPER.add_noise(clean, noise, t), PAPER.velocity(clean, noise, t)
    np.testing.assert_allclose(PAPER.clean_from_v(x, v, t), clean, rtol=0, atol=1e-12 * 1e3)


@given(clean=values, noise=values, t=times)
@example(clean=1.850997182054764e-161, noise=1.850997182054764e-161, t=0)
def test_v_is_minus_the_clean_field_seen_a_quarter_turn_on(clean, noise, t):
    # (x, v) is (clean, noise) turned by the angle of (alpha, sigma), so lengths are kept.
    clean, noise = np.array([clean]), np.array([noise])
    x, v = PAPER.add_noise(clean, noise, t), PAPER.velocity(clean, noise, t)
    # Not their squares, of which few digits are left where they are subnormal.
    tiny = np.finfo(float).tiny
    np.testing.assert_allclose(np.hypot(x, v), np.hypot(clean, noise), rtol=5e-13, atol=tiny)


@pytest.mark.parametrize("convert", ["add_noise", "velocity", "clean_from_v"])
@pytest.mark.parametrize("kind", [np.float32, torch.float32, torch.float64])
def test_a_batch_of_times_gives_what_each_time_gives(convert, kind):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 4, 3, 5, 2))
    a, b = (
        torch.tensor(f, dtype=kind) if isinstance(kind, torch.dtype) else f.astype(kind)
        for f in (a, b)
    )
    t = np.array([0, 17, 500, 999])
    together = getattr(PAPER, convert)(a, b, t)
    assert together.dtype == kind
    for i, time in enumerate(t):
        alone = getattr(PAPER, convert)(a[i], b[i], int(time))
        np.testing.assert_array_equal(together[i], alone)


def test_one_time_of_any_integer_type_gives_a_python_float():
    for t in (3, np.int64(3), torch.tensor(3)):
        assert type(PAPER.alpha(t)) is float
        assert type(PAPER.sigma(t)) is float
        assert type(PAPER.lam(t)) is float


def test_fields_keep_their_precision():
    x = np.ones((2, 3), np.float32)
    assert PAPER.clean_from_v(x, x, 5).dtype == np.float32


@pytest.mark.parametrize("t", [-1, 1000, 2.0, np.array([0, -3]), np.array([5, 1000])])
def test_times_off_the_schedule_are_refused(t):
    with pytest.raises(IndexError, match="integers from 0 to 999"):
        PAPER.alpha(t)


@pytest.mark.parametrize(
    "abar",
    [
        [0.9],  # one level only
        [[0.9, 0.5]],  # not a row
        [0.5, 0.9],  # grows
        [0.5, 0.5],  # stands still
        [1.0, 0.5],  # no noise at all
        [0.5, 0.0],  # nothing but noise
        [0.9, np.nan],
    ],
)
def test_what_is_no_schedule_is_refused(abar):
    with pytest.raises(ValueError, match="abar"):
        Schedule(np.array(abar))


def test_a_schedule_cannot_be_changed_from_outside():
    abar = np.array([0.9, 0.5])
    schedule = Schedule(abar)
    abar[0] = 0.7
    assert schedule.abar[0] == 0.9
    with pytest.raises(ValueError, match="read-only"):
        schedule.abar[0] = 0.7


@given(clean=values, noise=values, t=times, s=times)
def test_a_step_keeps_the_clean_field_and_the_noise(clean, noise, t, s):
    clean, noise = np.array([clean]), np.array([noise])
    got = PAPER.step(PAPER.add_noise(clean, noise, t), clean, t, s)
    # What rounding leaves of the noise at a small sigma is made larger by a step to a larger one.
    scale = 1e-12 * (np.abs(clean) + np.abs(noise)) / PAPER.sigma(t)
    atol = scale.max() + np.finfo(np.float64).tiny  # below it numbers have fewer digits
    np.testing.assert_allclose(got, PAPER.add_noise(clean, noise, s), rtol=0, atol=atol)


def test_steps_of_a_batch_are_those_of_its_fields():
    x, clean = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).unbind()
    t, s = np.array([999, 500, 10]), np.array([500, 0, 3])
    batch = PAPER.step(x, clean, t, s)
    for i in range(3):
        one = PAPER.step(x[i], clean[i], int(t[i]), int(s[i]))
        torch.testing.assert_close(batch[i], one, rtol=1e-6, atol=1e-5)
