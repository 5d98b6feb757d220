/* font.h - one small typeface, drawn with strokes, for the headings of sheets. */
#ifndef DCN_VIEW_FONT_H
#define DCN_VIEW_FONT_H

#include "deconvnet.h"

/* Rows of a line of text: ascent above the baseline's row, that row included, and descent. */
enum { DCN__FONT_ASCENT = 12, DCN__FONT_DESCENT = 4,
       DCN__FONT_HEIGHT = DCN__FONT_ASCENT + DCN__FONT_DESCENT };

typedef struct dcn__color { uint8_t r, g, b; } dcn__color;

/* Columns that `text` takes; text is UTF-8. What has no glyph is an empty box. */
int dcn__font_width(const char *text);
/* Draws text into the (H,W,3) picture, its box's top left corner at (y, x), clipped to the picture
 * and to `width` columns: longer text ends in an ellipsis. */
void dcn__font_draw(const dcn_image *image, int y, int x, int width, const char *text,
                    dcn__color color);
/* The same, but longer text keeps its beginning and, three times as long, its end: there names of
 * layers differ. */
void dcn__font_draw_elided(const dcn_image *image, int y, int x, int width, const char *text,
                           dcn__color color);

#endif
