"""The vocabulary of meteorological fields: names, units, plausible values, sums, gaps, winds.

Names are those of ECMWF's parameter database, of the Climate Data Store and of the CF standard name
table. ecCodes gives ``unknown`` as the CF name of several fields, so CF names are stated here. An
entry describes a field; it puts the field on no list (see :mod:`xldm.inputs.lists`). Names that
other providers use belong to :mod:`xldm.inputs.dialects`. Fields that serve only to derive others
are in :data:`PARTS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["PARTS", "VOCABULARY", "Known", "is_sum", "units_of", "winds"]


@dataclass(frozen=True)
class Known:
    """One field as ERA5 has it.

    Parameters
    ----------
    name : str
        Name within xldm and, at the surface, in netCDF files of the Climate Data Store.
    short : str
        GRIB short name.
    long_name : str
        Name in the Climate Data Store's requests and in ARCO-ERA5.
    param : int
        GRIB ``paramId``; 0 if there is none.
    standard_names : tuple of str
        CF standard names that mean this quantity; the first is the one to write.
    units : str
        ERA5's units, in which ``low`` and ``high`` bound what is physically plausible.
    least : float
        The largest value of a field is 0 or above this: fractions under the name of percents are
        small, but within the bounds.
    mistaken : tuple of str
        Units that files have been seen to hold while their attributes say ``units``.
    usual : (float, float), optional
        Bounds of its size in a wide domain: the root mean square of the values that are at least a
        hundredth of the largest. They tell units that ``low`` and ``high`` do not tell.
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
    static : bool
        It does not vary in time.
    refused : tuple of str
        Standard names that contradict the quantity.
    params : dict of int to str
        Other GRIB ``paramId`` of the field, and the units that they stand for.
    northward : str
        For the eastward component of a wind, the name of its northward component.
    paper_name : str
        Name in arXiv 2406.13627, if the paper uses the field.
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
    usual: tuple[float, float] | None = None
    level: float | None = None
    height: float | None = None
    accumulated: bool = False
    water: bool = False
    least: float = 0.0
    gaps: bool = False
    static: bool = False
    refused: tuple[str, ...] = ()
    params: Mapping[int, str] = field(default_factory=dict, hash=False)
    northward: str = ""
    paper_name: str = ""

    @property
    def quantity(self) -> str:
        """What the field is, in words."""
        return self.long_name.replace("_", " ")


_CELSIUS = ("degC", "degF")
_SPEED = ("km/h", "knots")
# The domain's mean wind is seldom half of these.
_WIND_10M, _WIND_850 = (0.1, 14.0), (0.1, 40.0)
_NO_TEMPERATURE = ("air_potential_temperature", "virtual_temperature", "wet_bulb_temperature")
_W = (
    "lagrangian_tendency_of_air_pressure",
    "vertical_air_velocity_expressed_as_tendency_of_pressure",
)
_SSRD = (
    "integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air",
    "surface_downwelling_shortwave_flux_in_air",
)
_NO_SSRD = (
    "surface_net_downward_shortwave_flux",
    "surface_downwelling_shortwave_flux_in_air_assuming_clear_sky",
    "surface_direct_downwelling_shortwave_flux_in_air",
    "surface_diffuse_downwelling_shortwave_flux_in_air",
    "surface_downwelling_longwave_flux_in_air",
    "surface_upwelling_shortwave_flux_in_air",
    "toa_incoming_shortwave_flux",
)
_TP = ("lwe_thickness_of_precipitation_amount", "precipitation_amount", "precipitation_flux")
_SD = ("lwe_thickness_of_surface_snow_amount", "surface_snow_amount")
# Of precipitation, what falls as snow, or from one kind of cloud.
_NO_TP = (
    "snowfall_amount", "snowfall_flux", "lwe_snowfall_rate", "lwe_thickness_of_snowfall_amount",
    "convective_precipitation_amount", "convective_precipitation_flux",
    "lwe_convective_precipitation_rate", "convective_rainfall_amount", "convective_rainfall_flux",
    "stratiform_precipitation_amount", "stratiform_precipitation_flux",
    "lwe_stratiform_precipitation_rate",
)  # fmt: skip

