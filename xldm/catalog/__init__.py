"""The intake catalog: entries by name, and the drivers that open them.

In: ``catalogs/catalog.yaml`` and the arguments of an entry. Out: datasets, stores and models,
opened lazily. Drivers only delegate; the readers belong in other rooms (`stores`, `published`,
`twin`, `packages`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..storage import shipped

if TYPE_CHECKING:
    import intake.catalog

__all__ = ["open_catalog"]


def open_catalog() -> intake.catalog.Catalog:
    """Open the intake catalog of data and models; ``intake.cat.xldm`` is the same.

    Listing and describing entries touches neither data nor network.

    Returns
    -------
    intake.catalog.Catalog
        ``.read()`` of an entry returns a lazily indexed Dataset, ``.to_dask()`` a chunked one; the
        description names exceptions. Call an entry to set its arguments: ``cat.part(url=...)``.

    Examples
    --------
    >>> cat = open_catalog()
    >>> list(cat)
    ['era5_sample', 'italy_static', 'era5_arco', 'training_store', 'part', 'twin', ...]
    >>> dict(cat.era5_sample.to_dask().sizes)
    {'time': 24, 'latitude': 17, 'longitude': 21}
    """
    import intake

    return intake.open_catalog(str(shipped.catalogs() / "catalog.yaml"), name="xldm")


def __getattr__(name: str) -> Any:
    # The entry point of intake names an object, not a function; create it on first access.
    if name == "cat":
        return open_catalog()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
