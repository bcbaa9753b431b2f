#include "demo/dice.h"

#include <assert.h>
#include <math.h>

uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double dice_unit(struct dice *d)
{
    return (double)(dice_next(d) >> 11) * 0x1p-53;
}

/* Box and Muller; 1 - u keeps the logarithm's argument above 0. */
static double normal(struct dice *d)
{
    double u = 1 - dice_unit(d), v = dice_unit(d);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

double dice_lognormal(struct dice *d, double median, double sigma)
{
    return median * exp(sigma * normal(d));
}

/* Knuth's product of uniforms: right for small means, which is what we have. */
int64_t dice_poisson(struct dice *d, double mean)
{
    assert(mean >= 0 && mean <= 500);
    double limit = exp(-mean), product = dice_unit(d);
    int64_t n = 0;
    while (product > limit) {
        product *= dice_unit(d);
        n++;
    }
    return n;
}