#: Every field that xldm knows, by name; a new field is added here.
VOCABULARY: dict[str, Known] = {
    known.name: known
    for known in (
        Known(
            "t2m", "2t", "2m_temperature", 167, ("air_temperature",), "K", 180, 335,
            _CELSIUS, height=2, refused=_NO_TEMPERATURE, paper_name="2mT",
        ),
        Known(
            "msl", "msl", "mean_sea_level_pressure", 151,
            ("air_pressure_at_mean_sea_level", "air_pressure_at_sea_level"), "Pa", 85e3, 110e3,
            ("hPa",), paper_name="PMSL", params={260074: "Pa"},
        ),
        Known(
            "u10", "10u", "10m_u_component_of_wind", 165, ("eastward_wind",), "m s-1", -100, 100,
            _SPEED, usual=_WIND_10M, height=10, refused=("x_wind", "grid_eastward_wind"),
            northward="v10", paper_name="U10",
        ),
        Known(
            "v10", "10v", "10m_v_component_of_wind", 166, ("northward_wind",), "m s-1", -100, 100,
            _SPEED, usual=_WIND_10M, height=10, refused=("y_wind", "grid_northward_wind"),
            paper_name="V10",
        ),
        Known(
            "d2m", "2d", "2m_dewpoint_temperature", 168, ("dew_point_temperature",), "K", 150, 315,
            _CELSIUS, height=2, paper_name="dp2mT",
        ),
        Known(
            "sst", "sst", "sea_surface_temperature", 34,
            ("sea_surface_temperature", "sea_surface_foundation_temperature"), "K", 268, 312,
            _CELSIUS, gaps=True, paper_name="SST", params={151159: "degC", 262101: "K"},
        ),
        # ERA5 holds glaciers at 10 m of water.
        Known(
            "sd", "sd", "snow_depth", 141, _SD, "m", -1e-3, 20, ("mm",), usual=(1e-4, 15),
            water=True,
            refused=("surface_snow_thickness",), paper_name="SNDPT", params={228141: "kg m-2"},
        ),
        Known(
            "tp", "tp", "total_precipitation", 228, _TP, "m", -1e-4, 0.2, ("mm", "mm s-1"),
            usual=(1e-5, 0.015), accumulated=True, water=True, refused=_NO_TP, paper_name="TP",
            params={
                228228: "kg m-2", 235055: "kg m-2 s-1", 260048: "kg m-2 s-1", 3059: "kg m-2 s-1",
            },
        ),
        # The sun gives 1361 W m-2 above the atmosphere: 4.9 MJ m-2 in an hour.
        Known(
            "ssrd", "ssrd", "surface_solar_radiation_downwards", 169, _SSRD, "J m-2", -100, 5.1e6,
            ("kJ m-2",), accumulated=True, refused=_NO_SSRD, paper_name="SSRadIn",
            params={235035: "W m-2", 260087: "W m-2"},
        ),
        Known(
            "q850", "q", "specific_humidity", 133, ("specific_humidity",), "kg kg-1", -1e-4, 0.04,
            ("g kg-1",), level=850, least=5e-5, refused=("humidity_mixing_ratio",),
            paper_name="Q850",
        ),
        Known(
            "t850", "t", "temperature", 130, ("air_temperature",), "K", 190, 325,
            _CELSIUS, level=850, refused=_NO_TEMPERATURE, paper_name="T850",
        ),
        Known(
            "u850", "u", "u_component_of_wind", 131, ("eastward_wind",), "m s-1", -120, 120,
            _SPEED, usual=_WIND_850, level=850, refused=("x_wind", "grid_eastward_wind"),
            northward="v850", paper_name="U850",
        ),
        Known(
            "v850", "v", "v_component_of_wind", 132, ("northward_wind",), "m s-1", -120, 120,
            _SPEED, usual=_WIND_850, level=850, refused=("y_wind", "grid_northward_wind"),
            paper_name="V850",
        ),
        Known(
            "w850", "w", "vertical_velocity", 135, _W, "Pa s-1", -60, 60,
            ("hPa s-1",), usual=(0.01, 8), level=850, paper_name="W850",
        ),
    )
}  # fmt: skip

