/* data_fetch.c - fetching from a small server of our own on the loopback: whole, resumed, refused.
 * The archive is made here; it holds records of a formula, no pictures. */
#include "calls.h"
#include "data_help.h"
#include "own_folder.h"

#ifdef DCN_HAVE_CURL
#include "codec/digest.h"
#include "data/fetch.h"

#include <archive.h>
#include <archive_entry.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <fcntl.h>

static dcn_error err;
/* ---- the archive --------------------------------------------------------------------- */

struct packed {
    uint8_t bytes[1 << 17];
    size_t size;
    char sum[DCN__SHA256_HEX];
};

static struct archive *begin_archive(struct packed *p)
{
    struct archive *a = archive_write_new();

    archive_write_add_filter_gzip(a);
    archive_write_set_format_ustar(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, p->bytes, sizeof p->bytes, &p->size), ARCHIVE_OK);
    return a;
}

static void add_entry(struct archive *a, const char *name, int type, const void *data, size_t bytes)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, (unsigned)type);
    archive_entry_set_perm(e, type == AE_IFDIR ? 0755 : 0644);
    archive_entry_set_size(e, type == AE_IFREG ? (la_int64_t)bytes : 0);
    if (type == AE_IFLNK)
        archive_entry_set_symlink(e, "/etc/passwd");
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    if (type == AE_IFREG && bytes)
        assert_int_equal(archive_write_data(a, data, bytes), bytes);
    archive_entry_free(e);
}

static void add_batches(struct archive *a, int files)
{
    add_entry(a, "cifar-10-batches-bin/", AE_IFDIR, NULL, 0);
    for (int f = 0; f < files; f++) {
        uint8_t *bytes = cifar_bytes(f, f + 2);
        char name[64];

        snprintf(name, sizeof name, "cifar-10-batches-bin/%s", batch_names[f]);
        add_entry(a, name, AE_IFREG, bytes, (size_t)(f + 2) * RECORD);
        free(bytes);
    }
    add_entry(a, "cifar-10-batches-bin/readme.html", AE_IFREG, "<p>made by a test</p>", 21);
}

static void end_archive(struct archive *a, struct packed *p)
{
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    assert_ok(dcn__sha256_hex(p->sum, p->bytes, p->size, &err));
}

static struct packed good;

/* ---- the server ------------------------------------------------------------------------ */

static struct server {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;         /* held while it answers */
    const struct packed *content;
    /* How it misbehaves; set between requests. */
    size_t stop_after;            /* bytes of the body, then it hangs up; 0: all */
    int ignores_range, not_found, redirects;
    size_t extra;                 /* bytes too many */
    atomic_int requests;
    atomic_long last_from;        /* where the last request began; -1: no range */
    atomic_bool ending;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Waits until the server has finished its answer; what was set before is seen by the next one. */
static void settle(void)
{
    pthread_mutex_lock(&server.lock);
    pthread_mutex_unlock(&server.lock);
}

static void send_all(int fd, const void *data, size_t bytes)
{
    const uint8_t *p = data;

    while (bytes) {
        const ssize_t n = send(fd, p, bytes, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        p += n;
        bytes -= (size_t)n;
    }
}

/* Where the request wants to begin: -1 at the start, -2: there was no request. */
static long read_request(int fd)
{
    char request[4096] = "";
    const char *range;
    size_t got = 0;
    ssize_t n;

    while (!strstr(request, "\r\n\r\n") && got + 1 < sizeof request &&
           (n = recv(fd, request + got, sizeof request - 1 - got, 0)) > 0) {
        got += (size_t)n;
        request[got] = '\0';
    }
    if (!got)
        return -2;
    range = strstr(request, "Range: bytes=");
    return range ? strtol(range + 13, NULL, 10) : -1;
}

static void send_head(int fd, const char *status, const char *field, size_t body)
{
    char head[512];

    snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
             status, field, body);
    send_all(fd, head, strlen(head));
}

static void answer(int fd)
{
    static uint8_t zeros[256];
    const long wish = read_request(fd);
    const size_t total = server.content->size;
    const size_t from = wish < 0 || server.ignores_range ? 0 : (size_t)wish;
    char range[128] = "";

    if (wish == -2)
        return;
    atomic_fetch_add(&server.requests, 1);
    atomic_store(&server.last_from, wish);
    if (server.not_found) {
        send_head(fd, "404 Not Found", "", 0);
    } else if (server.redirects) {
        send_head(fd, "302 Found", "Location: file:///etc/passwd\r\n", 0);
    } else {
        if (from)
            snprintf(range, sizeof range, "Content-Range: bytes %zu-%zu/%zu\r\n", from, total - 1,
                     total);
        send_head(fd, from ? "206 Partial Content" : "200 OK", range, total - from + server.extra);
        if (server.stop_after && from + server.stop_after < total) {
            send_all(fd, server.content->bytes + from, server.stop_after);
            return;
        }
        send_all(fd, server.content->bytes + from, total - from);
        send_all(fd, zeros, server.extra);
    }
}

static void *serve(void *unused)
{
    for (;;) {
        const int fd = accept(server.fd, NULL, NULL);

        if (atomic_load(&server.ending) || fd < 0)
            return unused;
        pthread_mutex_lock(&server.lock);
        answer(fd);
        shutdown(fd, SHUT_WR);
        close(fd);
        pthread_mutex_unlock(&server.lock);
    }
}

static int start_server(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    struct archive *a;

    (void)state;
    /* A proxy of the surroundings would see nothing of our loopback. */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    a = begin_archive(&good);
    add_batches(a, 6);
    end_archive(a, &good);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.fd, 4), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    (void)state;
    atomic_store(&server.ending, true);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return 0;
}

