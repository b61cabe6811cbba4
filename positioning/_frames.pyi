from numpy import float64
from numpy.typing import NDArray

def enu_from_geodetic(
    latitude0: float,
    longitude0: float,
    height0: float,
    latitude: NDArray[float64],
    longitude: NDArray[float64],
    enu: NDArray[float64],
) -> None: ...
def geodetic_from_enu(
    latitude0: float,
    longitude0: float,
    height0: float,
    east: NDArray[float64],
    north: NDArray[float64],
    geodetic: NDArray[float64],
) -> None: ...
