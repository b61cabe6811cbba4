"""The local frame against pyproj's topocentric conversion, on both implementations."""

import numpy as np
import pyproj
import pytest

from positioning.frames import LocalFrame, enu_by_numpy, geodetic_by_numpy

ORIGINS = [(52.27, 10.53, 80.0), (0.0, 0.0, 0.0), (-33.9, 179.99, 30.0), (31.3, 120.6, -12.0), (78.2, -179.999, 500.0)]


def kernel_forward(frame, latitude, longitude):
    return frame.enu_from_geodetic(latitude, longitude)


def kernel_backward(frame, east, north):
    return np.column_stack(frame.geodetic_from_enu(east, north))


FORWARD = pytest.mark.parametrize("forward", [kernel_forward, enu_by_numpy], ids=["kernel", "numpy"])
BACKWARD = pytest.mark.parametrize("backward", [kernel_backward, geodetic_by_numpy], ids=["kernel", "numpy"])


def frame_at(latitude_deg, longitude_deg, height_m):
    return LocalFrame(np.radians(latitude_deg), np.radians(longitude_deg), height_m)


def by_pyproj(origin, latitude_rad, longitude_rad):
    latitude, longitude, height = origin
    pipeline = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lat_0={latitude} +lon_0={longitude} +h_0={height}"
    )
    east, north, _ = pipeline.transform(longitude_rad, latitude_rad, np.full_like(latitude_rad, height), radians=True)
    return np.column_stack([east, north])


def around(origin, distance_deg=0.1, count=200):
    rng = np.random.default_rng(3)
    latitude = np.radians(origin[0] + rng.uniform(-distance_deg, distance_deg, count))
    longitude = np.radians(origin[1] + rng.uniform(-distance_deg, distance_deg, count))
    return latitude, longitude


@FORWARD
@pytest.mark.parametrize("origin", ORIGINS)
def test_ten_kilometres_agree_with_pyproj_within_a_micrometre(origin, forward):
    latitude, longitude = around(origin)
    assert np.abs(forward(frame_at(*origin), latitude, longitude) - by_pyproj(origin, latitude, longitude)).max() < 1e-6


@BACKWARD
@pytest.mark.parametrize("origin", ORIGINS)
def test_there_and_back_is_the_same_point(origin, backward):
    frame = frame_at(*origin)
    rng = np.random.default_rng(4)
    enu = rng.uniform(-10_000, 10_000, (200, 2))
    geodetic = backward(frame, enu[:, 0].copy(), enu[:, 1].copy())
    again = by_pyproj(origin, geodetic[:, 0], geodetic[:, 1])
    assert np.abs(again - enu).max() < 1e-6


@FORWARD
def test_unknown_coordinates_stay_unknown_and_touch_no_neighbour(forward):
    frame = frame_at(*ORIGINS[0])
    latitude = np.array([frame.latitude_rad, np.nan, frame.latitude_rad, np.inf])
    longitude = np.array([frame.longitude_rad, frame.longitude_rad, np.nan, 0.0])
    with np.errstate(invalid="ignore"):
        enu = forward(frame, latitude, longitude)
    assert np.abs(enu[0]).max() < 1e-9
    assert np.isnan(enu[1]).any()
    assert np.isnan(enu[2]).any()
    assert np.isnan(enu[3]).any()


@BACKWARD
def test_a_point_off_the_earth_is_unknown(backward):
    with np.errstate(all="ignore"):
        geodetic = backward(frame_at(*ORIGINS[0]), np.array([np.nan, 1e8, 5.0]), np.array([0.0, 1e8, 5.0]))
    assert np.isnan(geodetic[:2]).all()
    assert np.isfinite(geodetic[2]).all()


def test_longitudes_come_back_within_half_a_turn():
    _latitude, longitude = frame_at(10.0, 179.9999, 0.0).geodetic_from_enu([1000.0], [0.0])
    assert -np.pi <= longitude[0] < -3.14


@pytest.mark.parametrize("origin", [(np.pi, 0.0, 0.0), (np.nan, 0.0, 0.0), (0.5, 4.0, 0.0), (0.5, 1.0, np.nan), (0.5, 1.0, 1e6)])
def test_an_origin_off_the_earth_is_refused(origin):
    with pytest.raises(ValueError, match=r"must lie"):
        LocalFrame(*origin)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        frame_at(*ORIGINS[0]).enu_from_geodetic([0.1, 0.2], [0.1])
