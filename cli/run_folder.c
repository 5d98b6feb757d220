/* run_folder.c - one run at a time in a folder, by a lock that dies with its owner. */
#include "run_folder.h"

#include "message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A power cut must not take the folder of a checkpoint away. Who may not read the folder above cannot
 * do more. Returns 0 or an errno. */
static int sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = cli_text("%.*s", slash > path ? (int)(slash - path) : 1, slash ? path : ".");
    int fd, error = 0;

    do
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    free(parent);
    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    while (fsync(fd) != 0) {
        if (errno == EINTR)
            continue;
        error = errno == EINVAL || errno == EROFS ? 0 : errno;
        break;
    }
    close(fd);
    return error;
}

dcn_status cli_make_folder(const char *path, dcn_error *err)
{
    char *part = cli_text("%s", path);
    dcn_status st = DCN_OK;
    struct stat status;

    for (char *slash = part + 1; !st; slash++) {
        const char kept = *slash;

        if (kept != '/' && kept != '\0')
            continue;
        *slash = '\0';
        if (mkdir(part, 0777) == 0) {
            const int error = sync_parent(part);

            if (error)
                st = cli_fail(err, DCN_FILE, part, "cannot sync the folder that it is in (%s); check "
                              "the disk", strerror(error));
        } else if (errno != EEXIST && errno != EISDIR)
            st = cli_fail(err, DCN_FILE, part,
                          "cannot make this folder (%s); name one that you may write to",
                          strerror(errno));
        *slash = kept;
        if (kept == '\0')
            break;
    }
    free(part);
    if (!st && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        st = cli_fail(err, DCN_FILE, path, "is not a folder; name another");
    return st;
}

/* The nearest parent that exists, or the path itself. Allocated. */
static char *nearest(const char *path)
{
    char *part = cli_text("%s", path);
    struct stat status;

    while (stat(part, &status) != 0) {
        char *slash = strrchr(part, '/');

        if (errno != ENOENT && errno != ENOTDIR)
            break;
        if (!slash || slash == part) {
            snprintf(part, strlen(part) + 1, "%s", slash ? "/" : ".");
            break;
        }
        *slash = '\0';
    }
    return part;
}

bool cli_lies_in(const char *path, const char *above)
{
    char *near = nearest(path), *part = realpath(near, NULL);
    struct stat folder, status;
    bool inside = false;

    /* Numbers of files, not names: links and mounts give one folder many. */
    while (part && stat(above, &folder) == 0) {
        char *slash = strrchr(part, '/');

        inside = stat(part, &status) == 0 && status.st_ino == folder.st_ino
                 && status.st_dev == folder.st_dev;
        if (inside || !part[1])
            break;
        slash[slash == part] = '\0';
    }
    free(part);
    free(near);
    return inside;
}

dcn_status cli_check_folder(const char *path, dcn_error *err)
{
    char *part = nearest(path);
    dcn_status st = DCN_OK;
    struct stat status;

    if (stat(part, &status) != 0 && errno != ENOTDIR)
        st = cli_fail(err, DCN_FILE, part, "cannot look there (%s); name another folder",
                      strerror(errno));
    else if (stat(part, &status) != 0 || !S_ISDIR(status.st_mode))
        st = cli_fail(err, DCN_FILE, part, "is not a folder; name another");
    else if (access(part, W_OK | X_OK) != 0)
        st = cli_fail(err, DCN_FILE, part, "cannot write there (%s); name another folder",
                      strerror(errno));
    free(part);
    return st;
}

/* ---- the lock ------------------------------------------------------------------------------- */

/* The owner's line, unless it is not yet written, or still that of an owner who was killed. */
static bool read_owner(int fd, char *text, size_t size)
{
    const ssize_t n = pread(fd, text, size - 1, 0);
    char *end;
    long pid;

    text[n > 0 ? n : 0] = '\0';
    end = strchr(text, '\n');
    if (!end || strncmp(text, "pid ", 4) != 0)
        return false;
    *end = '\0';
    pid = strtol(text + 4, NULL, 10);
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

static dcn_status in_use(int fd, const char *path, dcn_error *err)
{
    enum { TRIES = 100 };              /* one second: an owner on another machine has no pid here */
    const struct timespec pause = { .tv_nsec = 10000000 };
    char text[64] = "";

    for (int i = 0; i < TRIES && !read_owner(fd, text, sizeof text); i++)
        nanosleep(&pause, NULL);
    return cli_fail(err, DCN_FILE, path, "is in use by %s; wait for it, or give another --out",
                    *text ? text : "another run");
}

/* The lock file may be removed by its last owner between our open and our lock: then the lock is on
 * a file that has no name, and we try again. */
static bool still_there(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static dcn_status write_owner(int fd, const char *path, dcn_error *err)
{
    const time_t now = time(NULL);
    struct tm tm;
    char text[64];
    int n = snprintf(text, sizeof text, "pid %ld since ", (long)getpid());

    localtime_r(&now, &tm);
    n += (int)strftime(text + n, sizeof text - (size_t)n, "%Y-%m-%d %H:%M:%S\n", &tm);
    for (ssize_t done = 0, wrote; done < n; done += wrote) {
        errno = 0;
        wrote = done == 0 && ftruncate(fd, 0) != 0 ? -1
            : pwrite(fd, text + done, (size_t)(n - done), done);
        if (wrote < 0 && errno == EINTR)
            wrote = 0;
        else if (wrote <= 0)
            return cli_fail(err, DCN_FILE, path,
                            "cannot write there (%s); free some space or give another --out",
                            strerror(errno));
    }
    return DCN_OK;
}

static dcn_status lock(int *fd, const char *path, const char *folder, dcn_error *err)
{
    for (;;) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (*fd < 0 && errno == EINTR)
            continue;
        if (*fd < 0)
            return cli_fail(err, DCN_FILE, folder,
                            "cannot write there (%s); name a folder that you may write to",
                            strerror(errno));
        if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
            const bool again = errno == EINTR;
            const dcn_status st = errno == EWOULDBLOCK ? in_use(*fd, folder, err)
                : cli_fail(err, DCN_FILE, folder, "cannot lock it (%s); use a local disk",
                           strerror(errno));

            close(*fd);
            *fd = -1;
            if (again)
                continue;
            return st;
        }
        if (still_there(*fd, path))
            return write_owner(*fd, folder, err);
        close(*fd);
    }
}

dcn_status cli_run_open(cli_run_folder *run, const char *path, dcn_error *err)
{
    dcn_status st;
    char *name;

    *run = (cli_run_folder){ NULL, -1 };
    if ((st = cli_make_folder(path, err)))
        return st;
    run->path = cli_text("%s", path);
    name = cli_text("%s/.lock", path);
    st = lock(&run->lock, name, path, err);
    free(name);
    return st;
}

void cli_run_close(cli_run_folder *run)
{
    if (run->lock >= 0) {
        char *name = cli_text("%s/.lock", run->path);

        unlink(name);          /* while it is still ours */
        close(run->lock);
        free(name);
    }
    free(run->path);
    *run = (cli_run_folder){ NULL, -1 };
}

/* What a crash leaves of a file that a run writes: its name, then ".tmp-" and six letters. A folder
 * may hold files of the user with such an end. */
static bool is_left_over(const char *name)
{
    static const char *const written[] = { CLI_RUN_MODEL, CLI_RUN_PREVIOUS, "strips.png",
                                           "report.html", "scan.safetensors", "atlas.json",
                                           "index.html" };

    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        const size_t n = strlen(written[i]);

        if (!strncmp(name, written[i], n) && !strncmp(name + n, ".tmp-", 5)
            && strlen(name + n) == 11)
            return true;
    }
    return false;
}

