r"""Make the static part from tiles of Copernicus DEM GLO-90 and the land cover of CGLS-LC100.

    python -m xldm.forge statics_geotiff --source URL --target URL

``--source`` is a folder with the tiles in ``dem/`` and the map in ``landcover/``. Italy needs about
150 tiles, and the land cover of the whole globe, 1.7 GB:

    aws s3 sync --no-sign-request s3://copernicus-dem-90m all --exclude '*' \
        --include 'Copernicus_DSM_COG_30_N3[4-9]_00_E0[01]?_00_DEM/*_DEM.tif' \
        --include 'Copernicus_DSM_COG_30_N4[0-7]_00_E0[01]?_00_DEM/*_DEM.tif'
    mkdir -p archive/dem archive/landcover && mv all/*/*.tif archive/dem
    map=PROBAV_LC100_global_v3.0.1_2019-nrt_Discrete-Classification-map_EPSG-4326.tif
    cd archive/landcover && curl -LO https://zenodo.org/records/3939050/files/$map

For other terrain or another map, change TERRAIN and LEGEND: xldm also knows Copernicus DEM GLO-30,
ETOPO 2022 and GLOBE, IGBP and GLC2000. The fields' attributes state the attribution that each
requires.
"""

import functools

from xldm.forge import StoreStatic, settings
from xldm.grids.projected import ITALY
from xldm.statics import rasters
from xldm.statics.landcover import LEGENDS
from xldm.statics.terrain_sources import TERRAINS

TERRAIN = TERRAINS["copernicus-glo-90"]
LEGEND = LEGENDS["cgls-lc100"]

source = settings().source

recipe = StoreStatic(
    functools.partial(
        rasters.static, f"{source}/dem/*.tif", f"{source}/landcover/*.tif", ITALY, TERRAIN, LEGEND
    ),
    attrs={
        "title": "Static fields of the Italian 2 km grid",
        "source": "tiles of terrain and a map of land cover, as each field names them",
        "license": "of the terrain and of the land cover, as each field states them",
        "references": "those that each field names",
    },
)
