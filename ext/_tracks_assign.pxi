# Optimal assignment on sparse costs: every detection gets a track or none, at the least total cost.
# Shortest augmenting paths (Jonker and Volgenant 1987) over each detection's few gated edges; "none" is a private column.
# Twin: `positioning.association.assign`.

cdef struct Search:
    double* row_dual
    double* column_dual
    double* distance
    int* via  # row through which a column was reached
    int* touched
    char* reached  # 0 no, 1 touched, 2 done
    int* row_of  # column -> row or -1
    int* column_of  # row -> column, -1 unassigned, NONE when it takes none


cdef int NONE = -2


cdef inline void scan(Search* s, int row, double base, const int* edges, const double* costs, int degree, int* count) noexcept nogil:
    cdef int k, column
    cdef double reduced
    for k in range(degree):
        column = edges[k]
        if s.reached[column] == 2:
            continue
        reduced = base + costs[k] - s.row_dual[row] - s.column_dual[column]
        if s.reached[column] == 0 or reduced < s.distance[column]:
            if s.reached[column] == 0:
                s.touched[count[0]] = column
                count[0] += 1
                s.reached[column] = 1
            s.distance[column] = reduced
            s.via[column] = row


cdef inline int nearest(Search* s, int count) noexcept nogil:
    cdef int k, column, best = -1
    for k in range(count):
        column = s.touched[k]
        if s.reached[column] == 1 and (best < 0 or s.distance[column] < s.distance[best]):
            best = column
    return best


cdef void augment(Search* s, int root, int sink, int none_row) noexcept nogil:
    """Flip the path from its end back to the root."""
    cdef int row, column = sink, previous
    if sink == NONE:
        row = none_row
        column = s.column_of[row]
        s.column_of[row] = NONE
        if row == root:
            return
    while True:
        row = s.via[column]
        s.row_of[column] = row
        previous = s.column_of[row]
        s.column_of[row] = column
        if row == root:
            return
        column = previous


cdef void place(Search* s, int root, const int* edges, const double* costs, const int* degrees, double cost_of_none) noexcept nogil:
    cdef int row = root, count = 0, column, sink = NONE, none_row = root, k
    cdef double base = 0, none = INFINITY
    while True:
        scan(s, row, base, &edges[row * EDGES], &costs[row * EDGES], degrees[row], &count)
        if base + cost_of_none - s.row_dual[row] < none:
            none = base + cost_of_none - s.row_dual[row]
            none_row = row
        column = nearest(s, count)
        if column < 0 or s.distance[column] >= none:
            base = none
            break
        base = s.distance[column]
        s.reached[column] = 2
        if s.row_of[column] < 0:
            sink = column
            break
        row = s.row_of[column]
    s.row_dual[root] += base
    for k in range(count):
        column = s.touched[k]
        if s.reached[column] == 2:
            s.column_dual[column] -= base - s.distance[column]
            if s.row_of[column] >= 0:
                s.row_dual[s.row_of[column]] += base - s.distance[column]
        s.reached[column] = 0
    augment(s, root, sink, none_row)


cdef int assign_all(
    int rows, int columns, const int* edges, const double* costs, const int* degrees, double cost_of_none, int* column_of
) noexcept nogil:
    """Costs must not be negative. Returns -1 when memory is short."""
    cdef Search s
    cdef size_t wanted = (rows + 2 * columns) * sizeof(double) + 3 * columns * sizeof(int) + columns + 64
    cdef char* room = <char*> calloc(wanted, 1)
    cdef int i
    if room == NULL:
        return -1
    s.row_dual = <double*> room
    s.column_dual = s.row_dual + rows
    s.distance = s.column_dual + columns
    s.via = <int*> (s.distance + columns)
    s.touched = s.via + columns
    s.row_of = s.touched + columns
    s.reached = <char*> (s.row_of + columns)
    s.column_of = column_of
    for i in range(columns):
        s.row_of[i] = -1
    for i in range(rows):
        column_of[i] = -1
    for i in range(rows):
        place(&s, i, edges, costs, degrees, cost_of_none)
    free(room)
    return 0
