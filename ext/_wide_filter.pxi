# The algebra of the wide block and of the walkers': ten states where the kernel says no other number, a full covariance while it is
# worked on, packed while it rests, a measurement's row dense. It knows no model: what the states are, how they move and which row a
# measurement has is said in `_wide_tight.pxi` and its like. Plain C, cloned for AVX2.

cdef extern from *:
    """
    #include <string.h>

    #ifndef WIDE
    #define WIDE 10
    #define WIDE_PACKED 55
    #endif

    #if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__linux__)
    #define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
    #else
    #define CLONED
    #endif

    typedef struct { double x[WIDE], p[WIDE * WIDE], score; } Wide;
    typedef struct { double x[WIDE], p[WIDE_PACKED], score; } Rest;

    /* P = F P F'; the noise is the model's to add */
    CLONED static void propagate(Wide *f, const double *step)
    {
        double half[WIDE * WIDE] = {0};
        int i, j, k;
        for (i = 0; i < WIDE; i++)
            for (k = 0; k < WIDE; k++)
                for (j = 0; j < WIDE; j++)
                    half[WIDE * i + j] += step[WIDE * i + k] * f->p[WIDE * k + j];
        memset(f->p, 0, sizeof f->p);
        for (i = 0; i < WIDE; i++)
            for (j = 0; j < WIDE; j++)
                for (k = 0; k < WIDE; k++)
                    f->p[WIDE * i + j] += half[WIDE * i + k] * step[WIDE * j + k];
    }

    /* g = P h -> h' P h */
    CLONED static double gains(const Wide *f, const double *h, double *g)
    {
        double s = 0;
        int i, j;
        for (i = 0; i < WIDE; i++) {
            g[i] = 0;
            for (j = 0; j < WIDE; j++)
                g[i] += f->p[WIDE * i + j] * h[j];
            s += g[i] * h[i];
        }
        return s;
    }

    CLONED static void correct(Wide *f, const double *g, double along, double down)
    {
        int i, j;
        for (i = 0; i < WIDE; i++)
            f->x[i] += g[i] * along;
        for (i = 0; i < WIDE; i++)
            for (j = 0; j < WIDE; j++)
                f->p[WIDE * i + j] -= g[i] * g[j] * down;
    }

    static double variance_along(const Wide *f, const double *h)
    {
        double g[WIDE];
        return gains(f, h, g);
    }

    /* Along h the prior N(0, S) becomes N(mean, ratio * S) */
    static void shift(Wide *f, const double *h, double mean, double ratio)
    {
        double g[WIDE], s = gains(f, h, g);
        if (s > 0)
            correct(f, g, mean / s, (1 - ratio) / s);
    }

    /* One scalar measurement (Groves 2013 eq. 3.21-3.25) */
    static void update(Wide *f, const double *h, double residual, double variance)
    {
        double g[WIDE], s = 1 / (gains(f, h, g) + variance);
        correct(f, g, residual * s, s);
    }

    static void wake(const Rest *r, Wide *f)
    {
        int i, j, k = 0;
        memcpy(f->x, r->x, sizeof r->x);
        for (i = 0; i < WIDE; i++)
            for (j = 0; j <= i; j++, k++)
                f->p[WIDE * i + j] = f->p[WIDE * j + i] = r->p[k];
        f->score = r->score;
    }

    static void rest(const Wide *f, Rest *r)
    {
        int i, j, k = 0;
        memcpy(r->x, f->x, sizeof r->x);
        for (i = 0; i < WIDE; i++)
            for (j = 0; j <= i; j++, k++)
                r->p[k] = f->p[WIDE * i + j];
        r->score = f->score;
    }
    """
    ctypedef struct Wide:
        double* x
        double* p
        double score

    ctypedef struct Rest:
        double* x
        double* p
        double score

    void propagate(Wide* f, const double* step) noexcept nogil
    double variance_along(const Wide* f, const double* h) noexcept nogil
    void shift(Wide* f, const double* h, double mean, double ratio) noexcept nogil
    void update(Wide* f, const double* h, double residual, double variance) noexcept nogil
    void wake(const Rest* r, Wide* f) noexcept nogil
    void rest(const Wide* f, Rest* r) noexcept nogil


cdef void begin(Wide* f, const double* x, const double* sigma) noexcept nogil:
    cdef int i
    memset(f, 0, sizeof(Wide))
    for i in range(WIDE):
        f.x[i] = x[i]
        f.p[(WIDE + 1) * i] = sigma[i] * sigma[i]


cdef void widen(Wide* f, int i, double variance) noexcept nogil:
    # the state is unknown again: nothing is left of what it had to do with the others
    cdef int j
    for j in range(WIDE):
        f.p[WIDE * i + j] = f.p[WIDE * j + i] = 0
    f.p[(WIDE + 1) * i] = variance


cdef bint soft_update(Wide* f, const double* h, double r, double sigma, double wrong, double wrong_sigma, bint explore) noexcept nogil:
    # a scalar that may be wrong: as good as claimed, or of `wrong_sigma` with the probability `wrong`
    cdef double s = variance_along(f, h), evidence
    cdef double good = s + sigma * sigma, bad = s + wrong_sigma * wrong_sigma
    cdef double weight = pair_weight(r * r / good, good, r * r / bad, bad, wrong, &evidence)
    if explore:
        f.score += evidence
    if weight < LEAST_WEIGHT:
        return False
    update(f, h, r, sigma * sigma / weight)
    return True


cdef double major(const double* p) noexcept nogil:
    # standard deviation along the longer axis of the error ellipse of the first two states
    return sqrt(fmax((p[0] + p[WIDE + 1]) / 2 + sqrt((p[0] - p[WIDE + 1]) * (p[0] - p[WIDE + 1]) / 4 + p[1] * p[1]), 0.0))
