# One filter: eight states and a covariance that is kept once, in 392 bytes, and worked on where it lies.
# Plain C, cloned for AVX2 where the compiler can choose at load; every clone computes the same sums.

cdef extern from *:
    """
    #include <math.h>

    #define STATES 8
    #define PACKED 36

    #if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__linux__)
    #define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
    #else
    #define CLONED
    #endif
    #if defined(__GNUC__)
    #define INLINED static inline __attribute__((always_inline))
    #else
    #define INLINED static inline
    #endif
    #if defined(__has_builtin)
    #if __has_builtin(__builtin_shufflevector)
    #define SHUFFLES
    #endif
    #endif

    /* The covariance P by its turned diagonals: p[8 d + i] = P[i][(i + d) mod 8] for d = 0..3, and p[32 + i] = P[i][i + 4], i = 0..3.
       So p[i] is the variance of state i, and every diagonal is two vectors of four, whatever it is multiplied with being turned by d. */
    typedef struct { double x[STATES], p[PACKED], height, height_variance, rtk_s, single_s, score; } Filter;

    static const unsigned char AT[STATES][STATES] = {  /* where P[i][j] lies */
        {0, 8, 16, 24, 32, 29, 22, 15}, {8, 1, 9, 17, 25, 33, 30, 23}, {16, 9, 2, 10, 18, 26, 34, 31}, {24, 17, 10, 3, 11, 19, 27, 35},
        {32, 25, 18, 11, 4, 12, 20, 28}, {29, 33, 26, 19, 12, 5, 13, 21}, {22, 30, 34, 27, 20, 13, 6, 14}, {15, 23, 31, 35, 28, 21, 14, 7},
    };

    typedef struct { double acceleration, gyro, gyro_bias, scale, gnss_bias, gnss_time, slip, lever, tyre; } Noise;

    /* All that is the same for the filters of one vehicle over one interval. */
    typedef struct {
        double dt, lever, tyre, fade, kept[PACKED];  /* kept: what is left of each element of P as the GNSS bias fades */
        double bias, gyro_bias, heading, scale, speed, speed_place, place, slip;  /* what is added to P */
        int moving;
    } Motion;

    static void motion_over(double dt, int moving, const Noise *q, Motion *m)
    {
        double fade = exp(-dt / q->gnss_time), a = moving ? q->acceleration * q->acceleration : 0.0;
        int i, j;
        m->dt = dt;
        m->moving = moving;
        m->lever = q->lever;
        m->tyre = q->tyre;
        m->fade = fade;
        for (i = 0; i < STATES; i++)
            for (j = 0; j < STATES; j++)
                m->kept[AT[i][j]] = (i < 6 ? 1.0 : fade) * (j < 6 ? 1.0 : fade);
        m->bias = q->gnss_bias * q->gnss_bias * (1 - fade * fade);
        m->gyro_bias = q->gyro_bias * q->gyro_bias * dt;
        m->heading = moving ? q->gyro * q->gyro * dt : 0.0;
        m->scale = moving ? q->scale * q->scale * dt : 0.0;
        m->speed = a * dt;
        m->speed_place = a * dt * dt / 2;
        m->place = a * dt * dt * dt / 3;
        m->slip = moving ? q->slip * q->slip * dt : 0.0;
    }

    #ifdef SHUFFLES
    typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));
    #define FOUR(at) (*(Four *)(at))
    #define TURNED(first, next, d) __builtin_shufflevector(first, next, d, d + 1, d + 2, d + 3)
    #endif

    /* P += a b' + b a', a of the first four states only */
    INLINED void add_products(double *p, const double *a, const double *b)
    {
    #ifdef SHUFFLES
        const Four none = {0, 0, 0, 0}, a0 = FOUR(a), b0 = FOUR(b), b4 = FOUR(b + 4);
        #define ADD_DIAGONAL(d) \\
            FOUR(p + 8 * d) += a0 * TURNED(b0, b4, d) + b0 * TURNED(a0, none, d); \\
            FOUR(p + 8 * d + 4) += b4 * TURNED(none, a0, d);
        FOUR(p) += 2 * a0 * b0;
        ADD_DIAGONAL(1)
        ADD_DIAGONAL(2)
        ADD_DIAGONAL(3)
        FOUR(p + 32) += a0 * b4;
    #else
        int i, d;
        for (d = 0; d < 4; d++)
            for (i = 0; i < 8; i++)
                p[8 * d + i] += (i < 4 ? a[i] * b[(i + d) % 8] : 0.0) + ((i + d) % 8 < 4 ? b[i] * a[(i + d) % 8] : 0.0);
        for (i = 0; i < 4; i++)
            p[32 + i] += a[i] * b[i + 4];
    #endif
    }

    /* P -= drop g g' */
    INLINED void drop_square(double *p, const double *g, double drop)
    {
    #ifdef SHUFFLES
        const Four g0 = FOUR(g), g4 = FOUR(g + 4), h0 = drop * g0, h4 = drop * g4;
        #define DROP_DIAGONAL(d) \\
            FOUR(p + 8 * d) -= g0 * TURNED(h0, h4, d); \\
            FOUR(p + 8 * d + 4) -= g4 * TURNED(h4, h0, d);
        DROP_DIAGONAL(0)
        DROP_DIAGONAL(1)
        DROP_DIAGONAL(2)
        DROP_DIAGONAL(3)
        FOUR(p + 32) -= g0 * h4;
    #else
        int i, d;
        for (d = 0; d < 4; d++)
            for (i = 0; i < 8; i++)
                p[8 * d + i] -= drop * g[i] * g[(i + d) % 8];
        for (i = 0; i < 4; i++)
            p[32 + i] -= drop * g[i] * g[i + 4];
    #endif
    }

    /* Each state i of the first four becomes x[i] + u[i] x[k]; u[k] is 0. */
    INLINED void mix(double *p, int k, const double *u)
    {
        double w[STATES];
        int i;
        for (i = 0; i < STATES; i++)
            w[i] = p[AT[k][i]] + (i < 4 ? 0.5 * p[k] * u[i] : 0.0);
        add_products(p, u, w);
    }

    /* Both at once and inline; to 2e-16 for any heading that turns can make. Coefficients: fdlibm 5.3, k_sin.c, k_cos.c, e_rem_pio2.c */
    INLINED void sine_cosine(double angle, double *sine, double *cosine)
    {
        double quarters = rint(angle * 6.36619772367581382433e-01), s, c;
        double r = angle - quarters * 1.57079632673412561417e+00 - quarters * 6.07710050650619224932e-11, z = r * r;
        int n;
        if (!(fabs(quarters) < 1e6)) {
            *sine = sin(angle);
            *cosine = cos(angle);
            return;
        }
        n = (int)quarters;
        s = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10;
        s = -1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * s);
        s = r + r * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * s));
        c = -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 - z * 1.13596475577881948265e-11);
        c = -1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * c);
        c = 1 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * c);
        *sine = (n & 2 ? -1 : 1) * (n & 1 ? c : s);
        *cosine = ((n + 1) & 2 ? -1 : 1) * (n & 1 ? s : c);
    }

    /* F = (1 + of_speed e2') (1 + of_heading e3') (1 + of_bias e4'), the bias turning the heading first. Bar-Shalom 2001 eq. 6.3.2-4 */
    CLONED static void predict(Filter *f, double yaw_rate, const Motion *m)
    {
        double *x = f->x, *p = f->p, dt = m->dt;
        double turn = m->moving ? yaw_rate - x[4] : 0.0, turned = m->moving ? dt : 0.0, c, s;
        double d = x[2] * dt, across = (m->lever - m->tyre * x[2]) * turn * dt, slipped = m->slip * fabs(x[2]);
        int i;
        sine_cosine(x[3] + 0.5 * turn * dt, &s, &c);
        const double of_bias[4] = {-0.5 * d * s * turned, 0.5 * d * c * turned, 0, -turned};
        const double of_heading[4] = {-d * s, d * c}, of_speed[4] = {c * dt, s * dt};
        x[0] += d * c - across * s;
        x[1] += d * s + across * c;
        x[3] += turn * dt;
        x[6] *= m->fade;
        x[7] *= m->fade;
        mix(p, 4, of_bias);
        mix(p, 3, of_heading);
        mix(p, 2, of_speed);
        for (i = 0; i < PACKED; i++)
            p[i] *= m->kept[i];
        p[0] += c * c * m->place + slipped;
        p[1] += s * s * m->place + slipped;
        p[8] += c * s * m->place;  /* east, north */
        p[16] += c * m->speed_place;  /* east, speed */
        p[9] += s * m->speed_place;  /* north, speed */
        p[2] += m->speed;
        p[3] += m->heading;
        p[4] += m->gyro_bias;
        p[5] += m->scale;
        p[6] += m->bias;
        p[7] += m->bias;
    }

    /* g = P h for h = a e_i + b e_j: every measurement here is of one or two states. -> h' P h */
    INLINED double reach(const Filter *f, int i, double a, int j, double b, double *g)
    {
        int m;
        for (m = 0; m < STATES; m++)
            g[m] = a * f->p[AT[i][m]] + b * f->p[AT[j][m]];
        return a * a * f->p[i] + 2 * a * b * f->p[AT[i][j]] + b * b * f->p[j];
    }

    /* x += g move, P -= g g' drop */
    INLINED void correct(Filter *f, const double *g, double move, double drop)
    {
        int m;
        for (m = 0; m < STATES; m++)
            f->x[m] += g[m] * move;
        drop_square(f->p, g, drop);
    }

    /* What an assumed density makes of y = a x[i] + b x[j] of variance S: y's mean moves by `move` S, its variance drops by `drop` S S. */
    CLONED static void shift(Filter *f, int i, double a, int j, double b, double move, double drop)
    {
        double g[STATES];
        reach(f, i, a, j, b, g);
        correct(f, g, move, drop);
    }

    CLONED static void update(Filter *f, int i, double a, int j, double b, double residual, double variance)
    {
        double g[STATES], s = 1 / (reach(f, i, a, j, b, g) + variance);
        correct(f, g, residual * s, s);
    }

    static double covariance(const Filter *f, int i, int j)
    {
        return f->p[AT[i][j]];
    }
    """
    ctypedef struct Filter:
        double* x
        double* p  # p[i] is the variance of x[i]; the rest through `covariance`
        double height, height_variance, rtk_s, single_s, score

    ctypedef struct Noise:
        double acceleration, gyro, gyro_bias, scale, gnss_bias, gnss_time, slip, lever, tyre

    ctypedef struct Motion:
        double dt
        int moving

    const unsigned char[8][8] AT
    const int PACKED
    void motion_over(double dt, int moving, const Noise* q, Motion* m) noexcept nogil
    void predict(Filter* f, double yaw_rate, const Motion* m) noexcept nogil
    void shift(Filter* f, int i, double a, int j, double b, double move, double drop) noexcept nogil
    void update(Filter* f, int i, double a, int j, double b, double residual, double variance) noexcept nogil
    void mix(double* p, int k, const double* u) noexcept nogil
    double covariance(const Filter* f, int i, int j) noexcept nogil


