# One filter: eight states, a full covariance while it is worked on, packed while it rests.
# Plain C, cloned for AVX2: the compiler turns the rows of eight into two vectors each.

cdef extern from *:
    """
    #include <math.h>
    #include <string.h>

    #define STATES 8
    #define PACKED 36

    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
    #define CLONED __attribute__((target_clones("arch=haswell", "default")))
    #else
    #define CLONED
    #endif

    typedef struct { double x[STATES], p[STATES * STATES], height, height_variance, rtk_s, single_s, score; } Filter;
    typedef struct { double x[STATES], p[PACKED], height, height_variance, rtk_s, single_s, score; } Rest;
    typedef struct { double acceleration, gyro, gyro_bias, scale, gnss_bias, gnss_time, slip, lever, tyre; } Noise;

    CLONED static void predict(Filter *f, double dt, double yaw_rate, int moving, const Noise *q)
    {
        double *x = f->x, *p = f->p;
        double turn = moving ? yaw_rate - x[4] : 0.0;
        double middle = x[3] + 0.5 * turn * dt, c = cos(middle), s = sin(middle), d = x[2] * dt;
        double across = (q->lever - q->tyre * x[2]) * turn * dt;
        double fade = exp(-dt / q->gnss_time);
        double ev = c * dt, eh = -d * s, eb = moving ? 0.5 * d * s * dt : 0.0;
        double nv = s * dt, nh = d * c, nb = moving ? -0.5 * d * c * dt : 0.0, hb = moving ? -dt : 0.0;
        int i;
        x[0] += d * c - across * s;
        x[1] += d * s + across * c;
        x[3] += turn * dt;
        x[6] *= fade;
        x[7] *= fade;
        for (i = 0; i < STATES; i++) {
            p[i] += ev * p[16 + i] + eh * p[24 + i] + eb * p[32 + i];
            p[8 + i] += nv * p[16 + i] + nh * p[24 + i] + nb * p[32 + i];
            p[24 + i] += hb * p[32 + i];
            p[48 + i] *= fade;
            p[56 + i] *= fade;
        }
        for (i = 0; i < STATES; i++) {
            double *r = p + STATES * i;
            r[0] += ev * r[2] + eh * r[3] + eb * r[4];
            r[1] += nv * r[2] + nh * r[3] + nb * r[4];
            r[3] += hb * r[4];
            r[6] *= fade;
            r[7] *= fade;
        }
        p[54] += q->gnss_bias * q->gnss_bias * (1 - fade * fade);
        p[63] += q->gnss_bias * q->gnss_bias * (1 - fade * fade);
        p[36] += q->gyro_bias * q->gyro_bias * dt;
        if (moving) {
            double a = q->acceleration * q->acceleration, half = a * dt * dt / 2, third = a * dt * dt * dt / 3;
            double slipped = q->slip * q->slip * fabs(d);
            p[18] += a * dt;
            p[2] += c * half;
            p[16] += c * half;
            p[10] += s * half;
            p[17] += s * half;
            p[0] += c * c * third + slipped;
            p[1] += c * s * third;
            p[8] += c * s * third;
            p[9] += s * s * third + slipped;
            p[27] += q->gyro * q->gyro * dt;
            p[45] += q->scale * q->scale * dt;
        }
    }

    /* Along a * x[i] + b * x[j] the prior N(0, S) becomes N(mean, ratio * S); every measurement here is of one or two states. */
    CLONED static void shift(Filter *f, int i, double a, int j, double b, double mean, double ratio)
    {
        double g[STATES], s, k;
        int m, n;
        for (m = 0; m < STATES; m++)
            g[m] = a * f->p[STATES * i + m] + b * f->p[STATES * j + m];
        s = a * g[i] + b * g[j];
        if (!(s > 0))
            return;
        k = mean / s;
        for (m = 0; m < STATES; m++)
            f->x[m] += g[m] * k;
        k = (1 - ratio) / s;
        for (m = 0; m < STATES; m++)
            for (n = 0; n < STATES; n++)
                f->p[STATES * m + n] -= g[m] * g[n] * k;
    }

    CLONED static void update(Filter *f, int i, double a, int j, double b, double residual, double variance)
    {
        double g[STATES], s, k;
        int m, n;
        for (m = 0; m < STATES; m++)
            g[m] = a * f->p[STATES * i + m] + b * f->p[STATES * j + m];
        s = 1 / (a * g[i] + b * g[j] + variance);
        k = residual * s;
        for (m = 0; m < STATES; m++)
            f->x[m] += g[m] * k;
        for (m = 0; m < STATES; m++)
            for (n = 0; n < STATES; n++)
                f->p[STATES * m + n] -= g[m] * g[n] * s;
    }

    static void wake(const Rest *r, Filter *f)
    {
        int i, j, k = 0;
        memcpy(f->x, r->x, sizeof r->x);
        for (i = 0; i < STATES; i++)
            for (j = 0; j <= i; j++, k++)
                f->p[STATES * i + j] = f->p[STATES * j + i] = r->p[k];
        memcpy(&f->height, &r->height, 5 * sizeof(double));
    }

    static void rest(const Filter *f, Rest *r)
    {
        int i, j, k = 0;
        memcpy(r->x, f->x, sizeof r->x);
        for (i = 0; i < STATES; i++)
            for (j = 0; j <= i; j++, k++)
                r->p[k] = f->p[STATES * i + j];
        memcpy(&r->height, &f->height, 5 * sizeof(double));
    }
    """
    ctypedef struct Filter:
        double* x
        double* p
        double height, height_variance, rtk_s, single_s, score

    ctypedef struct Rest:
        double* x
        double* p
        double height, height_variance, rtk_s, single_s, score

    ctypedef struct Noise:
        double acceleration, gyro, gyro_bias, scale, gnss_bias, gnss_time, slip, lever, tyre

    void predict(Filter* f, double dt, double yaw_rate, int moving, const Noise* q) noexcept nogil
    void shift(Filter* f, int i, double a, int j, double b, double mean, double ratio) noexcept nogil
    void update(Filter* f, int i, double a, int j, double b, double residual, double variance) noexcept nogil
    void wake(const Rest* r, Filter* f) noexcept nogil
    void rest(const Filter* f, Rest* r) noexcept nogil


cdef inline double innovation_variance(const Filter* f, int i, double a, int j, double b) noexcept nogil:
    return a * a * f.p[9 * i] + 2 * a * b * f.p[8 * i + j] + b * b * f.p[9 * j]


cdef void begin(
    Filter* f, double east, double north, double height, double sigma, double heading, double heading_sigma, const Noise* q
) noexcept nogil:
    memset(f, 0, sizeof(Filter))
    f.x[0] = east
    f.x[1] = north
    f.x[3] = heading
    f.p[0] = f.p[9] = sigma * sigma
    f.p[18] = 25.0
    f.p[27] = heading_sigma * heading_sigma
    f.p[36] = START_GYRO_BIAS * START_GYRO_BIAS
    f.p[45] = START_SCALE * START_SCALE
    f.p[54] = f.p[63] = q.gnss_bias * q.gnss_bias
    f.height = height
    f.height_variance = 4 * sigma * sigma
    f.rtk_s = f.single_s = NEVER_S
