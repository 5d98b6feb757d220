/* random.c - splitmix64 streams, normal numbers and memory-free permutations. */
#include "base/random.h"

#include <math.h>

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

uint64_t dcn__hash64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

dcn__random dcn__random_stream(uint64_t seed, uint64_t a, uint64_t b)
{
    dcn__random r;

    r.state = dcn__hash64(seed + GOLDEN);
    r.state = dcn__hash64(r.state ^ (a + 2 * GOLDEN));
    r.state = dcn__hash64(r.state ^ (b + 3 * GOLDEN));
    return r;
}

uint64_t dcn__random_bits(dcn__random *r)
{
    r->state += GOLDEN;
    return dcn__hash64(r->state);
}

double dcn__random_unit(dcn__random *r)
{
    return (double)(dcn__random_bits(r) >> 11) * 0x1p-53;
}

uint64_t dcn__random_below(dcn__random *r, uint64_t n)
{
    const uint64_t biased = (0 - n) % n;   /* 2^64 mod n values at the bottom are one too many */
    uint64_t x;

    do
        x = dcn__random_bits(r);
    while (x < biased);
    return x % n;
}

double dcn__random_normal(dcn__random *r)
{
    const double u = 1.0 - dcn__random_unit(r), v = dcn__random_unit(r);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

double dcn__random_truncated_normal(dcn__random *r)
{
    double x;

    do
        x = dcn__random_normal(r);
    while (fabs(x) > 2.0);
    return x;
}

/* Four rounds of a Feistel network on the smallest even number of bits that holds n, walked until
 * the value falls below n (cycle walking): a bijection on 0..n-1. */
uint64_t dcn__random_permute(uint64_t i, uint64_t n, uint64_t seed, uint64_t a)
{
    const uint64_t key = dcn__random_stream(seed, a, 0x5eed).state;
    unsigned half = 1;
    uint64_t mask;

    while (half < 32 && ((uint64_t)1 << (2 * half)) < n)
        half++;
    mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;

        for (uint64_t round = 0; round < 4; round++) {
            const uint64_t next = left ^ (dcn__hash64(right ^ key ^ (round * GOLDEN)) & mask);

            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