#: Fields that models of today do not take, but from which those of :data:`VOCABULARY` follow.
PARTS: dict[str, Known] = {
    known.name: known
    for known in (
        Known(
            "skt", "skt", "skin_temperature", 235, ("surface_temperature",), "K", 180, 350,
            _CELSIUS,
        ),
        Known(
            "wskt", "wskt", "open_water_skin_temperature", 0, (), "K", 260, 320, _CELSIUS,
            gaps=True,
        ),
        Known(
            "lsm", "lsm", "land_sea_mask", 172, ("land_binary_mask", "land_area_fraction"), "1",
            0, 1, ("1", "%"), least=0.015, static=True,
        ),
        Known(
            "orog", "orog", "orography", 228002, ("surface_altitude",), "m", -500, 9000,
            static=True,
        ),
        Known(
            "sp", "sp", "surface_pressure", 134, ("surface_air_pressure",), "Pa", 45e3, 110e3,
            ("hPa",),
        ),
        Known(
            "q2m", "2sh", "2m_specific_humidity", 174096, ("specific_humidity",), "kg kg-1",
            -1e-4, 0.05, ("g kg-1",), height=2, least=5e-5, refused=("humidity_mixing_ratio",),
        ),
        Known(
            "r2", "2r", "2m_relative_humidity", 260242, ("relative_humidity",), "%", 0, 150,
            ("1",), height=2, least=1.5,
        ),
        Known(
            "si10", "10si", "10m_wind_speed", 207, ("wind_speed",), "m s-1", 0, 100, height=10,
        ),
        Known(
            "wdir10", "10wdir", "10m_wind_direction", 260260, ("wind_from_direction",), "degree",
            -180, 360, ("rad",), height=10, least=6.5, refused=("wind_to_direction",),
        ),
        Known(
            "sde", "sde", "snow_thickness", 3066, ("surface_snow_thickness",), "m", -1e-3, 60,
            ("cm", "mm"), refused=(),
        ),
        Known(
            "rsn", "rsn", "snow_density", 33, ("snow_density",), "kg m-3", 0, 1000,
        ),
        Known(
            "lsp", "lsp", "large_scale_precipitation", 142,
            ("lwe_thickness_of_stratiform_precipitation_amount",), "m", -1e-4, 0.2, ("mm",),
            accumulated=True, water=True, params={3062: "kg m-2"},
        ),
        Known(
            "cp", "cp", "convective_precipitation", 143,
            ("lwe_thickness_of_convective_precipitation_amount",), "m", -1e-4, 0.2, ("mm",),
            accumulated=True, water=True, params={228143: "kg m-2", 3063: "kg m-2"},
        ),
        Known(
            "r850", "r", "relative_humidity", 157, ("relative_humidity",), "%", -10, 180,
            ("1",), level=850, least=1.5,
        ),
        Known(
            "wz850", "wz", "geometric_vertical_velocity", 260238, ("upward_air_velocity",),
            "m s-1", -30, 30, level=850,
        ),
    )
}  # fmt: skip


def winds(names: Iterable[str]) -> list[str]:
    """Return the names that are components of a wind, in the order of the vocabulary.

    Examples
    --------
    >>> winds(["v850", "t2m", "u10"])
    ['u10', 'v850']
    """
    names = set(names)
    pairs = [(k.name, k.northward) for k in VOCABULARY.values() if k.northward]
    return [name for pair in pairs for name in pair if name in names]


def units_of(name: str, side: str) -> str:
    """Return the units of a field: ERA5's, but mm for fine rain, as gauges and models have it.

    Parameters
    ----------
    name : str
        A name of the vocabulary.
    side : {"coarse", "fine"}

    Examples
    --------
    >>> units_of("t2m", "fine"), units_of("tp", "fine"), units_of("tp", "coarse")
    ('K', 'mm', 'm')
    """
    return "mm" if (side, name) == ("fine", "tp") else VOCABULARY[name].units


def is_sum(name: str) -> bool:
    """Tell whether a field of this name is a sum over the hour that ends at its time.

    Examples
    --------
    >>> is_sum("tp"), is_sum("t2m"), is_sum("unheard-of")
    (True, False, False)
    """
    known = VOCABULARY.get(name) or PARTS.get(name)
    return known is not None and known.accumulated
