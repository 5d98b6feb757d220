/* store.c - files in place: opened for one process alone, read and written at offsets. */
#include "base/store.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* fd + 1, so that a zeroed store is a closed one. */
static int fd_of(const dcn__store *s)
{
    return s->fd - 1;
}

static dcn_status take(dcn__store *s, dcn_error *err)
{
    struct stat st;

    if (fstat(fd_of(s), &st) != 0)
        return dcn__fail_errno(err, s->path, "inspect it", errno, "check the file system");
    if (!S_ISREG(st.st_mode))
        return dcn__fail(err, DCN_FILE, s->path, "is not a regular file; move it away");
    /* A file system without locks is no reason to refuse the work. */
    if (flock(fd_of(s), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return dcn__fail(err, DCN_FILE, s->path,
                         "is in use by another process; wait for it, or name another folder");
    s->size = (uint64_t)st.st_size;
    return DCN_OK;
}

dcn_status dcn__store_open(dcn__store *s, const char *path, dcn_error *err)
{
    dcn_status st;
    int fd;

    memset(s, 0, sizeof *s);
    if (!(s->path = dcn__strdup(path)))
        return dcn__fail_memory(err, "a path", strlen(path));
    do
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    s->fd = fd + 1;
    if (fd < 0)
        st = dcn__fail_errno(err, path, "create it", errno,
                             "check that the folder exists and is writable");
    else
        st = take(s, err);
    if (st)
        dcn__store_close(s);
    return st;
}

static int resize(int fd, uint64_t size)
{
    while (ftruncate(fd, (off_t)size) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* Better told now than after hours of work; where this is not known, a write will tell. */
static int make_room(int fd, uint64_t size)
{
    while (size && fallocate(fd, 0, 0, (off_t)size) != 0)
        if (errno != EINTR)
            return errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO ? errno : 0;
    return 0;
}

dcn_status dcn__store_reset(dcn__store *s, uint64_t size, dcn_error *err)
{
    const int fd = fd_of(s);
    int e;

    if ((e = resize(fd, 0)) || (e = resize(fd, size)) || (e = make_room(fd, size)))
        return dcn__fail_errno(err, s->path, "make room in it", e, e == EIO ? "check the disk"
                               : "free space and try again");
    s->size = size;
    return DCN_OK;
}

dcn_status dcn__store_read(const dcn__store *s, uint64_t offset, void *data, size_t bytes,
                           dcn_error *err)
{
    return dcn__file_read_at(fd_of(s), s->path, offset, data, bytes, err);
}

dcn_status dcn__store_write(const dcn__store *s, uint64_t offset, const void *data, size_t bytes,
                            dcn_error *err)
{
    return dcn__fd_write_at(fd_of(s), s->path, offset, data, bytes, err);
}

dcn_status dcn__store_sync(const dcn__store *s, dcn_error *err)
{
    const int e = dcn__fd_sync(fd_of(s), true);

    return e ? dcn__fail_errno(err, s->path, "sync it", e, "check the disk and try again") : DCN_OK;
}

void dcn__store_close(dcn__store *s)
{
    if (s->fd)
        close(fd_of(s));
    dcn__free(s->path);
    memset(s, 0, sizeof *s);
}

void dcn__store_remove(dcn__store *s)
{
    if (s->fd)
        unlink(s->path);
    dcn__store_close(s);
}
