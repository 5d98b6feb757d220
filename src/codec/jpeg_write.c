/* jpeg_write.c - writes JPEG through TurboJPEG, into memory that this library allocated. */
#include "codec/jpeg.h"

#ifdef DCN_HAVE_JPEG

#include "base/memory.h"

#include <string.h>
#include <turbojpeg.h>

enum { MAX_SIDE = 65535 };           /* the frame header has 16 bits for each */

bool dcn__jpeg_can_encode(void)
{
    return true;
}

static dcn_status check(const dcn_image *image, int quality, dcn_error *err)
{
    if (image->w < 1 || image->h < 1 || (image->c != 1 && image->c != 3) || !image->pixels)
        return dcn__fail(err, DCN_USAGE, "JPEG", "a picture of (%d,%d,%d) cannot be written; give "
                         "it pixels and 1 or 3 channels", image->h, image->w, image->c);
    if (image->w > MAX_SIDE || image->h > MAX_SIDE ||
        (uint64_t)image->w * (uint64_t)image->h * (uint64_t)image->c > INT32_MAX / 2)
        return dcn__fail(err, DCN_USAGE, "JPEG", "a picture of %dx%d is too large to be written; "
                         "draw a smaller one", image->w, image->h);
    if (quality < 1 || quality > 100)
        return dcn__fail(err, DCN_USAGE, "JPEG", "quality %d is outside 1..100; correct the call",
                         quality);
    return DCN_OK;
}

dcn_status dcn__jpeg_encode(dcn__bytes *bytes, const dcn_image *image, int quality, dcn_error *err)
{
    const int sampling = image->c == 1 ? TJSAMP_GRAY : TJSAMP_444;
    const int format = image->c == 1 ? TJPF_GRAY : TJPF_RGB;
    unsigned long size;
    tjhandle handle;
    dcn_status st;

    memset(bytes, 0, sizeof *bytes);
    if ((st = check(image, quality, err)))
        return st;
    size = tjBufSize(image->w, image->h, sampling);       /* what it can come to at most */
    if (!(bytes->data = dcn__alloc(size)))
        return dcn__fail_memory(err, "a JPEG file", size);
    if (!(handle = tjInitCompress())) {
        dcn__bytes_clear(bytes);
        return dcn__fail_memory(err, "a JPEG encoder", size);
    }
    /* The accurate transform is whole-number arithmetic that is the same with and without vector
     * instructions; the fast one is not. */
    dcn__memory_watch();
    if (tjCompress2(handle, image->pixels, image->w, 0, image->h, format, &bytes->data, &size,
                    sampling, quality, TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) != 0) {
        st = dcn__memory_lacked() ? dcn__fail_memory(err, "a JPEG encoder", size)
            : dcn__fail(err, DCN_BUG, "JPEG", "a picture of %dx%d was not written (%s); report this",
                        image->w, image->h, tjGetErrorStr2(handle));
        dcn__bytes_clear(bytes);
    } else {
        bytes->size = size;
    }
    tjDestroy(handle);
    return st;
}

#endif