cdef inline double fmin(double a, double b) noexcept nogil:  # libm's is a call; of no number and `b` this too makes `b`
    return a if a < b else b


cdef inline double fmax(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double length(double east, double north) noexcept nogil:
    return sqrt(east * east + north * north)


cdef inline double turned(double angle) noexcept nogil:  # to [-pi, pi]
    return angle - 2 * M_PI * rint(angle / (2 * M_PI))


cdef inline double innovation_variance(const Filter* f, int i, double a, int j, double b) noexcept nogil:
    return a * a * f.p[i] + 2 * a * b * covariance(f, i, j) + b * b * f.p[j]


cdef void begin(
    Filter* f, double east, double north, double height, double sigma, double heading, double heading_sigma, const Noise* q
) noexcept nogil:
    memset(f, 0, sizeof(Filter))
    f.x[0] = east
    f.x[1] = north
    f.x[3] = heading
    f.p[0] = f.p[1] = sigma * sigma
    f.p[2] = 25.0
    f.p[3] = heading_sigma * heading_sigma
    f.p[4] = START_GYRO_BIAS * START_GYRO_BIAS
    f.p[5] = START_SCALE * START_SCALE
    f.p[6] = f.p[7] = q.gnss_bias * q.gnss_bias
    f.height = height
    f.height_variance = 4 * sigma * sigma
    f.rtk_s = f.single_s = NEVER_S
