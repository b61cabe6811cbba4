"""Every bound of the gRPC side, with its name and its reason."""

from dataclasses import dataclass, field

from v2x.ingest.admission import AdmissionLimits
from v2x.ingest.areas import AREA_RADIUS_M

MESSAGE_MARGIN_BYTES = 4096  # so that a frame slightly too large is counted and reported, not only cut off


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """`station` bounds one roadside station or signal controller, `vehicle` one vehicle."""

    station: AdmissionLimits = field(default_factory=AdmissionLimits)
    vehicle: AdmissionLimits = field(default_factory=lambda: AdmissionLimits(frame_bytes=4096))
    area_radius_m: float = AREA_RADIUS_M
    streams: int = 4096  # of all kinds; a stream costs some 30 kB
    vehicle_queue: int = 64  # messages that wait for one vehicle: six seconds at 10 Hz
    vehicle_silence_s: float = 3.0  # after that its temporary id may be taken over by a new stream
    first_message_s: float = 10.0  # a stream that says nothing is closed
    report_period_s: float = 1.0
    final_report_s: float = 1.0  # how long a last report may take to be sent
    overload_pause_s: float = 0.002  # a sender beyond its rate is read 500 times a second; the rest waits at its side
    keepalive_s: float = 10.0  # a peer that vanished without a word is noticed after twice this

    @property
    def message_bytes(self) -> int:
        return self.station.frame_bytes + MESSAGE_MARGIN_BYTES
