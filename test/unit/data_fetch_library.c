/* data_fetch_library.c - downloading and unpacking with libraries that lack, fail, run out of memory and hand
 * out what they should not: those that are opened are played by this program. */
#include "data_help.h"

#include "data/fetch.h"
#include "data/library.h"

#ifdef DCN_HAVE_CURL
#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <fcntl.h>

static dcn_error err;

/* ---- the loader ----------------------------------------------------------------------------------- */

static const char *missing = "";           /* a library or a symbol */
static bool memory_lacks;                  /* while one of the libraries is at work */

/* The library finds no memory: all that is left of that is errno. */
static void lack(void)
{
    if (memory_lacks)
        errno = ENOMEM;
}

/* What libcurl's header would say. */
typedef void CURL;
typedef int CURLcode, CURLoption, CURLINFO;
enum { CURLE_OK = 0, CURLE_COULDNT_RESOLVE_HOST = 6, CURLE_PARTIAL_FILE = 18, CURLE_HTTP_RETURNED_ERROR = 22,
       CURLE_WRITE_ERROR = 23, CURLE_OUT_OF_MEMORY = 27, CURLE_OPERATION_TIMEDOUT = 28, CURLE_RANGE_ERROR = 33,
       CURLE_BAD_DOWNLOAD_RESUME = 36, CURLE_UNKNOWN_OPTION = 48, CURLE_GOT_NOTHING = 52, CURLE_RECV_ERROR = 56 };
enum { CURLOPT_WRITEDATA = 10001, CURLOPT_URL = 10002, CURLOPT_XFERINFODATA = 10057,
       CURLOPT_REDIR_PROTOCOLS_STR = 10319, CURLOPT_WRITEFUNCTION = 20011, CURLOPT_RESUME_FROM_LARGE = 30116 };

/* ---- libcurl ---------------------------------------------------------------------------------------- */

static struct {
    bool no_handle;
    int bad_option;                        /* this one is refused */
    CURLcode code;
    long http;
    size_t sends;                          /* bytes, in one piece */
    int performed;
} curl;
static size_t (*write_bytes)(char *, size_t, size_t, void *);
static void *write_to;

static CURL *fake_init(void)
{
    lack();
    return curl.no_handle ? NULL : (CURL *)&curl;
}

static CURLcode fake_setopt(CURL *handle, CURLoption option, ...)
{
    va_list args;

    assert_ptr_equal(handle, &curl);
    va_start(args, option);
    if (option == CURLOPT_WRITEFUNCTION)
        write_bytes = va_arg(args, size_t (*)(char *, size_t, size_t, void *));
    else if (option == CURLOPT_WRITEDATA)
        write_to = va_arg(args, void *);
    va_end(args);
    return (int)option == curl.bad_option ? CURLE_UNKNOWN_OPTION : CURLE_OK;
}

static CURLcode fake_perform(CURL *handle)
{
    static char zeros[200];

    (void)handle;
    curl.performed++;
    if (curl.sends && write_bytes(zeros, 1, curl.sends, write_to) != curl.sends)
        return CURLE_WRITE_ERROR;
    return curl.code;
}

static CURLcode fake_getinfo(CURL *handle, CURLINFO info, ...)
{
    va_list args;

    (void)handle;
    va_start(args, info);
    *va_arg(args, long *) = curl.http;
    va_end(args);
    return CURLE_OK;
}

static void fake_cleanup(CURL *handle)
{
    assert_ptr_equal(handle, &curl);
}

static const char *fake_text(CURLcode code)
{
    static char text[32];

    snprintf(text, sizeof text, "reason %d", (int)code);
    return text;
}

/* ---- libarchive ------------------------------------------------------------------------------------- */

typedef struct entry { const char *name; const char *hardlink; unsigned type; int64_t size, data; } entry;

static struct {
    bool no_handle;
    const char *fails;                     /* "gzip", "tar", "open", "next", "data" */
    const char *error;
    int code;
    const entry *entries;
    int n, at;
    int64_t left;                          /* bytes of this entry */
} tar;

static struct archive *fake_create(void)
{
    lack();
    tar.at = 0;
    return tar.no_handle ? NULL : (struct archive *)&tar;
}

static int fails(const char *call)
{
    return tar.fails && strcmp(tar.fails, call) == 0 ? ARCHIVE_FATAL : ARCHIVE_OK;
}

