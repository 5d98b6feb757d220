/* A scan's file belongs to what computed it: the engine, its instruction set, its way of summing. */
#include "atlas_state_help.h"

#include "atlas/draw.h"

/* Two processors: what to do about it is said. */
static void names_another_instruction_set(void **state)
{
    world w = { 0 };
    dcn_atlas *a;

    (void)state;
    set_up(&w);
    a = atlas_of(&w, (dcn_atlas_desc){ 0 });
    snprintf(a->engine, sizeof a->engine, "cpu (oneDNN 2.6.3, avx2)");
    must(dcn_atlas_scan(a, path_of("s"), NULL, NULL, &err));
    must(dcn_atlas_load(a, path_of("s"), &err));
    snprintf(a->engine, sizeof a->engine, "cpu (oneDNN 2.6.3, avx512_core)");
    assert_int_equal(dcn_atlas_load(a, path_of("s"), &err), DCN_STATE);
    assert_non_null(strstr(err.text, "is a scan of another engine: cpu (oneDNN 2.6.3, avx2), here "
                           "it is cpu (oneDNN 2.6.3, avx512_core); set ONEDNN_MAX_CPU_ISA to the "
                           "same (AVX2 "));
    snprintf(a->engine, sizeof a->engine, "cpu (oneDNN 3.1.0, avx2)");
    assert_int_equal(dcn_atlas_load(a, path_of("s"), &err), DCN_STATE);
    assert_non_null(strstr(err.text, "3.1.0, avx2); use the same or scan again"));
    does_not_fit(&w, (dcn_atlas_desc){ 0 }, "here it is ref (plain C); use the same or scan again");
    unlink(path_of("s"));
    dcn_atlas_destroy(a);
    close_world(&w);
}

/* Its units are drawn as they were found. */
static void draws_with(const dcn_atlas *a, int exact)
{
    dcn__passes passes;
    dcn_plan *plan;

    must(dcn__passes_cut(&passes, a, &err));
    assert_true(passes.n > 0);
    for (int i = 0; i < passes.n; i++) {
        must(dcn__pass_plan(&plan, &passes.at[i], a, &err));
        assert_int_equal(strstr(dcn_plan_text(plan), "), exact") != NULL, exact);
        dcn_plan_destroy(plan);
    }
    dcn__passes_clear(&passes);
}

/* Sums made in two ways: a scan, and each of its shards, goes on as it began. */
static void exact_and_not_exact_stay_apart(void **state)
{
    char names[2][600], engine[64];
    const char *files[2];
    world w = { 0 };
    dcn_scan s;
    dcn_atlas *a;

    (void)state;
    if (!has_engine("cpu"))
        skip();
    set_up(&w);
    for (int i = 0; i < 2; i++) {                        /* the second is exact */
        a = atlas_of(&w, (dcn_atlas_desc){ .engine = "cpu", .exact = i, .shard = i, .shards = 2 });
        snprintf(names[i], sizeof names[i], "%s", path_of(i ? "e" : "n"));
        files[i] = names[i];
        must(dcn_atlas_scan(a, names[i], NULL, NULL, &err));
        assert_int_equal(strstr(dcn_atlas_text(a), "), exact") != NULL, i);
        draws_with(a, i);
        must(dcn_scan_read(&s, names[i], NULL, &err));
        assert_string_equal(s.engine, a->engine);
        assert_int_equal(strstr(s.engine, "), exact") != NULL, i);
        snprintf(engine, sizeof engine, "%.*s", (int)strcspn(s.engine, ")"), s.engine);
        dcn_scan_clear(&s);
        dcn_atlas_destroy(a);
    }
    for (int i = 0; i < 2; i++) {
        char sentence[300];

        snprintf(sentence, sizeof sentence, "is a scan of another engine: %s)%s, here it is %s)%s; "
                 "%s wherever it is scanned, merged or drawn, or scan again", engine,
                 i ? ", exact" : "", engine, i ? "" : ", exact",
                 i ? "set exact" : "leave exact out");
        a = atlas_of(&w, (dcn_atlas_desc){ .engine = "cpu", .exact = !i, .shard = i, .shards = 2 });
        assert_int_equal(dcn_atlas_load(a, names[i], &err), DCN_STATE);
        assert_non_null(strstr(err.text, sentence));
        assert_int_equal(dcn_atlas_scanned(a), 0);
        dcn_atlas_destroy(a);
        a = atlas_of(&w, (dcn_atlas_desc){ .engine = "cpu", .exact = !i });
        assert_int_equal(dcn_atlas_merge(a, files, 2, &err), DCN_STATE);
        assert_non_null(strstr(err.text, sentence));
        assert_int_equal(dcn_atlas_scanned(a), 0);
        dcn_atlas_destroy(a);
    }
    unlink(names[0]);
    unlink(names[1]);
    close_world(&w);
}

/* An engine that knows one way alone: asking for it changes no byte and refuses nothing. */
static void ref_is_always_exact(void **state)
{
    dcn__bytes plain, exact;
    world w = { 0 };

    (void)state;
    set_up(&w);
    plain = scan_of(&w, (dcn_atlas_desc){ .engine = "ref" });
    exact = scan_of(&w, (dcn_atlas_desc){ .engine = "ref", .exact = 1 });
    assert_true(same_bytes(&plain, &exact));
    dcn__bytes_clear(&plain);
    dcn__bytes_clear(&exact);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_another_instruction_set),
        cmocka_unit_test(exact_and_not_exact_stay_apart),
        cmocka_unit_test(ref_is_always_exact),
    };

#ifndef DCN_HAVE_RHASH
    puts("skipped: this build cannot write the state of a scan");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