/* ---- the tests ---------------------------------------------------------------------------- */

static char url[64];
static dcn__archive wanted;
static int calls;
static int64_t stop_at;

static int watch(void *user, int64_t done, int64_t total)
{
    assert_ptr_equal(user, &calls);
    assert_int_equal(total, wanted.bytes);
    assert_in_range(done, 0, total);
    calls++;
    return stop_at && done >= stop_at;
}

static void serve_content(const struct packed *content)
{
    server.content = content;
    wanted = (dcn__archive){ url, content->size, content->sum };
}

static int set_up(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "fetch");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/c.tar.gz", server.port);
    server.stop_after = server.extra = 0;
    server.ignores_range = server.not_found = server.redirects = 0;
    serve_content(&good);
    stop_at = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
}

#define PART "cifar-10-binary.tar.gz.part"
#define FINAL "cifar-10-batches-bin"

static dcn_status fetch(void)
{
    dcn_status st;

    settle();
    st = dcn__fetch_archive(folder, &wanted, watch, &calls, &err);
    settle();
    return st;
}

static int64_t size_of(const char *name)
{
    struct stat st;

    return lstat(in_folder(name), &st) ? -1 : (int64_t)st.st_size;
}

/* Exactly these names are in the folder. */
static void assert_holds(const char *only)
{
    dcn__names names;

    assert_ok(dcn__folder_list(&names, folder, 100, &err));
    assert_int_equal(names.count, only ? 1 : 0);
    if (only)
        assert_string_equal(names.at[0], only);
    dcn__names_clear(&names);
}

static void assert_whole(void)
{
    dcn_data *data;
    dcn_data_info info;

    assert_holds(FINAL);
    assert_ok(dcn_data_open(&data, folder, NULL, &err));
    dcn_data_info_get(data, &info);
    assert_int_equal(info.count[0], 20);
    assert_int_equal(info.count[1], 7);
    assert_ok(dcn_data_verify(data, &err));
    dcn_data_close(data);
}

static void whole(void **state)
{
    const int before = atomic_load(&server.requests);

    (void)state;
    calls = 0;
    assert_ok(fetch());
    assert_true(calls > 0);
    assert_whole();
    assert_int_equal(atomic_load(&server.requests), before + 1);
    assert_ok(fetch());                                          /* there already: no request */
    assert_int_equal(atomic_load(&server.requests), before + 1);
}

static void new_folder(void **state)
{
    const size_t n = strlen(folder);

    (void)state;
    snprintf(folder + n, sizeof folder - n, "/a/b");
    assert_ok(fetch());
    assert_whole();
    folder[n] = '\0';
}

