"""Request VHR-REA_IT from CMCC's Data Delivery System by month, for ``cosmo_vhr_rea_it.py``.

    pip install "ddsapi[data]"      # and an account, its key in ~/.ddsapirc: https://dds.cmcc.it
    python recipes/download_vhr_rea_it.py 2001-07-01/2001-08-31 archive/vhr-rea-it

``--rain`` requests precipitation instead, for ``cosmo_vhr_rea_it_rain.py``. Existing files are not
requested again. ``--show`` prints the requests as JSON and sends none. A month is some 3.5 GB
before compression. We could not reach the system while we wrote this: the requests follow those
that its users have published.
"""

import argparse
import calendar
import json
from pathlib import Path

from xldm.forge import Period

#: Degrees: the Italian grid and a margin for interpolation.
AREA = {"north": 48.0, "south": 34.5, "west": 4.0, "east": 20.5}
#: By the beginning of a file's name.
VARIABLES = {
    "vhr-rea-it": ["air_temperature", "grid_eastward_wind", "grid_northward_wind"],
    "vhr-rea-it-rain": ["precipitation_amount"],
}


def requests(period: Period, files: str = "vhr-rea-it") -> dict[str, tuple[str, str, dict]]:
    """Return dataset, product and request by file name: one file for each month, whole months."""
    found = {}
    for text in period.months:
        year, month = text.split("-")
        days = calendar.monthrange(int(year), int(month))[1]
        time = {
            "year": [year],
            "month": [month],
            "day": [f"{day:02d}" for day in range(1, days + 1)],
            "hour": [f"{hour:02d}" for hour in range(24)],
        }
        request = {"area": AREA, "time": time, "variable": VARIABLES[files], "format": "netcdf"}
        found[f"{files}-{text}.nc"] = ("era5-downscaled-over-italy", "hourly", request)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("period", type=Period.parse, metavar="FIRST/LAST")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rain", action="store_true")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    wanted = requests(given.period, "vhr-rea-it-rain" if given.rain else "vhr-rea-it")
    if given.show:
        print(json.dumps(wanted, indent=2))
        return
    import ddsapi

    client = ddsapi.Client()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, (dataset, product, request) in wanted.items():
        if not (given.folder / name).exists():
            partial = given.folder / f"{name}.partial"
            client.retrieve(dataset, product, request, str(partial))
            partial.rename(given.folder / name)


if __name__ == "__main__":
    main()
