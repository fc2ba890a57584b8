"""Make the static part from the static rasters of the paper's own dataset (Zenodo, GeoTIFF).

``--source`` is a folder or a zip with ``*_2km_domain_trim_EPSG3035.tif`` of the fields ``dtm``,
``land_cover_classes`` and ``lat``, in any folders. The layout follows the documentation; we have
read no file of the record here.
"""

import functools

from xldm.forge import StoreStatic, settings
from xldm.published.dataset import ATTRS
from xldm.published.dataset_files import static

recipe = StoreStatic(
    functools.partial(static, settings().source),
    attrs={
        **{name: ATTRS[name] for name in ("license", "references")},
        "title": "Terrain and land cover at 2 km over Italy, as published with LDM_res",
        "source": "static rasters of the dataset of arXiv 2406.13627",
    },
)