static void resumed(void **state)
{
    (void)state;
    server.stop_after = 1000;
    assert_refused(fetch(), DCN_NETWORK, "the transfer ended after 1000 of");
    assert_int_equal(size_of(PART), 1000);
    assert_holds(PART);
    assert_refused(fetch(), DCN_NETWORK, "the transfer ended after 2000 of");
    assert_int_equal(atomic_load(&server.last_from), 1000);
    server.stop_after = 0;
    assert_ok(fetch());
    assert_int_equal(atomic_load(&server.last_from), 2000);
    assert_whole();
}

static void resume_is_not_possible(void **state)
{
    uint8_t *zeros = calloc(1, good.size + 10);

    (void)state;
    put_file(folder, PART, good.bytes, 1500);
    server.ignores_range = 1;
    assert_ok(fetch());                                          /* from the beginning */
    assert_whole();
    remove_tree(in_folder(FINAL));
    server.ignores_range = 0;
    put_file(folder, PART, zeros, good.size + 10);               /* longer than it can be */
    assert_ok(fetch());
    assert_int_equal(atomic_load(&server.last_from), -1);
    assert_whole();
    free(zeros);
}

static void complete_part(void **state)
{
    const int before = atomic_load(&server.requests);

    (void)state;
    put_file(folder, PART, good.bytes, good.size);
    assert_ok(fetch());
    assert_int_equal(atomic_load(&server.requests), before);
    assert_whole();
}

static void wrong_sum(void **state)
{
    (void)state;
    put_file(folder, PART, "not what the server has", 23);
    assert_refused(fetch(), DCN_NETWORK, "what arrived has SHA-256");
    assert_holds(NULL);
    assert_ok(fetch());
    assert_whole();
}

static void too_long(void **state)
{
    (void)state;
    server.extra = 100;
    assert_refused(fetch(), DCN_NETWORK, "sends more than the expected");
    assert_int_equal(size_of(FINAL), -1);
}

static void not_found(void **state)
{
    (void)state;
    server.not_found = 1;
    assert_refused(fetch(), DCN_NETWORK, "/c.tar.gz: the server answers 404; check the address");
    assert_holds(NULL);
}

static void bad_redirect(void **state)
{
    (void)state;
    server.redirects = 1;
    assert_refused(fetch(), DCN_NETWORK, "cannot be fetched");
    assert_holds(NULL);
}

static void no_server(void **state)
{
    (void)state;
    wanted.url = "http://127.0.0.1:1/c.tar.gz";
    assert_refused(fetch(), DCN_NETWORK, "cannot be fetched (Couldn't connect to server)");
    wanted.url = "ftp://127.0.0.1/c.tar.gz";
    assert_refused(fetch(), DCN_NETWORK, "cannot be fetched (Unsupported protocol)");
    assert_refused(dcn_fetch_cifar10("", NULL, NULL, NULL, &err), DCN_USAGE, "no folder is named");
    assert_refused(dcn_fetch_cifar10(folder, "http://127.0.0.1:1/x", NULL, NULL, &err), DCN_NETWORK,
                   "cannot be fetched");
    assert_holds(NULL);
}

static void stopped(void **state)
{
    (void)state;
    put_file(folder, PART, good.bytes, 1500);
    stop_at = 1;
    assert_refused(fetch(), DCN_STOPPED, "fetch again to go on from there");
    assert_true(size_of(PART) >= 1500);
    stop_at = 0;
    assert_ok(fetch());
    assert_whole();
}

