from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from xldm import statics
from xldm.errors import XldmError
from xldm.evaluation.spectra import radial_spectrum
from xldm.grids.projected import ITALY, axes, lon_lat
from xldm.twin import Twin, write

WINTER_NIGHT = "2001-01-18T04"
SUMMER_NOON = "2001-07-15T12"

# Name: units, and limits that no weather over Italy leaves.
PREDICTORS = {
    "t2m": ("K", 230, 320),
    "msl": ("Pa", 96000, 106000),
    "u10": ("m s**-1", -40, 40),
    "v10": ("m s**-1", -40, 40),
    "d2m": ("K", 220, 305),
    "sst": ("K", 278, 306),
    "sd": ("m of water equivalent", 0, 5),
    "tp": ("m", 0, 0.05),
    "ssrd": ("J m**-2", 0, 4.2e6),
    "q": ("kg kg**-1", 0, 0.025),
    "t": ("K", 250, 305),
    "u": ("m s**-1", -60, 60),
    "v": ("m s**-1", -60, 60),
    "w": ("Pa s**-1", -6, 6),
}


@pytest.fixture(scope="module")
def twin() -> Twin:
    return Twin(0)


@pytest.fixture(scope="module")
def winter(twin) -> tuple[xr.Dataset, xr.Dataset]:
    return twin.hour(WINTER_NIGHT)


@pytest.fixture(scope="module")
def summer(twin) -> tuple[xr.Dataset, xr.Dataset]:
    return twin.hour(SUMMER_NOON)


def random_part(twin: Twin, time: str) -> np.ndarray:
    """Fine fields less what the large scales determine, (3, y, x)."""
    hour = int(np.datetime64(time, "h").astype(int))
    return twin._fine(hour) - twin._expected(hour)[0]


def test_an_hour_is_the_same_whatever_was_asked_before(twin, winter):
    fresh = Twin(0)
    fresh.fine("2003-05-05T05")
    xr.testing.assert_identical(fresh.fine(WINTER_NIGHT), winter[1])
    xr.testing.assert_identical(fresh.era5(np.datetime64(WINTER_NIGHT, "ns")), winter[0])


def test_seeds_have_weather_of_their_own(winter):
    other = Twin(1).fine(WINTER_NIGHT)["u10"].values.ravel()
    assert abs(np.corrcoef(other, winter[1]["u10"].values.ravel())[0, 1]) < 0.8
    assert np.abs(other - winter[1]["u10"].values.ravel()).mean() > 1


def test_years_have_weather_of_their_own(twin, winter):
    later = twin.fine(WINTER_NIGHT.replace("2001", "2002"))
    assert np.abs(later["u10"] - winter[1]["u10"]).mean() > 1


def test_fine_fields_lie_on_the_italian_grid(summer):
    fine = summer[1]
    y, x = axes(ITALY, fine=True)
    np.testing.assert_array_equal(fine["y"], y)
    np.testing.assert_array_equal(fine["x"], x)
    assert {n: (v.dims, v.dtype.name, v.attrs["units"]) for n, v in fine.data_vars.items()} == {
        "t2m": (("y", "x"), "float32", "K"),
        "u10": (("y", "x"), "float32", "m s-1"),
        "v10": (("y", "x"), "float32", "m s-1"),
    }


@pytest.mark.parametrize("time", [WINTER_NIGHT, SUMMER_NOON])
def test_all_predictors_have_era5_units_and_credible_values(twin, time):
    era5 = twin.era5(time)
    assert set(era5.data_vars) == set(PREDICTORS)
    for name, (units, low, high) in PREDICTORS.items():
        field = era5[name]
        assert field.attrs["units"] == units
        assert low <= float(field.min()) and float(field.max()) <= high, name
        assert name == "sst" or np.isfinite(field).all(), name


