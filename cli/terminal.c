/* terminal.c - pictures as characters, sixels, or kitty's and iTerm2's own form.
 *
 * auto asks chafa's table of terminals, by the environment alone: it never sends a question to the
 * terminal, whose answer could end up in the user's next command. */
#include "terminal.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef DCN_HAVE_CHAFA

#include <chafa.h>

bool cli_can_show(cli_graphics how)
{
    const char *term = getenv("TERM");

    if (how == CLI_GRAPHICS_AUTO)
        return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    return how != CLI_GRAPHICS_NONE;
}

static ChafaTermInfo *detect_terminal(void)
{
    gchar **environment = g_get_environ();
    ChafaTermInfo *info = chafa_term_db_detect(chafa_term_db_get_default(), environment);

    g_strfreev(environment);
    return info;
}

static ChafaPixelMode pixel_mode(cli_graphics how, const ChafaTermInfo *info)
{
    switch (how) {
    case CLI_GRAPHICS_SIXEL: return CHAFA_PIXEL_MODE_SIXELS;
    case CLI_GRAPHICS_KITTY: return CHAFA_PIXEL_MODE_KITTY;
    case CLI_GRAPHICS_ITERM: return CHAFA_PIXEL_MODE_ITERM2;
    case CLI_GRAPHICS_AUTO: break;
    default: return CHAFA_PIXEL_MODE_SYMBOLS;
    }
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
        return CHAFA_PIXEL_MODE_KITTY;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_ITERM2_IMAGE))
        return CHAFA_PIXEL_MODE_ITERM2;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_SIXELS))
        return CHAFA_PIXEL_MODE_SIXELS;
    return CHAFA_PIXEL_MODE_SYMBOLS;
}

static ChafaCanvasMode color_mode(ChafaTermInfo *info, cli_graphics how)
{
    const char *none = getenv("NO_COLOR"), *depth = getenv("COLORTERM");

    if (none && *none)
        return CHAFA_CANVAS_MODE_FGBG;
    if (how != CLI_GRAPHICS_AUTO && !isatty(STDOUT_FILENO))
        return CHAFA_CANVAS_MODE_INDEXED_256;      /* a file or a pager: what nearly all can show */
    if ((depth && (!strcmp(depth, "truecolor") || !strcmp(depth, "24bit")))
        || chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT))
        return CHAFA_CANVAS_MODE_TRUECOLOR;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
        return CHAFA_CANVAS_MODE_INDEXED_256;
    return CHAFA_CANVAS_MODE_INDEXED_16;
}

typedef struct geometry { int columns, cell_w, cell_h; } geometry;

static geometry terminal_geometry(void)
{
    geometry g = { 80, 8, 16 };
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        g.columns = size.ws_col;
        if (size.ws_xpixel >= size.ws_col && size.ws_row > 0 && size.ws_ypixel >= size.ws_row) {
            g.cell_w = size.ws_xpixel / size.ws_col;
            g.cell_h = size.ws_ypixel / size.ws_row;
        }
    }
    return g;
}

static ChafaCanvas *make_canvas(const dcn_image *image, ChafaPixelMode pixels,
                                ChafaCanvasMode colors)
{
    const geometry g = terminal_geometry();
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    int width = g.columns - 1, height;
    ChafaCanvas *canvas;

    if (pixels != CHAFA_PIXEL_MODE_SYMBOLS && image->w / g.cell_w < width)
        width = image->w / g.cell_w;               /* not larger than it is */
    width = width < 1 ? 1 : width > 120 ? 120 : width;
    height = (int)((double)width * g.cell_w * image->h / image->w / g.cell_h + 0.5);
    height = height < 1 ? 1 : height;
    chafa_symbol_map_add_by_tags(symbols, colors == CHAFA_CANVAS_MODE_FGBG ? CHAFA_SYMBOL_TAG_BLOCK
                                 | CHAFA_SYMBOL_TAG_SPACE : CHAFA_SYMBOL_TAG_HALF
                                 | CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_SOLID);
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_canvas_config_set_geometry(config, width, height);
    chafa_canvas_config_set_cell_geometry(config, g.cell_w, g.cell_h);
    chafa_canvas_config_set_pixel_mode(config, pixels);
    chafa_canvas_config_set_canvas_mode(config, colors);
    if (colors == CHAFA_CANVAS_MODE_FGBG)
        chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
    canvas = chafa_canvas_new(config);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, image->pixels, image->w, image->h,
                                 image->w * 3);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_unref(config);
    return canvas;
}

/* Grey to RGB: chafa knows no grey pixels. */
static dcn_image to_rgb(const dcn_image *image)
{
    const size_t n = (size_t)image->h * (size_t)image->w;
    dcn_image rgb = { image->h, image->w, 3, cli_alloc(n, 3) };

    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            rgb.pixels[3 * i + (size_t)c] = image->pixels[(size_t)image->c * i
                                                          + (size_t)(image->c == 3 ? c : 0)];
    return rgb;
}

void cli_show_picture(const dcn_image *image, cli_graphics how)
{
    dcn_image rgb;
    ChafaTermInfo *info;
    ChafaPixelMode mode;
    ChafaCanvas *canvas;
    GString *text;

    if (!cli_can_show(how) || image->h < 1 || image->w < 1)
        return;
    rgb = to_rgb(image);
    info = detect_terminal();
    mode = pixel_mode(how, info);
    if (mode != CHAFA_PIXEL_MODE_SYMBOLS || !isatty(STDOUT_FILENO))
        chafa_term_info_supplement(info,
                                   chafa_term_db_get_fallback_info(chafa_term_db_get_default()));
    canvas = make_canvas(&rgb, mode, color_mode(info, how));
    text = chafa_canvas_print(canvas, info);
    fwrite(text->str, 1, text->len, stdout);
    fputs("\n", stdout);
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_term_info_unref(info);
    free(rgb.pixels);
}

#else

bool cli_can_show(cli_graphics how)
{
    (void)how;
    return false;
}

void cli_show_picture(const dcn_image *image, cli_graphics how)
{
    (void)image, (void)how;
}

#endif