static void two_at_once(void **state)
{
    int fd;

    (void)state;
    put_file(folder, PART, good.bytes, 1500);
    fd = open(in_folder(PART), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_refused(fetch(), DCN_FILE, "is in use by another download");
    close(fd);
    assert_ok(fetch());
}

static void odd_places(void **state)
{
    (void)state;
    assert_int_equal(symlink("/nonexistent/target", in_folder(PART)), 0);
    assert_refused(fetch(), DCN_FILE, "cannot create it");       /* never through a link */
    unlink(in_folder(PART));
    put_file(folder, FINAL, "x", 1);
    assert_refused(fetch(), DCN_FILE, "is there but not whole");
    unlink(in_folder(FINAL));
    assert_int_equal(mkdir(in_folder(FINAL), 0700), 0);
    assert_refused(fetch(), DCN_FILE, "move it away and fetch again");
    rmdir(in_folder(FINAL));
    /* What a killed run left behind is cleared away. */
    assert_int_equal(mkdir(in_folder("cifar-10-batches-bin.part"), 0700), 0);
    put_file(folder, "cifar-10-batches-bin.part/data_batch_1.bin", "x", 1);
    put_file(folder, "cifar-10-batches-bin.part/data_batch_2.bin.tmp-abcdef", "x", 1);
    assert_ok(fetch());
    assert_whole();
}

/* An archive whose sum is right but whose content is not ours: nothing appears anywhere. */
static void hostile_archives(void **state)
{
    static const struct { const char *name; int type; const char *say; } cases[] = {
        { "../escape.bin", AE_IFREG, "holds \"../escape.bin\", which is no file of CIFAR-10" },
        { "cifar-10-batches-bin/../../escape.bin", AE_IFREG, "which is no file of CIFAR-10" },
        { "/tmp/escape.bin", AE_IFREG, "which is no file of CIFAR-10" },
        { "cifar-10-batches-bin/sub/data_batch_1.bin", AE_IFREG, "which is no file of CIFAR-10" },
        { "data_batch_1.bin", AE_IFREG, "which is no file of CIFAR-10" },
        { "cifar-10-batches-bin/test_batch.bin", AE_IFLNK, "which is no file of CIFAR-10" },
        { "cifar-10-batches-bin/test_batch.bin", AE_IFDIR, "which is no file of CIFAR-10" },
        { "other/", AE_IFDIR, "which is no file of CIFAR-10" },
    };
    static struct packed bad;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct archive *a = begin_archive(&bad);

        add_batches(a, 6);
        add_entry(a, cases[i].name, cases[i].type, "x", 1);
        end_archive(a, &bad);
        serve_content(&bad);
        assert_refused(fetch(), DCN_INPUT, cases[i].say);
        assert_holds(PART);
        unlink(in_folder(PART));
        assert_int_not_equal(access(in_folder("../escape.bin"), F_OK), 0);
    }
}

static void poor_archives(void **state)
{
    static struct packed bad;
    static uint8_t long_text[5000];
    struct archive *a = begin_archive(&bad);

    (void)state;
    add_batches(a, 5);                                           /* no test pictures */
    end_archive(a, &bad);
    serve_content(&bad);
    assert_refused(fetch(), DCN_INPUT, "has no test_batch.bin");
    unlink(in_folder(PART));

    a = begin_archive(&bad);
    add_batches(a, 6);
    add_entry(a, "cifar-10-batches-bin/batches.meta.txt", AE_IFREG, long_text, sizeof long_text);
    end_archive(a, &bad);
    serve_content(&bad);
    assert_refused(fetch(), DCN_INPUT,
                   "batches.meta.txt has 5000 bytes in the archive, the limit is 4096");
    unlink(in_folder(PART));

    memcpy(&bad, &good, sizeof bad);                             /* cut, with the sum of the cut */
    bad.size -= 400;
    assert_ok(dcn__sha256_hex(bad.sum, bad.bytes, bad.size, &err));
    serve_content(&bad);
    assert_refused(fetch(), DCN_INPUT, "the archive is damaged");
    unlink(in_folder(PART));

    memcpy(bad.bytes, "no archive at all", 17);
    bad.size = 17;
    assert_ok(dcn__sha256_hex(bad.sum, bad.bytes, bad.size, &err));
    serve_content(&bad);
    assert_refused(fetch(), DCN_INPUT, "the archive is damaged");
    assert_holds(PART);
}