def test_coarse_side_is_laid_out_as_a_cds_netcdf(summer):
    era5 = summer[0]
    assert era5["t2m"].dims == ("valid_time", "latitude", "longitude")
    assert era5["t"].dims == ("valid_time", "pressure_level", "latitude", "longitude")
    assert era5["pressure_level"].values.tolist() == [850.0]
    assert era5["latitude"].values[[0, -1]].tolist() == [48.5, 34.0]
    assert era5["longitude"].values[[0, -1]].tolist() == [3.5, 21.0]
    assert era5["valid_time"].values.tolist() == [np.datetime64(SUMMER_NOON, "ns").astype(int)]


@pytest.mark.parametrize("name", ["t2m", "u10", "v10"])
def test_coarse_values_are_means_of_the_fine_field(summer, name):
    """Against sums over great-circle distances, cell by cell."""
    era5, fine = summer
    lon, lat = (np.radians(a) for a in lon_lat(ITALY, fine=True))
    for centre_lat, centre_lon in [
        (45.5, 9.25),
        (46.5, 11.0),
        (42.0, 13.5),
        (40.0, 9.0),
        (38.0, 14.0),
    ]:
        phi, theta = np.radians(centre_lat), np.radians(centre_lon)
        cosine = np.sin(phi) * np.sin(lat) + np.cos(phi) * np.cos(lat) * np.cos(lon - theta)
        distance = 6371e3 * np.arccos(np.minimum(cosine, 1))
        weight = np.where(distance < 31e3, 1 + np.cos(np.pi * distance / 31e3), 0)
        mean = (weight * fine[name].values).sum() / weight.sum()
        found = float(era5[name][0].sel(latitude=centre_lat, longitude=centre_lon))
        assert found == pytest.approx(mean, abs=0.05)


def test_outside_the_fine_grid_the_coarse_side_goes_on_smoothly(summer):
    t2m = summer[0]["t2m"].values[0]
    edge = np.abs(np.diff(t2m, axis=0))
    assert edge[:2].max() < edge[8:-8].max()


def test_no_sunshine_at_night(winter):
    assert (winter[0]["ssrd"] == 0).all()


def test_sunshine_is_summed_over_the_hour_that_ends_at_the_stamp(twin):
    # Sunrise at Rome on this day is 03:45 UTC: nothing before, some in the hour to 05.
    sums = [
        float(twin.era5(f"2001-07-15T{h:02d}")["ssrd"].sel(latitude=42, longitude=12.5)[0])
        for h in (3, 4, 5)
    ]
    assert sums[0] == 0 < sums[1] < sums[2]


def test_sea_surface_temperature_is_missing_on_land_alone(summer):
    sst = summer[0]["sst"][0]
    assert np.isnan(sst.sel(latitude=45.5, longitude=9.25))
    assert np.isfinite(sst.sel(latitude=40.0, longitude=12.0))


@pytest.mark.parametrize("time", [WINTER_NIGHT, SUMMER_NOON])
def test_dew_point_does_not_exceed_temperature(twin, time):
    era5 = twin.era5(time)
    assert (era5["d2m"] <= era5["t2m"]).all()


def test_small_scales_have_the_spectrum_of_turbulence(twin):
    """One-dimensional spectrum along rows, an estimate apart from how the noise is made."""
    energy = 0.0
    for knot in range(2):
        u, v = twin._noise.at(3 * knot)[1:]
        for field in (u, v):
            energy = energy + (np.abs(np.fft.rfft(field, axis=1)) ** 2).mean(0)
    wavelength = np.divide(
        1, np.fft.rfftfreq(576, 2.0), where=np.arange(289) > 0, out=np.full(289, np.inf)
    )
    band = (wavelength > 6) & (wavelength < 50)
    slope = np.polyfit(np.log(1 / wavelength[band]), np.log(energy[band]), 1)[0]
    assert slope == pytest.approx(-5 / 3, abs=0.15)