static int fake_gzip(struct archive *a)
{
    (void)a;
    return fails("gzip");
}

static int fake_tar(struct archive *a)
{
    (void)a;
    return fails("tar");
}

static int fake_open(struct archive *a, int fd, size_t bytes)
{
    (void)a, (void)fd, (void)bytes;
    return fails("open");
}

static int fake_next(struct archive *a, struct archive_entry **e)
{
    (void)a;
    if (fails("next") && tar.at == tar.n)
        return ARCHIVE_FATAL;
    if (tar.at == tar.n)
        return ARCHIVE_EOF;
    *e = (struct archive_entry *)(uintptr_t)&tar.entries[tar.at];
    tar.left = tar.entries[tar.at++].data;
    return ARCHIVE_OK;
}

static la_ssize_t fake_data(struct archive *a, void *data, size_t bytes)
{
    const int64_t n = tar.left < (int64_t)bytes ? tar.left : (int64_t)bytes;

    (void)a;
    if (!n && fails("data")) {
        lack();
        return ARCHIVE_FATAL;
    }
    memset(data, 0, (size_t)n);
    tar.left -= n;
    return (la_ssize_t)n;
}

static int fake_free(struct archive *a)
{
    assert_ptr_equal(a, &tar);
    return ARCHIVE_OK;
}

static const char *fake_error(struct archive *a)
{
    (void)a;
    return tar.error;
}

static int fake_errno(struct archive *a)
{
    (void)a;
    return tar.code;
}

static const char *fake_pathname(struct archive_entry *e)
{
    return ((const entry *)e)->name;
}

static const char *fake_hardlink(struct archive_entry *e)
{
    return ((const entry *)e)->hardlink;
}

static __LA_MODE_T fake_filetype(struct archive_entry *e)
{
    return (__LA_MODE_T)((const entry *)e)->type;
}

static la_int64_t fake_size(struct archive_entry *e)
{
    return ((const entry *)e)->size;
}

typedef void (*function)(void);
static const struct { const char *name; function at; } symbols[] = {
    { "curl_easy_init", (function)fake_init },
    { "curl_easy_setopt", (function)fake_setopt },
    { "curl_easy_perform", (function)fake_perform },
    { "curl_easy_getinfo", (function)fake_getinfo },
    { "curl_easy_cleanup", (function)fake_cleanup },
    { "curl_easy_strerror", (function)fake_text },
    { "archive_read_new", (function)fake_create },
    { "archive_read_support_filter_gzip", (function)fake_gzip },
    { "archive_read_support_format_tar", (function)fake_tar },
    { "archive_read_open_fd", (function)fake_open },
    { "archive_read_next_header", (function)fake_next },
    { "archive_read_data", (function)fake_data },
    { "archive_read_free", (function)fake_free },
    { "archive_error_string", (function)fake_error },
    { "archive_errno", (function)fake_errno },
    { "archive_entry_pathname", (function)fake_pathname },
    { "archive_entry_hardlink", (function)fake_hardlink },
    { "archive_entry_filetype", (function)fake_filetype },
    { "archive_entry_size", (function)fake_size },
};

/* In front of the C library's, for this program's own calls alone: names are hidden. */
void *dlopen(const char *file, int mode)
{
    (void)mode;
    if (strcmp(missing, file) != 0)
        return (void *)&symbols;
    lack();
    return NULL;
}

void *dlsym(void *library, const char *name)
{
    assert_ptr_equal(library, &symbols);
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (strcmp(symbols[i].name, name) == 0 && strcmp(missing, name) != 0)
            return (void *)symbols[i].at;
    return NULL;
}

/* ---- tests ----------------------------------------------------------------------------------------- */

static char folder[512], part[600];
static int fd;

static int set_up(void **state)
{
    (void)state;
    fresh_folder(folder, sizeof folder, "fetch_library");
    snprintf(part, sizeof part, "%s/part", folder);
    fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    memset(&curl, 0, sizeof curl);
    memset(&tar, 0, sizeof tar);
    missing = "";
    memory_lacks = false;
    return fd < 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(fd);
    remove_tree(folder);
    return 0;
}

/* An archive of 100 bytes, of which `have` are there. */
static dcn_status download(int have)
{
    const dcn__archive wanted = { "http://host/c.tar.gz", 100, "" };

    assert_int_equal(ftruncate(fd, have), 0);
    return dcn__download(fd, part, &wanted, NULL, NULL, &err);
}

