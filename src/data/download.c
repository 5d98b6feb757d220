/* download.c - one resumable download through libcurl, which is opened here and nowhere else.
 *
 * It does not judge what arrives beyond its length: fetch.c checks the sum. */
#include "data/fetch.h"

#ifdef DCN_HAVE_CURL
#include "base/file.h"
#include "data/library.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct api {
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *, CURLoption, ...);
    CURLcode (*perform)(CURL *);
    CURLcode (*getinfo)(CURL *, CURLINFO, ...);
    void (*cleanup)(CURL *);
    const char *(*text)(CURLcode);
};

struct transfer {
    int fd;
    const char *path;
    const dcn__archive *archive;
    uint64_t done;                /* bytes in the file */
    dcn_progress progress;
    void *user;
    bool too_long, stopped;
    dcn_status written;           /* a failure to write, with its sentence */
    dcn_error *err;
};

static dcn_status open_library(struct api *api, dcn_error *err)
{
    const dcn__symbol symbols[] = {
        { &api->init, "curl_easy_init" },       { &api->setopt, "curl_easy_setopt" },
        { &api->perform, "curl_easy_perform" }, { &api->getinfo, "curl_easy_getinfo" },
        { &api->cleanup, "curl_easy_cleanup" }, { &api->text, "curl_easy_strerror" },
    };

    return dcn__library_open("libcurl.so.4", symbols, sizeof symbols / sizeof *symbols, "fetched",
                             "libcurl4", err);
}

static size_t take_bytes(char *data, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    const size_t bytes = size * n;

    if (bytes > t->archive->bytes - t->done) {
        t->too_long = true;
        return 0;
    }
    t->written = dcn__fd_write(t->fd, t->path, t->done, data, bytes, t->err);
    if (t->written)
        return 0;
    t->done += bytes;
    return bytes;
}

static int show_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up_now)
{
    struct transfer *t = user;

    (void)total, (void)now, (void)up_total, (void)up_now;
    if (t->progress && t->progress(t->user, (int64_t)t->done, (int64_t)t->archive->bytes))
        t->stopped = true;
    return t->stopped;
}

static CURLcode set_up(const struct api *api, CURL *curl, struct transfer *t)
{
    const char *url = t->archive->url;
    const bool secure = strncmp(url, "https:", 6) == 0;
    CURLcode bad = 0;

    bad |= api->setopt(curl, CURLOPT_URL, url);
    bad |= api->setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http,file");
    bad |= api->setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "https,http");
    bad |= api->setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    bad |= api->setopt(curl, CURLOPT_MAXREDIRS, 5L);
    bad |= api->setopt(curl, CURLOPT_FAILONERROR, 1L);
    bad |= api->setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= api->setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    bad |= api->setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 100L);       /* bytes a second ... */
    bad |= api->setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);         /* ... for a minute: dead */
    bad |= api->setopt(curl, CURLOPT_USERAGENT, "deconvnet/" DCN_VERSION);
    bad |= api->setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    bad |= api->setopt(curl, CURLOPT_WRITEDATA, t);
    bad |= api->setopt(curl, CURLOPT_NOPROGRESS, 0L);
    bad |= api->setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
    bad |= api->setopt(curl, CURLOPT_XFERINFODATA, t);
    return bad ? CURLE_BAD_FUNCTION_ARGUMENT : CURLE_OK;
}

static dcn_status explain(const struct api *api, CURLcode code, long http, const struct transfer *t,
                          dcn_error *err)
{
    const char *url = t->archive->url;
    const unsigned long long done = t->done, all = t->archive->bytes;

    if (t->written)
        return t->written;
    if (t->stopped)
        return dcn__fail(err, DCN_STOPPED, url,
                         "stopped after %llu of %llu bytes; fetch again to go on from there", done,
                         all);
    if (t->too_long)
        return dcn__fail(err, DCN_NETWORK, url,
                         "sends more than the expected %llu bytes; check the address", all);
    if (code == CURLE_OUT_OF_MEMORY)
        return dcn__fail_memory(err, "a download", 65536);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return dcn__fail(err, DCN_NETWORK, url,
                         "the server answers %ld; check the address or try later", http);
    if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
        code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING || code == CURLE_OK)
        return dcn__fail(err, DCN_NETWORK, url,
                         "the transfer ended after %llu of %llu bytes (%s); fetch again to go on "
                         "from there", done, all, code ? api->text(code) : "closed by the server");
    return dcn__fail(err, DCN_NETWORK, url,
                     "cannot be fetched (%s); check the connection and try again", api->text(code));
}

/* From byte `from` of the archive to its end. *again: the server cannot go on there. */
static dcn_status transfer_from(const struct api *api, struct transfer *t, uint64_t from,
                                bool *again, dcn_error *err)
{
    CURL *curl = api->init();
    CURLcode code;
    long http = 0;

    *again = false;
    t->done = from;
    if (!curl)
        return dcn__fail_memory(err, "a download", 65536);
    code = set_up(api, curl, t);
    if (!code)
        code = api->setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)from);
    if (!code)
        code = api->perform(curl);
    api->getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    api->cleanup(curl);
    if (from && (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME ||
                 (code == CURLE_HTTP_RETURNED_ERROR && http == 416))) {
        *again = true;
        return DCN_OK;
    }
    if (code || t->done != t->archive->bytes)
        return explain(api, code, http, t, err);
    return DCN_OK;
}

dcn_status dcn__download(int fd, const char *path, const dcn__archive *archive,
                         dcn_progress progress, void *user, dcn_error *err)
{
    struct transfer t = {
        .fd = fd, .path = path, .archive = archive, .progress = progress, .user = user, .err = err
    };
    struct api api;
    struct stat file;
    uint64_t have;
    bool again = false;
    dcn_status st;

    if (fstat(fd, &file) != 0)
        return dcn__fail_errno(err, path, "inspect it", errno, "check the disk");
    have = (uint64_t)file.st_size;
    if (have == archive->bytes)
        return DCN_OK;
    if ((st = open_library(&api, err)))
        return st;
    if (have > archive->bytes)
        have = 0;
    if (have) {
        if (lseek(fd, (off_t)have, SEEK_SET) < 0)
            return dcn__fail_errno(err, path, "go on in it", errno, "check the disk");
        if ((st = transfer_from(&api, &t, have, &again, err)) || !again)
            return st;
    }
    while (ftruncate(fd, 0) != 0)
        if (errno != EINTR)
            return dcn__fail_errno(err, path, "begin it again", errno, "check the disk");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return dcn__fail_errno(err, path, "begin it again", errno, "check the disk");
    return transfer_from(&api, &t, 0, &again, err);
}
#else
dcn_status dcn__download(int fd, const char *path, const dcn__archive *archive,
                         dcn_progress progress, void *user, dcn_error *err)
{
    (void)fd, (void)path, (void)progress, (void)user;
    return dcn__fail(err, DCN_USAGE, archive->url,
                     "this build has no libcurl; download it by other means and unpack it");
}
#endif
