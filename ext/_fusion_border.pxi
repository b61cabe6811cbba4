# The border to Python: shapes and contents are checked here, the work is done without the GIL.
# Any kernel can include it after `_fusion_ring.pxi` that declares `OUTPUTS`, `LEARNS` and `show`.

cdef Fleet fleet_of(uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally):
    cdef Py_ssize_t size = slots.shape[0], capacity = vehicles.shape[0] // <Py_ssize_t>sizeof(Vehicle)
    cdef Fleet fleet
    if not capacity or vehicles.shape[0] % sizeof(Vehicle) or size < 2 * capacity or size & (size - 1) or slots.shape[1] != 2:
        raise ValueError("vehicles must be whole records, slots (a power of two, at least twice the vehicles; 2)")
    if heard_ns.shape[0] != capacity or tally.shape[0] != TALLIES or not 0 <= tally[USED] <= capacity:
        raise ValueError(f"heard_ns {heard_ns.shape[0]} or tally {tally.shape[0]} of a wrong shape or content")
    fleet.vehicles = <Vehicle*>&vehicles[0]
    fleet.capacity = capacity
    fleet.slots = &slots[0, 0]
    fleet.size = size
    fleet.heard_ns = &heard_ns[0]
    fleet.tally = &tally[0]
    return fleet


cdef Shared shared_of(const double[::1] config, const double[:, ::1] anchors, double[:, ::1] delays, int64_t since_ns):
    cdef Shared shared
    if config.shape[0] * sizeof(double) != sizeof(Config):
        raise ValueError(f"config of {config.shape[0]} numbers")
    if anchors.shape[1] != 3 or delays.shape[1] * sizeof(double) != sizeof(Delay) or delays.shape[0] < anchors.shape[0]:
        raise ValueError(f"anchors {anchors.shape[1]} or delays {delays.shape[0]} of a wrong shape")
    shared.anchors = &anchors[0, 0] if anchors.shape[0] else NULL
    shared.delays = <Delay*>&delays[0, 0] if delays.shape[0] else NULL
    shared.offsets = shared.delays + anchors.shape[0]
    shared.sources = (delays.shape[0] - anchors.shape[0]) // 2
    shared.since_ns = since_ns
    return shared


def ingest(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const double[::1] config,
    const double[:, ::1] anchors, double[:, ::1] delays, const uint8_t[::1] kind, const int64_t[::1] vehicle,
    const int64_t[::1] measured_ns, const int64_t[::1] received_ns, const double[:, ::1] values, uint8_t[::1] verdicts
):
    """Put the rows where they belong. Places are east and north already; verdicts (n,) is written."""
    cdef Py_ssize_t n = kind.shape[0], row
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef Shared shared = shared_of(config, anchors, delays, tally[SINCE_NS])
    if values.shape[1] != 8 or not (
        vehicle.shape[0] == measured_ns.shape[0] == received_ns.shape[0] == values.shape[0] == verdicts.shape[0] == n
    ):
        raise ValueError("columns of one length and 8 values wanted")
    if not n:
        return
    with nogil:
        for row in range(n):
            if row + ROWS_AHEAD < n and vehicle[row + ROWS_AHEAD] != vehicle[row + ROWS_AHEAD - 1]:
                fetch_ring(&fleet, vehicle[row + ROWS_AHEAD])
            verdicts[row] = take_row(
                &fleet, <const Config*>&config[0], &shared, anchors.shape[0], kind[row], vehicle[row], measured_ns[row],
                received_ns[row], &values[row, 0]
            )


def step(
    uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const double[::1] config,
    const double[:, ::1] anchors, double[:, ::1] delays, int64_t now_ns, int64_t[::1] ids, double[:, ::1] out, uint32_t[:, ::1] marks
):
    """Forget the silent, bring the rest to `now_ns`; -> rows written to ids (n,), out (n, OUTPUTS) and marks (n, 2): alert, sources."""
    cdef Py_ssize_t row, rows = 0
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    cdef Shared shared = shared_of(config, anchors, delays, tally[SINCE_NS])
    cdef Vehicle* v = fleet.vehicles
    cdef const Bank* head
    cdef const Config* c = <const Config*>&config[0]
    if min(ids.shape[0], out.shape[0], marks.shape[0]) < tally[USED] or out.shape[1] != OUTPUTS or marks.shape[1] != 2:
        raise ValueError(f"room for {tally[USED]} vehicles in out (n, OUTPUTS) and marks (n, 2) wanted")
    with nogil:
        tally[LATEST_NS] = max(tally[LATEST_NS], now_ns)
        forget_silent(&fleet, tally[LATEST_NS], <int64_t>(c.forget_s * 1e9))
        for row in range(fleet.tally[USED]):
            fetch(v + row + 1, sizeof(Vehicle))
            drop_future(v + row, tally[LATEST_NS] + FUTURE_NS)
            settle(v + row, now_ns - <int64_t>(c.late_s * 1e9), c, &shared)
            head = catch_up(v + row, c, &shared)
            if head.mode != EMPTY:
                ids[rows] = v[row].id
                show(head, now_ns, c, &out[rows, 0], &marks[rows, 0])
                rows += 1
        if LEARNS:
            tally[SINCE_NS] = renew(shared.delays, delays.shape[0], shared.since_ns, now_ns - <int64_t>(c.late_s * 1e9))
    return rows


def forget(uint8_t[::1] vehicles, int64_t[:, ::1] slots, int64_t[::1] heard_ns, int64_t[::1] tally, const int64_t[::1] ids):
    """Give the rows of these vehicles back; -> how many of them had one."""
    cdef Py_ssize_t at, known = 0
    cdef int64_t row
    cdef Fleet fleet = fleet_of(vehicles, slots, heard_ns, tally)
    with nogil:
        for at in range(ids.shape[0]):
            row = slots[slot_of(&fleet, ids[at]), 1] - 1
            if row >= 0:
                forget_row(&fleet, row)
                known += 1
    return known