static dcn_status unpack(void)
{
    return dcn__unpack(fd, "c.tar.gz", folder, &err);
}

static void libraries_that_lack(void **state)
{
    static const char *const of_curl[] = { "libcurl.so.4", "curl_easy_init", "curl_easy_strerror" };
    static const char *const of_archive[] = { "libarchive.so.13", "archive_read_new", "archive_entry_size" };

    (void)state;
    for (int i = 0; i < 3; i++) {
        missing = of_curl[i];
        assert_refused(download(0), DCN_NETWORK, "libcurl.so.4: cannot be loaded, so nothing can be fetched; install "
                       "libcurl4");
        missing = of_archive[i];
        assert_refused(unpack(), DCN_NETWORK, "libarchive.so.13: cannot be loaded, so nothing can be unpacked; install "
                       "libarchive13");
    }
    memory_lacks = true;
    missing = "libcurl.so.4";
    assert_refused(download(0), DCN_MEMORY, "libcurl.so.4: cannot load it (Cannot allocate memory); free memory");
    missing = "libarchive.so.13";
    assert_refused(unpack(), DCN_MEMORY, "libarchive.so.13: cannot load it (Cannot allocate memory); free memory");
}

static void transfers(void **state)
{
    static const struct { CURLcode code; long http; int have; size_t sends; dcn_status status; const char *say; } cases[] = {
        { CURLE_OK, 200, 0, 100, DCN_OK, "" },
        { CURLE_OK, 206, 40, 60, DCN_OK, "" },
        { CURLE_OK, 200, 100, 0, DCN_OK, "" },                     /* nothing is left to do */
        { CURLE_OK, 200, 0, 99, DCN_NETWORK, "the transfer ended after 99 of 100 bytes (closed by the server); fetch "
          "again to go on from there" },
        { CURLE_PARTIAL_FILE, 200, 0, 10, DCN_NETWORK, "the transfer ended after 10 of 100 bytes (reason 18)" },
        { CURLE_RECV_ERROR, 200, 30, 10, DCN_NETWORK, "the transfer ended after 40 of 100 bytes (reason 56)" },
        { CURLE_OPERATION_TIMEDOUT, 0, 0, 10, DCN_NETWORK, "the transfer ended after 10 of 100 bytes (reason 28)" },
        { CURLE_GOT_NOTHING, 0, 0, 0, DCN_NETWORK, "the transfer ended after 0 of 100 bytes (reason 52)" },
        { CURLE_COULDNT_RESOLVE_HOST, 0, 0, 0, DCN_NETWORK, "cannot be fetched (reason 6); check the connection" },
        { CURLE_HTTP_RETURNED_ERROR, 500, 0, 0, DCN_NETWORK, "the server answers 500; check the address or try later" },
        { CURLE_HTTP_RETURNED_ERROR, 503, 40, 0, DCN_NETWORK, "the server answers 503; check the address or try later" },
        { CURLE_HTTP_RETURNED_ERROR, 416, 0, 0, DCN_NETWORK, "the server answers 416" },
        { CURLE_OK, 200, 0, 101, DCN_NETWORK, "sends more than the expected 100 bytes; check the address" },
        { CURLE_OUT_OF_MEMORY, 0, 0, 0, DCN_MEMORY, "memory: no 65536 bytes for a download; free memory or ask" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stat file;

        curl.code = cases[i].code;
        curl.http = cases[i].http;
        curl.sends = cases[i].sends;
        if (cases[i].status)
            assert_refused(download(cases[i].have), cases[i].status, cases[i].say);
        else
            assert_ok(download(cases[i].have));
        assert_int_equal(fstat(fd, &file), 0);
        assert_int_equal(file.st_size, cases[i].have + (cases[i].sends <= 100 ? (int)cases[i].sends : 0));
    }
}

/* The server cannot go on: from the beginning, once. */
static void not_from_there(void **state)
{
    static const struct { CURLcode code; long http; } cases[] = {
        { CURLE_RANGE_ERROR, 200 }, { CURLE_BAD_DOWNLOAD_RESUME, 200 }, { CURLE_HTTP_RETURNED_ERROR, 416 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stat file;

        curl.performed = 0;
        curl.code = cases[i].code;
        curl.http = cases[i].http;
        assert_int_equal(download(40), DCN_NETWORK);
        assert_int_equal(curl.performed, 2);
        assert_int_equal(fstat(fd, &file), 0);
        assert_int_equal(file.st_size, 0);
    }
}

static void options_and_handles(void **state)
{
    static const int options[] = { CURLOPT_URL, CURLOPT_REDIR_PROTOCOLS_STR, CURLOPT_XFERINFODATA,
                                   CURLOPT_RESUME_FROM_LARGE };

    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        curl.bad_option = options[i];
        assert_refused(download(0), DCN_NETWORK, "cannot be fetched (reason ");
        assert_int_equal(curl.performed, 0);
    }
    curl.no_handle = true;
    assert_refused(download(0), DCN_MEMORY, "no 65536 bytes for a download");
    tar.no_handle = true;
    assert_refused(unpack(), DCN_MEMORY, "no 65536 bytes for unpacking");
}

#define IN "cifar-10-batches-bin/"

static void archives(void **state)
{
    static const entry good = { IN "readme.html", NULL, AE_IFREG, 5, 5 };
    static const struct { const char *fails, *error; int code; dcn_status status; const char *say; } cases[] = {
        { "gzip", "text", 0, DCN_INPUT, "c.tar.gz: the archive is damaged (text); fetch it again" },
        { "tar", NULL, 0, DCN_INPUT, "the archive is damaged (no reason given); fetch it again" },
        { "open", "text", EIO, DCN_FILE, "c.tar.gz: cannot read it (Input/output error); check the disk" },
        { "next", "text", 84, DCN_INPUT, "the archive is damaged (text); fetch it again" },
        { "next", "text", EIO, DCN_FILE, "cannot read it (Input/output error); check the disk" },
        { "data", "text", 84, DCN_INPUT, "the archive is damaged (text); fetch it again" },
        { "data", "text", EIO, DCN_FILE, "cannot read it (Input/output error); check the disk" },
    };

    (void)state;
    tar.entries = &good;
    tar.n = 1;
    assert_ok(unpack());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tar.fails = cases[i].fails;
        tar.error = cases[i].error;
        tar.code = cases[i].code;
        assert_refused(unpack(), cases[i].status, cases[i].say);
    }
    memory_lacks = true;
    assert_refused(unpack(), DCN_MEMORY, "for unpacking; free memory or ask for less");
}

