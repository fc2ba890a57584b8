"""What is known about each ERA5 predictor: the one home of names, units and plausible values.

Names are those of ECMWF's parameter database, of the Climate Data Store and of the CF standard name
table. ecCodes gives ``unknown`` as the CF name of several of them, so the CF names are held here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Variable

__all__ = ["ERA5", "Known", "predictor_variables"]


@dataclass(frozen=True)
class Known:
    """One predictor as ERA5 has it.

    Parameters
    ----------
    name : str
        Name within xldm and, at the surface, in netCDF files of the Climate Data Store.
    short : str
        GRIB short name.
    long_name : str
        Name in the Climate Data Store's requests and in ARCO-ERA5.
    param : int
        GRIB ``paramId``.
    standard_names : tuple of str
        CF standard names that mean this quantity; the first is the one to write.
    units : str
        ERA5's units, in which ``low`` and ``high`` bound what is physically plausible.
    mistaken : tuple of str
        Units that files have been seen to hold while their attributes say ``units``.
    level : float, optional
        Pressure level in hPa.
    height : float, optional
        Height above ground in m, which tells apart surface fields of the same standard name.
    accumulated : bool
        A sum over the hour that ends at the time stamp.
    water : bool
        A depth of liquid water, so that 1 kg m-2 is 1 mm.
    gaps : bool
        Missing values are part of the field (the sea surface has none over land).
    aliases, refused : tuple of str
        Other variable names in use; standard names that contradict the quantity.
    """

    name: str
    short: str
    long_name: str
    param: int
    standard_names: tuple[str, ...]
    units: str
    low: float
    high: float
    mistaken: tuple[str, ...] = ()
    level: float | None = None
    height: float | None = None
    accumulated: bool = False
    water: bool = False
    gaps: bool = False
    aliases: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    paper_name: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Variable names, in lower case, that mean this predictor whatever its coordinates."""
        if self.level is None:
            return frozenset({self.name, self.short, self.long_name, *self.aliases})
        stems = (self.short, self.long_name, *self.aliases)
        return frozenset(f"{s}{sep}{self.level:g}" for s in stems for sep in ("", "_"))

    @property
    def stems(self) -> frozenset[str]:
        """Variable names, in lower case, that mean it on a pressure-level coordinate only."""
        if self.level is None:
            return frozenset()
        return frozenset({self.short, self.long_name, *self.aliases})


_CELSIUS = ("degC", "degF")
_W = (
    "lagrangian_tendency_of_air_pressure",
    "vertical_air_velocity_expressed_as_tendency_of_pressure",
)
_SSRD = (
    "integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air",
    "surface_downwelling_shortwave_flux_in_air",
)
_TP = ("lwe_thickness_of_precipitation_amount", "precipitation_amount", "precipitation_flux")
_SD = ("lwe_thickness_of_surface_snow_amount", "surface_snow_amount")

#: The 14 predictors of arXiv 2406.13627 by name, in the paper's order.
ERA5: dict[str, Known] = {
    known.name: known
    for known in (
        Known(
            "t2m", "2t", "2m_temperature", 167, ("air_temperature",), "K", 180, 335,
            _CELSIUS, height=2, aliases=("tas",), paper_name="2mT",
        ),
        Known(
            "msl", "msl", "mean_sea_level_pressure", 151,
            ("air_pressure_at_mean_sea_level", "air_pressure_at_sea_level"), "Pa", 85e3, 110e3,
            ("hPa",), aliases=("psl", "mslp"), paper_name="PMSL",
        ),
        Known(
            "u10", "10u", "10m_u_component_of_wind", 165, ("eastward_wind",), "m s-1", -100, 100,
            height=10, aliases=("u10m", "uas"), paper_name="U10",
        ),
        Known(
            "v10", "10v", "10m_v_component_of_wind", 166, ("northward_wind",), "m s-1", -100, 100,
            height=10, aliases=("v10m", "vas"), paper_name="V10",
        ),
        Known(
            "d2m", "2d", "2m_dewpoint_temperature", 168, ("dew_point_temperature",), "K", 150, 315,
            _CELSIUS, height=2, paper_name="dp2mT",
        ),
        Known(
            "sst", "sst", "sea_surface_temperature", 34, ("sea_surface_temperature",), "K",
            268, 312,
            _CELSIUS, gaps=True, paper_name="SST",
        ),
        # ERA5 holds glaciers at 10 m of water.
        Known(
            "sd", "sd", "snow_depth", 141, _SD, "m", -1e-3, 20, ("mm",), water=True,
            aliases=("snow_depth_water_equivalent", "swe"), refused=("surface_snow_thickness",),
            paper_name="SNDPT",
        ),
        Known(
            "tp", "tp", "total_precipitation", 228, _TP, "m", -1e-4, 0.2, ("mm",),
            accumulated=True, water=True, paper_name="TP",
        ),
        # The sun gives 1361 W m-2 above the atmosphere: 4.9 MJ m-2 in an hour.
        Known(
            "ssrd", "ssrd", "surface_solar_radiation_downwards", 169, _SSRD, "J m-2", -100, 5.1e6,
            ("kJ m-2",), accumulated=True, paper_name="SSRadIn",
        ),
        Known(
            "q850", "q", "specific_humidity", 133, ("specific_humidity",), "kg kg-1", -1e-4, 0.04,
            ("g kg-1",), level=850, paper_name="Q850",
        ),
        Known(
            "t850", "t", "temperature", 130, ("air_temperature",), "K", 190, 325,
            _CELSIUS, level=850, aliases=("ta",), paper_name="T850",
        ),
        Known(
            "u850", "u", "u_component_of_wind", 131, ("eastward_wind",), "m s-1", -120, 120,
            level=850, aliases=("ua",), paper_name="U850",
        ),
        Known(
            "v850", "v", "v_component_of_wind", 132, ("northward_wind",), "m s-1", -120, 120,
            level=850, aliases=("va",), paper_name="V850",
        ),
        Known(
            "w850", "w", "vertical_velocity", 135, _W, "Pa s-1", -60, 60,
            level=850, aliases=("wap",), paper_name="W850",
        ),
    )
}  # fmt: skip


def predictor_variables(
    scaling: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Variable, ...]:
    """The 14 predictors as a model's configuration wants them, in ERA5's units.

    Parameters
    ----------
    scaling : mapping of str to (float, float), optional
        Mean and standard deviation by name; (0, 1) where a name is not given.

    Examples
    --------
    >>> [v.name for v in predictor_variables()][:4]
    ['t2m', 'msl', 'u10', 'v10']
    >>> predictor_variables({"t2m": (287.0, 8.0)})[0].std
    8.0
    """
    scaling = scaling or {}
    return tuple(
        Variable(
            name=k.name,
            standard_name=k.standard_names[0],
            units=k.units,
            mean=scaling.get(k.name, (0.0, 1.0))[0],
            std=scaling.get(k.name, (0.0, 1.0))[1],
            level=k.level,
            paper_name=k.paper_name,
            long_name=k.long_name.replace("_", " "),
        )
        for k in ERA5.values()
    )
