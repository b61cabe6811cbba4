"""Datums, epochs and plane coordinates against pyproj; the GCJ-02 codec against known points and against itself."""

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning import gauss_krueger, gcj02, geodesy

CHINA_LATITUDES = st.floats(18.0, 54.0)
CHINA_LONGITUDES = st.floats(73.6, 135.0)
EARTH_RADIUS_M = 6.37e6


def grid_of_zone(number, points=25):
    latitude, longitude = np.meshgrid(np.linspace(0.0, 56.0, points), 3.0 * number + np.linspace(-1.5, 1.5, points))
    return np.radians(latitude.ravel()), np.radians(longitude.ravel())


def metres_apart(first, second):
    north = (first[0] - second[0]) * EARTH_RADIUS_M
    east = (first[1] - second[1]) * EARTH_RADIUS_M * np.cos(first[0])
    return np.hypot(north, east)


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("number", [25, 33, 39, 45])
def test_a_zone_agrees_with_pyproj_within_a_tenth_of_a_millimetre_both_ways(number, numbered):
    zone = gauss_krueger.GaussKruegerZone(number, numbered)
    latitude, longitude = grid_of_zone(number)
    northing, easting = zone.plane_from_geodetic(latitude, longitude)
    reference = pyproj.Transformer.from_crs("EPSG:4490", f"EPSG:{zone.epsg}")  # axes as the authority orders them: north first
    expected_northing, expected_easting = reference.transform(np.degrees(latitude), np.degrees(longitude))
    assert np.hypot(northing - expected_northing, easting - expected_easting).max() < 1e-4
    expected = np.radians(reference.transform(expected_northing, expected_easting, direction="INVERSE"))
    assert metres_apart(expected, zone.geodetic_from_plane(expected_northing, expected_easting)).max() < 1e-4


@given(CHINA_LATITUDES, CHINA_LONGITUDES, st.booleans())
def test_plane_and_back_is_the_same_point(latitude_deg, longitude_deg, numbered):
    point = np.radians([latitude_deg]), np.radians([longitude_deg])
    zone = gauss_krueger.zone_of(float(point[1][0]), numbered=numbered)
    assert abs(np.degrees(zone.central_meridian_rad) - longitude_deg) <= 1.5 + 1e-9
    assert metres_apart(point, zone.geodetic_from_plane(*zone.plane_from_geodetic(*point)))[0] < 1e-6


def test_the_central_meridian_lies_on_the_false_easting():
    zone = gauss_krueger.GaussKruegerZone(39)
    assert zone.plane_from_geodetic([0.0], [np.radians(117.0)]) == (pytest.approx([0.0]), pytest.approx([39_500_000.0]))


@pytest.mark.parametrize("number", [24, 46])
def test_a_zone_outside_china_is_refused(number):
    with pytest.raises(ValueError, match="zones"):
        gauss_krueger.GaussKruegerZone(number)


def test_nan_stays_nan_in_every_conversion():
    nothing = np.array([np.nan])
    zone = gauss_krueger.GaussKruegerZone(38)
    conversions = [zone.plane_from_geodetic, zone.geodetic_from_plane, gcj02.gcj02_from_geodetic, gcj02.geodetic_from_gcj02]
    assert all(np.isnan(convert(nothing, nothing)).all() for convert in conversions)
    assert np.isnan(geodesy.geocentric_from_geodetic(geodesy.CGCS2000, nothing, nothing, nothing)).all()


@pytest.mark.parametrize(("ellipsoid", "geographic", "geocentric"), [(geodesy.CGCS2000, 4480, 4479), (geodesy.WGS84, 4979, 4978)])
def test_geocentric_coordinates_agree_with_pyproj_both_ways(ellipsoid, geographic, geocentric):
    latitude, longitude, height = np.random.default_rng(4).uniform([-1.5, -3.1, -500.0], [1.5, 3.1, 9000.0], (500, 3)).T
    reference = pyproj.Transformer.from_crs(f"EPSG:{geographic}", f"EPSG:{geocentric}")
    expected = np.column_stack(reference.transform(np.degrees(latitude), np.degrees(longitude), height))
    assert np.abs(geodesy.geocentric_from_geodetic(ellipsoid, latitude, longitude, height) - expected).max() < 1e-6
    back = geodesy.geodetic_from_geocentric(ellipsoid, expected)
    assert metres_apart((latitude, longitude), back).max() < 1e-6
    assert np.abs(back[2] - height).max() < 1e-6


def test_the_ground_drifts_with_eurasia_as_pyproj_says():
    latitude, longitude = np.radians([30.6, 39.9, 22.5]), np.radians([104.1, 116.4, 114.1])
    moved = geodesy.moved_with_eurasia(latitude, longitude, 26.0)
    plate = "+proj=helmert +drx=-0.000085 +dry=-0.000531 +drz=0.00077 +t_epoch=2000 +convention=position_vector"
    reference = pyproj.Transformer.from_pipeline(
        f"+proj=pipeline +step +proj=cart +ellps=WGS84 +step {plate} +step +inv +proj=cart +ellps=WGS84"
    )
    expected = reference.transform(longitude, latitude, np.zeros(3), np.full(3, 2026.0), radians=True)
    assert metres_apart((expected[1], expected[0]), moved).max() < 1e-4
    assert (metres_apart((latitude, longitude), moved) > 0.5).all()  # half a metre and more since 2000: why an epoch is declared


@pytest.mark.parametrize(
    ("wgs84", "gcj02_deg"),  # test points of the public codec `eviltransform`
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_gcj02_of_known_points(wgs84, gcj02_deg):
    shifted = gcj02.gcj02_from_geodetic(*np.radians(wgs84))
    assert metres_apart(np.radians(gcj02_deg), shifted) < 0.01


@given(CHINA_LATITUDES, CHINA_LONGITUDES)
def test_gcj02_and_back_stays_within_a_centimetre(latitude_deg, longitude_deg):
    point = np.radians(latitude_deg), np.radians(longitude_deg)
    shifted = gcj02.gcj02_from_geodetic(*point)
    assert 10 < metres_apart(point, shifted) < 2000
    assert metres_apart(point, gcj02.geodetic_from_gcj02(*shifted)) < 0.01


@given(st.floats(-89.0, 89.0), st.floats(-180.0, 71.9))
def test_gcj02_outside_china_is_the_identity(latitude_deg, longitude_deg):
    point = np.radians(latitude_deg), np.radians(longitude_deg)
    assert gcj02.gcj02_from_geodetic(*point) == point
    assert gcj02.geodetic_from_gcj02(*point) == point


def test_a_source_is_converted_by_what_it_declares():
    point = np.radians([31.2]), np.radians([121.5])
    satellite = geodesy.SourceFrame(geodesy.Datum.WGS84, 2026.0)
    survey = geodesy.SourceFrame(geodesy.Datum.CGCS2000, 2000.0)
    city_map = geodesy.SourceFrame(geodesy.Datum.GCJ02, 2026.0)
    assert metres_apart(point, satellite.geodetic_at(2026.0, *point))[0] < 1e-6
    assert 0.5 < metres_apart(point, survey.geodetic_at(2026.0, *point))[0] < 1.0
    assert metres_apart(point, city_map.geodetic_at(2026.0, *gcj02.gcj02_from_geodetic(*point)))[0] < 0.01


@pytest.mark.parametrize("epoch_year", [0.0, 1979.0, 2101.0, float("nan")])
def test_an_epoch_that_is_no_year_is_refused(epoch_year):
    with pytest.raises(ValueError, match="epoch_year"):
        geodesy.SourceFrame(geodesy.Datum.WGS84, epoch_year)