def test_kinetic_energy_of_the_fine_wind_falls_about_as_that_of_the_atmosphere(winter, summer):
    energy = 0.0
    for _, fine in (winter, summer):
        wind = np.stack([fine["u10"].values, fine["v10"].values])
        wavelength, power = radial_spectrum(wind, 2.0)
        energy = energy + power.sum(0)
    band = (wavelength > 10) & (wavelength < 100)
    # Averaged over directions it is a density in the plane, which falls by one power more.
    slope = np.polyfit(np.log(1 / wavelength[band]), np.log(energy[band]), 1)[0] + 1
    assert slope == pytest.approx(-5 / 3, abs=0.4)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_small_scales_keep_their_variance_between_knots(twin, part):
    assert twin._noise.at(30 + part).std(axis=(1, 2)) == pytest.approx([1, 1, 1], abs=0.25)


def test_small_scales_are_stronger_where_the_wind_is(twin):
    hour = int(np.datetime64("2001-02-03T03", "h").astype(int))
    expected, spread = twin._expected(hour)
    speed = np.hypot(expected[1], expected[2])
    calm, windy = speed < np.percentile(speed, 10), speed > np.percentile(speed, 90)
    noise = random_part(twin, "2001-02-03T03")[1]
    assert noise[windy].std() > 1.1 * noise[calm].std()
    assert spread[1][windy].mean() > 1.1 * spread[1][calm].mean()


@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_nights_over_the_alps_cool_with_height_as_measured(twin, month):
    """Trentino's stations have -3.8 to -5.5 K/km at 04 UTC, depending on the season."""
    static = statics.embedded()
    lon, lat = static["lon"].values, static["lat"].values
    trentino = (abs(lon - 11.2) < 0.7) & (abs(lat - 46.1) < 0.35) & (static["orog"].values < 2300)
    km = static["orog"].values[trentino] / 1000
    rates = []
    for day in range(1, 29, 4):
        hour = int(np.datetime64(f"2001-{month:02d}-{day:02d}T04", "h").astype(int))
        rates.append(np.polyfit(km, twin._expected(hour)[0][0][trentino], 1)[0])
    assert -7 < np.mean(rates) < -2.5


def test_land_warms_over_the_sea_by_day_in_summer(twin, summer):
    land = statics.embedded()["land_mask"].values > 0
    low = land & (statics.embedded()["orog"].values < 100)
    night = twin.fine("2001-07-15T03")["t2m"].values
    noon = summer[1]["t2m"].values
    assert noon[low].mean() - night[low].mean() > 6
    assert abs(noon[~land].mean() - night[~land].mean()) < 2.5


def test_next_hour_is_near(twin):
    hours = [twin.fine(np.datetime64("2001-07-15T05") + h) for h in range(3)]
    for name, limit in {"t2m": 2.0, "u10": 1.5, "v10": 1.5}.items():
        steps = [b[name] - a[name] for a, b in itertools.pairwise(hours)]
        assert all(float(np.sqrt((s**2).mean())) < limit for s in steps)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_only_whole_seeds_are_taken(seed):
    with pytest.raises(XldmError, match="seed: expected an integer"):
        Twin(seed)


@pytest.mark.parametrize(
    "time", ["2001-07-15T12:30", "NaT", np.datetime64("2001-07-15T12:00:00.5")]
)
def test_only_whole_hours_are_taken(twin, time):
    with pytest.raises(ValueError, match="whole hours only"):
        twin.fine(time)


def test_a_store_holds_the_hours_asked_for(twin, winter, tmp_path):
    path = write(tmp_path / "twin.zarr", "2001-01-18T03", WINTER_NIGHT)
    with xr.open_zarr(path, group="fine", consolidated=False) as fine:
        assert fine["time"].dt.hour.values.tolist() == [3, 4]
        np.testing.assert_array_equal(fine["t2m"][1], winter[1]["t2m"])
    with xr.open_zarr(path, group="era5", consolidated=False) as era5:
        np.testing.assert_array_equal(era5["t"][1], winter[0]["t"][0])


def test_a_store_is_never_written_over(tmp_path):
    (tmp_path / "twin.zarr").mkdir()
    with pytest.raises(FileExistsError, match="choose another name"):
        write(tmp_path / "twin.zarr", "2001-01-18T03", "2001-01-18T03")
