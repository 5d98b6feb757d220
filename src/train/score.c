/* score.c - answers against the truth: which class, and how surprised the network was. */
#include "train/score.h"

#include <math.h>

int dcn__answer(const float *logits, int classes)
{
    int best = 0;

    for (int i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

double dcn__cross_entropy(const float *logits, int classes, int truth)
{
    const double top = logits[dcn__answer(logits, classes)];
    double sum = 0;

    for (int i = 0; i < classes; i++)
        sum += exp(logits[i] - top);
    return log(sum) + top - logits[truth];
}

void dcn__score(dcn_loss *loss, const float *logits, int classes, const int32_t *labels, int n)
{
    *loss = (dcn_loss){ .n = n };
    for (int i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;

        loss->loss += dcn__cross_entropy(row, classes, labels[i]) / n;
        loss->correct += dcn__answer(row, classes) == labels[i];
    }
}
