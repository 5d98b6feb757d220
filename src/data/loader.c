/* loader.c - one producing thread, one consumer, a ring of three batches, one mutex. Where the system
 * has no thread left the consumer makes the batches himself: the same ones, only later. */
#include "data/loader.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "data/data.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { SLOTS = 3 };

struct slot {
    float *images;                /* (batch,H,W,C) */
    int32_t *labels;              /* (batch) */
};

struct dcn__loader {
    const dcn_data *data;
    dcn_split split;
    dcn_preprocess preprocess;
    dcn_augment augment;
    uint64_t seed;
    int batch;
    int64_t count, sample;        /* pictures in the split; floats of one input */
    int64_t position;             /* of the next sample to make; the thread's alone */
    dcn__workspace work;          /* likewise */
    struct slot slot[SLOTS];

    pthread_t thread;
    bool has_thread;              /* else the consumer makes each batch when he wants it */
    pthread_mutex_t lock;         /* guards what follows */
    pthread_cond_t made_one, freed_one;
    int64_t made, taken;          /* batches; slot of batch n: n % SLOTS */
    bool lent;                    /* the consumer holds batch taken - 1 */
    bool ending;
    dcn_status status;            /* of batch number `made`, which could not be made */
    dcn_error error;
};

int64_t dcn__loader_index(int64_t position, int64_t count, dcn_augment augment, uint64_t seed,
                          int64_t *epoch)
{
    const int64_t place = position % count, e = position / count;

    if (epoch)
        *epoch = e;
    if (augment == DCN_AUGMENT_NONE)
        return place;
    return (int64_t)dcn__random_permute((uint64_t)place, (uint64_t)count, seed, (uint64_t)e);
}

static bool is_ending(dcn__loader *l)
{
    bool ending;

    pthread_mutex_lock(&l->lock);
    ending = l->ending;
    pthread_mutex_unlock(&l->lock);
    return ending;
}

static dcn_status make_batch(dcn__loader *l, const struct slot *slot, dcn_error *err)
{
    for (int i = 0; i < l->batch; i++) {
        int64_t epoch;
        const int64_t index = dcn__loader_index(l->position, l->count, l->augment, l->seed, &epoch);
        dcn_status st;

        /* Large photos take milliseconds each: closing must not wait for a whole batch of them. */
        if (l->data->ops->load && is_ending(l))
            return DCN_STOPPED;
        st = dcn__data_sample_with(l->data, l->split, index, &l->preprocess, l->augment, l->seed,
                                   epoch, &l->work, slot->images + i * l->sample, slot->labels + i,
                                   err);
        if (st)
            return st;
        l->position++;
    }
    return DCN_OK;
}

