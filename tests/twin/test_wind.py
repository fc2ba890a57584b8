"""The twin's wind: how far it departs from its coarse field, and that days differ."""

import sys
from pathlib import Path

import numpy as np
import pytest

from xldm.twin import Twin
from xldm.twin.varying import Varying
from xldm.twin.wind import _ANSWERS, _Sizes

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_no_answer_of_the_ground_changes_its_sign_from_day_to_day():
    sizes = [_Sizes(Varying(0, hour)) for hour in range(0, 24 * 400, 24)]
    assert all(size(name) >= 0 for size in sizes for name in _ANSWERS)


def test_answers_of_two_days_differ():
    first, second = (_Sizes(Varying(0, 24 * day)) for day in (0, 10))
    assert all(first(name) != second(name) for name in _ANSWERS)


def test_land_is_calmer_than_the_sea():
    fine = Twin(0).fine("2001-04-10T12")
    speed = np.hypot(fine["u10"], fine["v10"]).values
    land = Twin(0)._ground.land
    assert speed[land > 0.99].mean() < 0.8 * speed[land < 0.01].mean()


def test_departures_from_the_coarse_field_are_of_the_size_of_a_real_models(shared, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.delitem(sys.modules, "fit_wind", raising=False)
    import fit_wind

    folder = shared / "realdata" / "meteonet_20180501"
    where, wind, _ = fit_wind.arpege(folder, west=6.0, south=41.0)
    made, _ = fit_wind.of_twin(Twin(3), where, 8)
    ratios = []
    for low, high in ((0, 4), (4, 8)):
        sizes = []
        for field in (wind, made):
            speed = np.hypot(*np.moveaxis(where.smooth(field), 1, 0))
            sizes.append(fit_wind.size(where.departure(field), (speed >= low) & (speed < high)))
        ratios.append(sizes[1] / sizes[0])
    assert ratios == pytest.approx([1.2, 1.2], abs=0.45)
