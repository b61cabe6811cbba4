# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Geodetic to local east-north and back on the WGS84 ellipsoid, through earth-centred coordinates.

The twin in NumPy is `positioning.frames.enu_by_numpy` and `geodetic_by_numpy`; they share these equations line by line.
Sources: Groves 2013 eq. 2.112 (geodetic to ECEF), eq. 2.150 (ECEF to local axes).
"""

from libc.math cimport NAN, cos, fabs, sin, sqrt

cdef double SEMI_MAJOR_M = 6378137.0
cdef double ECCENTRICITY2 = 6.69437999014131699614e-3  # f (2 - f), 1/f = 298.257223563
cdef int ITERATIONS = 30  # each divides the error by about earth radius / distance
cdef double CLOSE_ENOUGH_M = 1e-8


cdef struct Site:
    double sin_latitude
    double cos_latitude
    double longitude
    double height
    double radius_axis  # the origin's distance from the earth's axis
    double z


cdef inline Site site_of(double latitude, double longitude, double height) noexcept nogil:
    cdef Site site
    cdef double normal
    site.sin_latitude = sin(latitude)
    site.cos_latitude = cos(latitude)
    site.longitude = longitude
    site.height = height
    normal = SEMI_MAJOR_M / sqrt(1.0 - ECCENTRICITY2 * site.sin_latitude * site.sin_latitude)
    site.radius_axis = (normal + height) * site.cos_latitude
    site.z = (normal * (1.0 - ECCENTRICITY2) + height) * site.sin_latitude
    return site


cdef inline void forward(
    Site* site, double latitude, double longitude, double* east, double* north, double* sine, double* cosine
) noexcept nogil:
    """ECEF turned about the axis by the origin's longitude first, so that one sine and one cosine of the difference do."""
    cdef double s = sin(latitude), c = cos(latitude), turn = longitude - site.longitude
    cdef double normal = SEMI_MAJOR_M / sqrt(1.0 - ECCENTRICITY2 * s * s)
    cdef double radius = (normal + site.height) * c
    cdef double inward = radius * cos(turn) - site.radius_axis
    cdef double up_axis = (normal * (1.0 - ECCENTRICITY2) + site.height) * s - site.z
    sine[0] = s
    cosine[0] = c
    east[0] = radius * sin(turn)
    north[0] = site.cos_latitude * up_axis - site.sin_latitude * inward


cdef void backward(Site* site, double latitude0, double east, double north, double* latitude, double* longitude) noexcept nogil:
    """Fixed-point: correct latitude and longitude by what the forward equations still miss."""
    cdef double lat = latitude0, lon = site.longitude, e, n, s, c, w, normal, meridian
    cdef int _
    for _ in range(ITERATIONS):
        forward(site, lat, lon, &e, &n, &s, &c)
        if fabs(east - e) + fabs(north - n) < CLOSE_ENOUGH_M:
            latitude[0] = lat
            longitude[0] = lon
            return
        w = 1.0 - ECCENTRICITY2 * s * s
        normal = SEMI_MAJOR_M / sqrt(w)
        meridian = normal * (1.0 - ECCENTRICITY2) / w
        lat += (north - n) / (meridian + site.height)
        lon += (east - e) / ((normal + site.height) * c)
    latitude[0] = NAN
    longitude[0] = NAN


def enu_from_geodetic(
    double latitude0, double longitude0, double height0, const double[:] latitude, const double[:] longitude, double[:, ::1] enu
):
    """Fill `enu` (n, 2); NaN in, NaN out."""
    cdef Py_ssize_t i, n = latitude.shape[0]
    cdef double s, c
    if longitude.shape[0] != n or enu.shape[0] != n or enu.shape[1] != 2:
        raise ValueError("latitude (n,), longitude (n,) and enu (n, 2) must agree")
    cdef Site site = site_of(latitude0, longitude0, height0)
    with nogil:
        for i in range(n):
            forward(&site, latitude[i], longitude[i], &enu[i, 0], &enu[i, 1], &s, &c)


def geodetic_from_enu(
    double latitude0, double longitude0, double height0, const double[:] east, const double[:] north, double[:, ::1] geodetic
):
    """Fill `geodetic` (n, 2) with latitude, longitude; NaN where no point at the origin's height lies there."""
    cdef Py_ssize_t i, n = east.shape[0]
    if north.shape[0] != n or geodetic.shape[0] != n or geodetic.shape[1] != 2:
        raise ValueError("east (n,), north (n,) and geodetic (n, 2) must agree")
    cdef Site site = site_of(latitude0, longitude0, height0)
    with nogil:
        for i in range(n):
            backward(&site, latitude0, east[i], north[i], &geodetic[i, 0], &geodetic[i, 1])
