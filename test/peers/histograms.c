/* histograms.c - writes histograms of known arrays into the folder in the first argument. The arrays
 * are those of tensorboard_load.py, which has TensorFlow make the same. */
#include "deconvnet.h"

#include <math.h>
#include <stdio.h>

enum { N = 1000 };

int main(int argc, char **argv)
{
    const float one = -2.5f, zeros[7] = { 0 }, huge[] = { 1e30f, -1e30f, 3e20f, 1e-13f, -1e-13f };
    float mixed[N], positive[N];
    dcn_events *events = NULL;
    dcn_error err = { 0 };
    dcn_status st;

    for (int i = 0; i < N; i++) {
        mixed[i] = (float)(sin(i) * pow(10.0, i % 13 - 9));
        positive[i] = (float)(0.001 * i);
    }
    if (argc != 2)
        return DCN_USAGE;
    if ((st = dcn_events_create(&events, argv[1], &err)) ||
        (st = dcn_events_histogram(events, "golden/mixed", 1, mixed, N, &err)) ||
        (st = dcn_events_histogram(events, "golden/positive", 1, positive, N, &err)) ||
        (st = dcn_events_histogram(events, "golden/zeros", 1, zeros, 7, &err)) ||
        (st = dcn_events_histogram(events, "golden/one", 1, &one, 1, &err)) ||
        (st = dcn_events_histogram(events, "golden/huge", 1, huge, 5, &err)))
        fprintf(stderr, "histograms: error: %s\n", err.text);
    if (events && dcn_events_close(events, &err) && !st)
        st = err.status;
    return st;
}
