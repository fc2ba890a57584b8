"""Legends of land-cover maps, and classes as bands."""

import numpy as np
import pytest

from xldm.statics.landcover import CGLS_LC100, GLC2000, IGBP, LEGENDS, one_hot, refuse_unknown

LAND = np.array([[False, True, True, True, True]])


def classes(codes, legend, land=LAND):
    """Name of the class that each cell ends up in."""
    names, bands = one_hot(np.array([codes]), land, legend)
    assert (bands.sum(axis=0) == 1).all()
    return [names[band] for band in bands[:, 0].argmax(axis=0)]


def test_codes_of_cgls_are_those_of_its_manual():
    # Ten classes of cover in tens; forests 111 to 126, of which the last digit is the leaf type.
    forests = {10 * density + leaf for density in (11, 12) for leaf in range(1, 7)}
    assert set(CGLS_LC100.classes) == {*range(20, 101, 10)} | forests
    assert {*CGLS_LC100.sea} == {200} and CGLS_LC100.unknown == {0, 255}


def test_only_cgls_tells_lakes_from_the_sea():
    assert [name for name, legend in LEGENDS.items() if legend.tells_sea] == ["cgls-lc100"]


@pytest.mark.parametrize("legend", LEGENDS.values(), ids=LEGENDS)
def test_every_legend_has_lakes_and_says_what_it_is_owed(legend):
    assert "inland_water" in legend.classes.values()
    assert not legend.unknown & {*legend.classes, *legend.sea}
    assert all(legend.attrs[key] for key in ("source", "license", "references"))


def test_cgls_is_credited_under_its_licence():
    assert CGLS_LC100.attrs["license"] == "CC-BY-4.0"
    assert "Buchhorn" in CGLS_LC100.attrs["references"]


def test_an_unknown_code_is_refused_and_those_of_the_legend_are_listed():
    with pytest.raises(ValueError, match=r"holds 250, which .* GLC2000 lacks; it has 1, 2, 3"):
        refuse_unknown(np.array([18, 250]), GLC2000)
    refuse_unknown(np.array([20, 23]), GLC2000)


def test_water_of_igbp_beside_the_sea_is_the_nearest_land_and_elsewhere_a_lake():
    found = classes([0, 0, 12, 0, 12], IGBP)
    assert found == ["sea", "cropland", "cropland", "inland_water", "cropland"]


def test_both_codes_that_modis_has_for_water_are_one_class():
    land = np.ones((1, 4), bool)
    assert classes([17, 12, 0, 12], IGBP, land).count("inland_water") == 2


def test_water_of_cgls_beside_the_sea_stays_a_lake():
    assert classes([200, 80, 20, 20, 20], CGLS_LC100)[1] == "inland_water"


def test_sea_of_cgls_on_land_is_the_nearest_land_wherever_it_is():
    found = classes([200, 40, 40, 200, 20], CGLS_LC100)
    assert found[:3] == ["sea", "cropland", "cropland"] and found[3] in ("cropland", "shrubs")


def test_sea_is_where_the_mask_says_so_whatever_the_map_says():
    assert classes([40, 40, 40, 40, 40], CGLS_LC100)[0] == "sea"


def test_land_where_the_map_knows_only_sea_is_refused():
    with pytest.raises(ValueError, match="land has the codes 200, which are no classes of land"):
        classes([200] * 5, CGLS_LC100)
