/* fake_book.h - an invented scan for the tests of the page. */
#ifndef DCN_TEST_PAGE_FAKE_BOOK_H
#define DCN_TEST_PAGE_FAKE_BOOK_H

#include "base/random.h"
#include "view/book.h"

typedef struct fake {
    dcn__book book;
    dcn__book_layer *layers;
    dcn_data *data;               /* NULL: pictures are invented */
    const int *most;              /* of each layer's lists; NULL: the book's top */
    int drawn;                    /* channels of a layer that have strips of their own */
} fake;

extern dcn_error fake_error;
void fake_must(dcn_status status);           /* ends the program with the error */
void fake_make(fake *f, const char *scenario);
void fake_clear(fake *f);
int fake_label(const fake *f, int64_t picture);

#endif