static void entries(void **state)
{
    static const struct { entry e; const char *say; } bad[] = {
        { { NULL, NULL, AE_IFREG, 5, 5 }, "the archive holds \"(no name)\", which is no file of CIFAR-10's" },
        { { NULL, NULL, AE_IFDIR, 0, 0 }, "the archive holds \"(no name)\"" },
        { { IN "readme.html", "else", AE_IFREG, 5, 5 }, "the archive holds \"" IN "readme.html\"" },
        { { IN "readme.html", NULL, AE_IFREG, -1, 5 }, "readme.html has -1 bytes in the archive, the limit is 65536" },
        { { IN "readme.html", NULL, AE_IFREG, 65537, 5 }, "readme.html has 65537 bytes in the archive, the limit is" },
        { { IN "readme.html", NULL, AE_IFREG, 5, 70000 }, "readme.html is longer than 65536 bytes; use the official" },
        { { IN "more", NULL, AE_IFDIR, 0, 0 }, "which is no file of CIFAR-10's binary version" },
    };
    entry many[65];
    dcn__names names;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tar.entries = &bad[i].e;
        tar.n = 1;
        assert_refused(unpack(), DCN_INPUT, bad[i].say);
        assert_ok(dcn__folder_list(&names, folder, 10, &err));
        assert_int_equal(names.count, 1);
        dcn__names_clear(&names);
    }
    tar.n = 0;
    assert_refused(unpack(), DCN_INPUT, "the archive is damaged (no reason given)");
    for (int i = 0; i < 65; i++)
        many[i] = (entry){ i % 2 ? "cifar-10-batches-bin" : IN, NULL, AE_IFDIR, 0, 0 };
    tar.entries = many;
    tar.n = 64;
    assert_ok(unpack());
    tar.n = 65;
    assert_refused(unpack(), DCN_INPUT, "the archive holds more than 64 files; use the official archive");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(libraries_that_lack), TEST(transfers), TEST(not_from_there), TEST(options_and_handles), TEST(archives),
        TEST(entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    puts("skipped: this build fetches nothing (libcurl, libarchive)");
    return 77;
}
#endif
