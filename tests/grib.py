"""Write small GRIB files as ECMWF and others encode them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

LAT, LON = np.arange(49.0, 33.0, -1.0), np.arange(3.0, 22.1, 1.0)
_GRID = {
    "Ni": LON.size,
    "Nj": LAT.size,
    "latitudeOfFirstGridPointInDegrees": LAT[0],
    "latitudeOfLastGridPointInDegrees": LAT[-1],
    "longitudeOfFirstGridPointInDegrees": LON[0],
    "longitudeOfLastGridPointInDegrees": LON[-1],
    "iDirectionIncrementInDegrees": 1.0,
    "jDirectionIncrementInDegrees": 1.0,
    "bitsPerValue": 16,
}


def field(value: float) -> np.ndarray:
    """A smooth field about a value, on the grid of all files here."""
    return value + 0.01 * np.abs(value) * (np.sin(LAT[:, None] / 9) + np.cos(LON / 7))


def message(sample: str, values: np.ndarray, **keys: object) -> bytes:
    """One message of ecCodes' sample with keys set, e.g. paramId=167."""
    import eccodes

    handle = eccodes.codes_grib_new_from_samples(sample)
    try:
        for key, value in (_GRID | keys).items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.asarray(values, "float64").ravel())
        return eccodes.codes_get_message(handle)
    finally:
        eccodes.codes_release(handle)


def ifs_open_data(
    path: Path, steps: tuple[int, ...] = (0, 3, 6), members: int = 0, day: int = 20260715
) -> Path:
    """A forecast as ECMWF's open data have it: GRIB 2, sums since the start, none at step 0."""
    # ECMWF's local section holds the keys of MARS.
    common: dict[str, object] = {"centre": 98, "setLocalDefinition": 1, "localDefinitionNumber": 1}
    common |= {"class": "od", "stream": "enfo" if members else "oper"}
    common |= {"dataDate": day, "dataTime": 0}
    surface = {167: 295.0, 168: 286.0, 165: 2.0, 166: -1.0, 151: 101400.0, 235: 296.0}
    upper = {133: 0.008, 130: 286.0, 131: 3.0, 132: -2.0, 135: 0.1}
    sums = {228: 1e-4, 169: 1e6}
    with path.open("wb") as out:
        for member in range(1, members + 1) if members else (None,):
            own = common | {"type": "pf" if member else "fc"}
            for step in steps:
                at = {"productDefinitionTemplateNumber": 1 if member else 0} | own | {"step": step}
                if member:
                    at |= {"number": member, "numberOfForecastsInEnsemble": members}
                plus = 0.1 * step + (member or 0)
                for param, value in surface.items():
                    keys = {"paramId": param, **at}
                    out.write(message("regular_ll_sfc_grib2", field(value + plus), **keys))
                for param, value in upper.items():
                    for level in (850, 500):
                        keys = {"paramId": param, "level": level, **at}
                        out.write(
                            message(
                                "regular_ll_pl_grib2", field(value * (1 + 0.001 * plus)), **keys
                            )
                        )
                for param, value in sums.items() if step else ():
                    template = {"productDefinitionTemplateNumber": 11 if member else 8}
                    keys = {**at, **template, "paramId": param, "stepRange": f"0-{step}"}
                    del keys["step"]
                    out.write(message("regular_ll_sfc_grib2", field(value * step), **keys))
    return path


def era5(path: Path, hours: np.ndarray) -> Path:
    """ERA5 as the Climate Data Store's GRIB: states are analyses, sums short forecasts."""
    common: dict[str, object] = {"centre": 98, "setLocalDefinition": 1, "localDefinitionNumber": 1}
    common |= {"class": "ea", "stream": "oper"}
    with path.open("wb") as out:
        for n, hour in enumerate(hours.astype("datetime64[h]")):
            step = (int(hour.astype("int64")) - 7) % 12 + 1
            for param, value, back in ((167, 295.0, 0), (151, 101400.0, 0), (228, 0.001 * n, step)):
                date, time = str(hour - back).split("T")
                keys = {"dataDate": int(date.replace("-", "")), "dataTime": int(time) * 100}
                keys |= {"type": "fc" if back else "an"}
                if back:
                    keys |= {"stepType": "accum", "stepRange": f"{back - 1}-{back}"}
                keys = common | {"paramId": param} | keys
                out.write(message("regular_ll_sfc_grib1", field(value), **keys))
    return path
