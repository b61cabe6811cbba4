# The kernel's parts one by one, for the comparison with their NumPy twins; no frame goes this way.

def predict_one(const double[::1] motion, const double[:, ::1] covariance, double dt_s, int kind, const double[:, ::1] profiles):
    """-> (motion, covariance) dt later, or retrodicted where dt < 0."""
    cdef double y[6]
    cdef double q[36]
    cdef Flow flow
    check_state(motion, covariance, kind, profiles)
    memcpy(q, &covariance[0, 0], sizeof(q))
    predict(&motion[0], q, dt_s, &profiles[kind, 0], True, y, &flow)
    return [y[i] for i in range(6)], [q[i] for i in range(36)]


def absorb_one(
    const double[::1] motion, const double[:, ::1] covariance, double dt_s, int kind, const double[:, ::1] profiles, const double[::1] row,
    double east_m, double north_m, int speed_trust, int heading_trust, double[::1] surprises
):
    """Predict, correct by one detection, carry forward again where it is late. `surprises` (2,) is kept up. -> (motion, covariance)."""
    cdef double y[6]
    cdef double q[36]
    cdef double enu[2]
    cdef double none[3]
    cdef double numbers[NUMBERS]
    cdef Flow flow
    cdef Seen z
    cdef const double* profile
    check_state(motion, covariance, kind, profiles)
    if row.shape[0] != DETECTION_COLUMNS or surprises.shape[0] != 2:
        raise ValueError("a detection row and two counts of surprises wanted")
    profile = &profiles[kind, 0]
    enu[0] = east_m
    enu[1] = north_m
    memset(none, 0, sizeof(none))
    numbers[N_SPEED_SURPRISES] = surprises[0]
    numbers[N_HEADING_SURPRISES] = surprises[1]
    read(&row[0], enu, none, &profiles[0, 0], &z)
    memcpy(q, &covariance[0, 0], sizeof(q))
    predict(&motion[0], q, dt_s, profile, True, y, &flow)
    absorb(y, q, &z, z.position_sigma * z.position_sigma, 0, usable_speed_sigma(&z, speed_trust, profile),
           usable_heading_sigma(&z, heading_trust, y[SPEED]), max(0.0, -dt_s), numbers, profile, &flow)
    tame(y, q, profile)
    surprises[0] = numbers[N_SPEED_SURPRISES]
    surprises[1] = numbers[N_HEADING_SURPRISES]
    return [y[i] for i in range(6)], [q[i] for i in range(36)]


def check_state(const double[::1] motion, const double[:, ::1] covariance, int kind, const double[:, ::1] profiles):
    if not (
        motion.shape[0] == 6 and covariance.shape[0] == covariance.shape[1] == 6
        and profiles.shape[0] == CLASSES and profiles.shape[1] == PROFILE_COLUMNS and 0 <= kind < CLASSES
    ):
        raise ValueError("motion (6,), covariance (6, 6), a class and the table of profiles wanted")


def assign(const double[:, ::1] costs, double cost_of_none, int[::1] choice):
    """Fill `choice` (rows,) with the column of each row or -1; INFINITY forbids a pair; at most EDGES finite, positive costs in a row."""
    cdef int rows = <int> costs.shape[0], columns = <int> costs.shape[1], i, j, degree
    if choice.shape[0] != rows:
        raise ValueError("one choice per row wanted")
    cdef int* room = <int*> malloc((rows + 1) * (EDGES + 1) * sizeof(int))
    cdef double* kept = <double*> malloc((rows + 1) * EDGES * sizeof(double))
    cdef int failed = -1
    if room != NULL and kept != NULL:
        failed = 0
        for i in range(rows):
            degree = 0
            for j in range(columns):
                if costs[i, j] < INFINITY:
                    if degree == EDGES or not costs[i, j] >= 0:
                        failed = -2
                        break
                    room[rows + i * EDGES + degree] = j
                    kept[i * EDGES + degree] = costs[i, j]
                    degree += 1
            room[i] = degree
        if failed == 0 and rows:
            failed = assign_all(rows, columns, room + rows, kept, room, cost_of_none, &choice[0])
    free(room)
    free(kept)
    if failed == -2:
        raise ValueError("costs must not be negative, and few in a row")
    if failed:
        raise MemoryError
    for i in range(rows):
        choice[i] = max(choice[i], -1)