void cli_run_clean(const cli_run_folder *run, bool earlier)
{
    DIR *folder = opendir(run->path);
    const struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        if (is_left_over(entry->d_name)
            || (earlier && (!strncmp(entry->d_name, "events.out.tfevents.", 20)
                            || !strcmp(entry->d_name, CLI_RUN_PREVIOUS))))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
}

/* ---- the checkpoint ------------------------------------------------------------------------- */

static bool same_file(const char *one, const char *other)
{
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_ino == b.st_ino
           && a.st_dev == b.st_dev;
}

bool cli_run_holds(const cli_run_folder *run, const char *model)
{
    char *ours = cli_text("%s/" CLI_RUN_MODEL, run->path);
    const bool holds = same_file(ours, model);

    free(ours);
    return holds;
}

void cli_run_keep_model(const cli_run_folder *run)
{
    char *model = cli_text("%s/" CLI_RUN_MODEL, run->path),
         *previous = cli_text("%s/" CLI_RUN_PREVIOUS, run->path),
         *temporary = cli_text("%s.tmp-linked", previous);

    /* By a link and a rename, so that there is always one. Two names of one file cannot be renamed
     * to each other. */
    if (!same_file(model, previous)) {
        unlink(temporary);
        if (link(model, temporary) == 0 && rename(temporary, previous) != 0)
            unlink(temporary);
    }
    free(temporary);
    free(previous);
    free(model);
}

void cli_run_drop_previous(const cli_run_folder *run, const char *model)
{
    char *previous = cli_text("%s/" CLI_RUN_PREVIOUS, run->path);

    if (!same_file(previous, model))
        unlink(previous);
    free(previous);
}

dcn_status cli_run_name_previous(const char *model, dcn_error *err)
{
    const dcn_error inner = *err;
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
    const char *what = strstr(inner.text, ": "), *advice = strrchr(inner.text, ';');
    char where[sizeof inner.text], *previous;
    dcn_model older = { 0 };
    dcn_error ignored;

    if ((inner.status != DCN_INPUT && inner.status != DCN_FILE) || !what || !advice || advice < what
        || strcmp(name, CLI_RUN_MODEL) != 0 || !strstr(inner.text, CLI_RUN_MODEL))
        return inner.status;
    previous = cli_text("%.*s" CLI_RUN_PREVIOUS, (int)(name - model), model);
    if (dcn_model_load(&older, previous, NULL, &ignored) == DCN_OK) {
        snprintf(where, sizeof where, "%.*s", (int)(what - inner.text), inner.text);
        cli_fail(err, inner.status, where, "%.*s; step %lld is the newest good one, in %s",
                 (int)(advice - what - 2), what + 2, (long long)older.step, previous);
    }
    dcn_model_clear(&older);
    free(previous);
    return inner.status;
}

char *cli_run_free_name(const char *name)
{
    struct stat st;
    char *path = cli_text("runs/%s", name);

    for (int i = 2; lstat(path, &st) == 0 && i < 100000; i++) {
        free(path);
        path = cli_text("runs/%s-%d", name, i);
    }
    return path;
}
