"""Request ERA5 from the Climate Data Store, by month, for ``era5_cds_grib.py`` and its like.

    pip install cdsapi      # and an account: https://cds.climate.copernicus.eu/how-to-api
    python recipes/download_era5.py 2001-07-01/2001-08-31 archive/cds-grib
    python recipes/download_era5.py 2001-07-01/2001-08-31 archive/cds-netcdf --form netcdf

Existing files are not requested again. ``--show`` prints the requests as JSON and sends none. A
month over Italy is some 80 MB. We could not reach the store while we wrote this: the requests
follow its documentation.
"""

import argparse
import calendar
import json
from pathlib import Path

from xldm.forge import Period
from xldm.forge.era5_files import FIELDS, LEVELS
from xldm.vocabulary import VOCABULARY

#: North, west, south, east in degrees: the Italian grid and a margin for interpolation.
AREA = [48.5, 3.5, 34, 21]


def requests(period: Period, form: str = "grib") -> dict[str, tuple[str, dict]]:
    """Return dataset and request by file name: two files for each month, whole months.

    The store sends instantaneous fields and sums in netCDF as a zip, whatever the request says.
    """
    found = {}
    for text in period.months:
        year, month = text.split("-")
        days = calendar.monthrange(int(year), int(month))[1]
        common = {
            "product_type": ["reanalysis"],
            "year": [year],
            "month": [month],
            "day": [f"{day:02d}" for day in range(1, days + 1)],
            "time": [f"{hour:02d}:00" for hour in range(24)],
            "area": AREA,
            "data_format": form,
        }
        surface = {
            **common,
            "variable": [VOCABULARY[name].long_name for name in FIELDS["surface"]],
            "download_format": "unarchived" if form == "grib" else "zip",
        }
        pressure = {
            **common,
            "variable": [VOCABULARY[name].long_name for name in FIELDS["pressure"]],
            "pressure_level": [f"{level:g}" for level in LEVELS],
            "download_format": "unarchived",
        }
        endings = ("grib", "grib") if form == "grib" else ("zip", "nc")
        single, levels = (f"reanalysis-era5-{kind}-levels" for kind in ("single", "pressure"))
        found[f"era5-surface-{text}.{endings[0]}"] = (single, surface)
        found[f"era5-pressure-{text}.{endings[1]}"] = (levels, pressure)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("period", type=Period.parse, metavar="FIRST/LAST")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", choices=("grib", "netcdf"), default="grib")
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    wanted = requests(given.period, given.form)
    if given.show:
        print(json.dumps(wanted, indent=2))
        return
    import cdsapi

    client = cdsapi.Client()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, (dataset, request) in wanted.items():
        if not (given.folder / name).exists():
            partial = given.folder / f"{name}.partial"
            client.retrieve(dataset, request, str(partial))
            partial.rename(given.folder / name)


if __name__ == "__main__":
    main()