static void *produce(void *argument)
{
    dcn__loader *l = argument;
    dcn_error error = { .status = DCN_OK };
    dcn_status st = DCN_OK;

    pthread_mutex_lock(&l->lock);
    while (!l->ending && !st) {
        /* A slot is free once its batch was taken and is no longer lent. */
        if (l->made - (l->taken - l->lent) >= SLOTS) {
            pthread_cond_wait(&l->freed_one, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        st = make_batch(l, &l->slot[l->made % SLOTS], &error);
        pthread_mutex_lock(&l->lock);
        if (st) {
            l->status = st;
            l->error = error;
        } else {
            l->made++;
        }
        pthread_cond_signal(&l->made_one);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

dcn_status dcn__loader_next(dcn__loader *l, const float **images, const int32_t **labels,
                            double *wait_ms, dcn_error *err)
{
    const double start = dcn__clock_ms();
    dcn_status st = DCN_OK;

    *images = NULL;
    *labels = NULL;
    if (!l->has_thread && !l->status) {
        l->lent = false;
        if ((l->status = make_batch(l, &l->slot[l->made % SLOTS], &l->error)) == DCN_OK)
            l->made++;
    }
    pthread_mutex_lock(&l->lock);
    if (l->lent) {
        l->lent = false;
        pthread_cond_signal(&l->freed_one);
    }
    while (l->made == l->taken && !l->status)
        pthread_cond_wait(&l->made_one, &l->lock);
    if (l->made > l->taken) {
        const struct slot *slot = &l->slot[l->taken % SLOTS];

        l->taken++;
        l->lent = true;
        *images = slot->images;
        *labels = slot->labels;
    } else {
        st = l->status;
        if (err)
            *err = l->error;
    }
    pthread_mutex_unlock(&l->lock);
    if (wait_ms)
        *wait_ms = dcn__clock_ms() - start;
    return st;
}

/* Signals are for the program's own threads: this one must not run its handlers. */
static int start_thread(dcn__loader *l)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = dcn__thread_start(&l->thread, produce, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static dcn_status prepare(dcn__loader *l, dcn_error *err)
{
    const dcn_shape s = l->preprocess.shape;
    size_t bytes;

    l->sample = (int64_t)s.h * s.w * s.c;
    /* A checked shape has less than 2^28 values, a batch less than 2^31 of them: below 2^61 bytes. */
    bytes = (size_t)l->sample * sizeof(float) * (size_t)l->batch;
    for (int i = 0; i < SLOTS; i++) {
        l->slot[i].images = dcn__alloc_aligned(bytes);
        l->slot[i].labels = dcn__alloc_array((size_t)l->batch, sizeof(int32_t));
        if (!l->slot[i].images || !l->slot[i].labels)
            return dcn__fail_memory(err, "batches of pictures", bytes * SLOTS);
    }
    return dcn__workspace_prepare(&l->work, l->data, &l->preprocess, err);
}

dcn_status dcn__loader_create(dcn__loader **loader, const dcn_data *data, dcn_split split,
                              const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                              int batch, int64_t first_position, dcn_error *err)
{
    dcn__loader *l;
    dcn_status st;

    *loader = NULL;
    if ((st = dcn__preprocess_check(p, err)))
        return st;
    if (split != DCN_SPLIT_TRAIN && split != DCN_SPLIT_TEST)
        return dcn__fail(err, DCN_USAGE, "split", "%d is no split; pass train or test", (int)split);
    if (batch < 1 || first_position < 0)
        return dcn__fail(err, DCN_USAGE, "loader", "batch %d from position %lld is impossible; "
                         "ask for 1 or more from 0 or later", batch, (long long)first_position);
    if (!data->info.count[split])
        return dcn__fail(err, DCN_USAGE, data->path, "has no %s pictures; take another data set",
                         split == DCN_SPLIT_TRAIN ? "training" : "test");
    if (!(l = dcn__alloc(sizeof *l)))
        return dcn__fail_memory(err, "a loader", sizeof *l);
    l->data = data;
    l->split = split;
    l->preprocess = *p;
    l->augment = augment;
    l->seed = seed;
    l->batch = batch;
    l->count = data->info.count[split];
    l->position = first_position;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->made_one, NULL);
    pthread_cond_init(&l->freed_one, NULL);
    if ((st = prepare(l, err))) {
        dcn__loader_destroy(l);
        return st;
    }
    l->has_thread = start_thread(l) == 0;
    *loader = l;
    return DCN_OK;
}

void dcn__loader_destroy(dcn__loader *l)
{
    if (!l)
        return;
    if (l->has_thread) {
        pthread_mutex_lock(&l->lock);
        l->ending = true;
        pthread_cond_signal(&l->freed_one);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->freed_one);
    pthread_cond_destroy(&l->made_one);
    pthread_mutex_destroy(&l->lock);
    for (int i = 0; i < SLOTS; i++) {
        dcn__free_aligned(l->slot[i].images);
        dcn__free(l->slot[i].labels);
    }
    dcn__workspace_clear(&l->work);
    dcn__free(l);
}
