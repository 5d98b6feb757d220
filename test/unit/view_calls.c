/* view_calls.c - system calls that an event file makes fail once: the sentence, what is left in the folder,
 * and that a writer which may have lost something writes no more. */
#include "calls.h"
#include "support.h"
#include "own_folder.h"

#ifdef DCN_HAVE_PROTOBUF

#include "codec/tfrecord.h"
#include "view/events.h"

static const char *machine;             /* what gethostname says; NULL: it fails */

#pragma GCC visibility push(default)
int gethostname(char *name, size_t size)
{
    if (!machine)
        return -1;
    snprintf(name, size, "%s", machine);
    return 0;
}
#pragma GCC visibility pop

static int new_folder(void **state)
{
    (void)state;
    machine = "ocean-4.example_org";
    fresh_folder(folder, sizeof folder, "view_calls");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    planned_calls();
    remove_tree(folder);
    return 0;
}

/* "PATH: sentence" */
static const char *of(const dcn_events *e, const char *sentence)
{
    static char text[1200];

    snprintf(text, sizeof text, "%s%s", dcn_events_path(e), sentence);
    return text;
}

/* The error ends with this; begin: how it begins. */
static void says(dcn_status st, const char *begin, const char *end)
{
    const size_t n = strlen(err.text), m = strlen(end);

    if (st != DCN_FILE || strncmp(err.text, begin, strlen(begin)) != 0 || n < m || strcmp(err.text + n - m, end) != 0)
        fail_msg("status %d: %s", (int)st, err.text);
}

static void files_that_cannot_be_made(void **state)
{
    static const struct { const char *call; int answer; const char *end; } bad[] = {
        { "open", EACCES, ": cannot create it (Permission denied); check that the folder exists and is writable" },
        { "open", ENOSPC, ": cannot create it (No space left on device); check that the folder exists and is writable" },
        { "write", ENOSPC, "(No space left on device); free space and try again" },
        { "write", EIO, "(Input/output error); check the disk and try again" },
    };
    dcn_events *e;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        dcn_status st;

        memset(&err, 0, sizeof err);
        plan_call(bad[i].call, 1, bad[i].answer);
        st = dcn_events_create(&e, folder, &err);
        assert_int_equal(planned_calls(), 1);
        says(st, folder, bad[i].end);
        assert_null(e);
        assert_int_equal(files_in_folder(), 0);
    }
}

/* A part of a record that cannot be taken back: nothing may be written behind it. */
static int write_a_part(int fd)
{
    planned = (planned_call){ .name = "ftruncate", .first = 1, .answer = EIO };
    (void)fd;
    return ENOSPC;
}

static void a_part_that_stays(void **state)
{
    dcn_events_summary s;
    dcn_events *e;

    (void)state;
    must(dcn_events_create(&e, folder, &err));
    planned = (planned_call){ .name = "write", .first = 1, .act = write_a_part };
    memset(&err, 0, sizeof err);
    says(dcn_events_scalar(e, "loss", 1, 1, &err), dcn_events_path(e),
         "(No space left on device); free space and try again");
    assert_int_equal(planned_calls(), 1);
    must_say(dcn_events_scalar(e, "loss", 2, 1, &err), DCN_FILE,
             of(e, ": cannot be trusted after an earlier failure; start a new event file"));
    must(dcn_events_verify(dcn_events_path(e), &s, &err));
    assert_int_equal(s.records, 1);
    plan_call("fdatasync", 1, EIO);              /* no longer asked for */
    must(dcn_events_close(e, &err));
    assert_int_equal(planned_calls(), 0);
}