/* A system call of the fetch fails: what is said, and what stays for the next try. */
static void calls_fail(void **state)
{
    static const struct { const char *call; int number, answer, part; const char *say; } cases[] = {
        { "fstat", 1, EIO, 0, ".part: is not a regular file; move it away" },
        { "fstat", 2, EIO, 0, ".part: cannot inspect it (Input/output error); check the disk" },
        { "ftruncate", 1, EIO, 0, ".part: cannot begin it again (Input/output error); check the disk" },
        { "lseek", 1, EIO, 0, ".part: cannot begin it again (Input/output error); check the disk" },
        { "lseek", 1, EIO, 1500, ".part: cannot go on in it (Input/output error); check the disk" },
        { "pread", 1, EIO, 0, ".part: cannot read it (Input/output error); check the disk" },
        { "lseek", 2, EIO, 0, ".part: cannot read it (Input/output error); check the disk" },
        { "rename", 8, EIO, 0, FINAL ": cannot rename the unpacked folder to it (Input/output error); move what is "
          "there away" },
        { "write", 1, ENOSPC, 0, "write failed at byte 0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].part)
            put_file(folder, PART, good.bytes, (size_t)cases[i].part);
        plan_call(cases[i].call, cases[i].number, cases[i].answer);
        assert_refused(fetch(), DCN_FILE, cases[i].say);
        assert_int_equal(planned_calls(), 1);
        assert_int_equal(size_of(FINAL), -1);
        assert_int_equal(size_of(FINAL ".part"), -1);
        assert_ok(fetch());
        assert_whole();
        remove_tree(in_folder(FINAL));
    }
    /* All is there, only the name may be lost in a power cut: the archive stays. */
    plan_call("fsync", 15, EIO);
    assert_refused(fetch(), DCN_FILE, FINAL ": cannot sync its folder (Input/output error); check the disk");
    assert_int_equal(planned_calls(), 1);
    assert_int_equal(size_of(PART), good.size);
    unlink(in_folder(PART));
    assert_whole();
}

static void calls_do_not_matter(void **state)
{
    static const struct { const char *call; int number, answer; } cases[] = {
        { "open", 1, EINTR }, { "flock", 1, EINTR }, { "flock", 1, ENOLCK }, { "ftruncate", 1, EINTR },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan_call(cases[i].call, cases[i].number, cases[i].answer);
        assert_ok(fetch());
        assert_int_equal(planned_calls(), 1);
        assert_whole();
        remove_tree(in_folder(FINAL));
    }
}

static void in_the_way(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in_folder(PART), 0600), 0);
    assert_refused(fetch(), DCN_FILE, ".part: is not a regular file; move it away");
    unlink(in_folder(PART));
    put_file(folder, FINAL ".part", "x", 1);
    assert_refused(fetch(), DCN_FILE, FINAL ".part: cannot create the folder (File exists); move what is there away");
    assert_int_equal(size_of(FINAL ".part"), 1);
    unlink(in_folder(FINAL ".part"));
    assert_ok(fetch());
    assert_whole();
    assert_refused(dcn_fetch_cifar10(NULL, NULL, NULL, NULL, &err), DCN_USAGE, "no folder is named; name one");
}

static bool allocation(void *countdown, size_t bytes)
{
    (void)bytes;
    return (*(int *)countdown)-- != 0;
}

static void memory_lacks(void **state)
{
    dcn_status st = DCN_MEMORY;
    int k;

    (void)state;
    for (k = 0; st == DCN_MEMORY; k++) {
        int countdown = k;

        settle();
        dcn__set_alloc_hook(allocation, &countdown);
        st = dcn__fetch_archive(folder, &wanted, NULL, NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        settle();
        if (st == DCN_MEMORY)
            assert_non_null(strstr(err.text, "; free memory or ask for less"));
    }
    assert_ok(st);
    assert_in_range(k, 20, 200);
    unlink(in_folder(PART));               /* where only the last name was not synced */
    assert_whole();
    st = DCN_MEMORY;
    for (k = 0; st == DCN_MEMORY; k++) {   /* what is there is not blamed */
        int countdown = k;

        dcn__set_alloc_hook(allocation, &countdown);
        st = dcn__fetch_archive(folder, &wanted, NULL, NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
    }
    assert_ok(st);
    assert_in_range(k, 10, 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whole), TEST(new_folder), TEST(resumed), TEST(resume_is_not_possible),
        TEST(complete_part), TEST(wrong_sum), TEST(too_long), TEST(not_found), TEST(bad_redirect),
        TEST(no_server), TEST(stopped), TEST(two_at_once), TEST(odd_places), TEST(hostile_archives),
        TEST(poor_archives), TEST(calls_fail), TEST(calls_do_not_matter), TEST(in_the_way), TEST(memory_lacks),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
#else
static dcn_error err;

static void refused_by_name(void **state)
{
    (void)state;
    assert_refused(dcn_fetch_cifar10(DCN_TEST_TMP, NULL, NULL, NULL, &err), DCN_USAGE,
                   "no libcurl");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refused_by_name) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
