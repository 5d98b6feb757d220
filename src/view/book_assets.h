/* book_assets.h - the page's own text, made of book.html, book.css and book_*.js by
 * cmake/embed.cmake, and the digests by which its policy lets that run and nothing else. */
#ifndef DCN_VIEW_BOOK_ASSETS_H
#define DCN_VIEW_BOOK_ASSETS_H

#include <stddef.h>

#define DCN__ASSET(name) \
    extern const unsigned char name[]; \
    extern const size_t name##_size; \
    extern const unsigned char name##_sha256[32]

DCN__ASSET(dcn__book_html);
DCN__ASSET(dcn__book_css);
DCN__ASSET(dcn__book_js);

#undef DCN__ASSET

#endif