static void what_was_interrupted_is_made_again(void **state)
{
    dcn_events_summary s;
    dcn_events *e;

    (void)state;
    must(dcn_events_create(&e, folder, &err));
    plan_call("fdatasync", 1, EINTR);
    must(dcn_events_flush(e, &err));
    assert_int_equal(planned_calls(), 1);
    must(dcn_events_scalar(e, "loss", 1, 1, &err));
    must(dcn_events_verify(dcn_events_path(e), &s, &err));
    assert_int_equal(s.scalars, 1);
    plan_call("close", 1, EINTR);                /* the descriptor is gone all the same */
    must(dcn_events_close(e, &err));
    assert_int_equal(planned_calls(), 1);
}

static void a_sync_that_fails_is_the_last(void **state)
{
    dcn_events *e;

    (void)state;
    must(dcn_events_create(&e, folder, &err));
    plan_call("fdatasync", 1, EIO);
    must_say(dcn_events_flush(e, &err), DCN_FILE, of(e, ": cannot sync it (Input/output error); check the disk"));
    assert_int_equal(planned_calls(), 1);
    must_say(dcn_events_scalar(e, "loss", 1, 1, &err), DCN_FILE,
             of(e, ": cannot be trusted after an earlier failure; start a new event file"));
    must(dcn_events_close(e, &err));
}

static void a_close_that_fails(void **state)
{
    char sentence[1200];
    dcn_events *e;

    (void)state;
    must(dcn_events_create(&e, folder, &err));
    snprintf(sentence, sizeof sentence, "%s: cannot close it (Input/output error); check the disk", dcn_events_path(e));
    plan_call("close", 1, EIO);
    must_say(dcn_events_close(e, &err), DCN_FILE, sentence);
    assert_int_equal(planned_calls(), 1);
    /* Of two failures the first is told. */
    must(dcn_events_create(&e, folder, &err));
    snprintf(sentence, sizeof sentence, "%s: cannot sync it (No space left on device); check the disk",
             dcn_events_path(e));
    plan_call("fdatasync", 1, ENOSPC);
    must_say(dcn_events_close(e, &err), DCN_FILE, sentence);
    assert_int_equal(planned_calls(), 1);
}

/* An event's length alone decides; its bytes are not looked at. */
static void an_event_that_is_too_long(void **state)
{
    Dcn__Tb__Event event = DCN__TB__EVENT__INIT;
    char sentence[200];
    dcn_events_summary s;
    dcn_events *e;

    (void)state;
    must(dcn_events_create(&e, folder, &err));
    event.has_graph_def = 1;
    event.graph_def.len = DCN__TFRECORD_MAX;
    event.graph_def.data = (uint8_t *)folder;
    snprintf(sentence, sizeof sentence, ": an event of %llu bytes is over the limit of 268435456; write less at once",
             (unsigned long long)DCN__TFRECORD_MAX + 15);
    must_say(dcn__events_append(e, &event, &err), DCN_USAGE, of(e, sentence));
    must(dcn_events_scalar(e, "loss", 1, 1, &err));
    must(dcn_events_verify(dcn_events_path(e), &s, &err));
    assert_true(s.records == 2 && s.scalars == 1);
    must(dcn_events_close(e, &err));
}

/* Whatever a machine is called, the file has a name. */
static void names_of_machines(void **state)
{
    static const struct { const char *machine, *part; } names[] = {
        { "Plain-7.example", ".Plain-7.example." }, { "a b/c\xc3\xa9", ".a_b_c__." }, { "", ".host." }, { NULL, ".host." },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        dcn_events *e;

        machine = names[i].machine;
        must(dcn_events_create(&e, folder, &err));
        assert_non_null(strstr(dcn_events_path(e) + strlen(folder), names[i].part));
        assert_int_equal(files_in_folder(), (int)i + 1);
        must(dcn_events_close(e, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_that_cannot_be_made, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_part_that_stays, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_was_interrupted_is_made_again, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_sync_that_fails_is_the_last, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_close_that_fails, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_event_that_is_too_long, new_folder, remove_folder),
        cmocka_unit_test_setup_teardown(names_of_machines, new_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: this build has no protobuf-c\n");
    return 77;
}

#endif
