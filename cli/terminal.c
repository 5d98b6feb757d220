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
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

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

/* How many cells, so that a small picture's pixels keep whole sizes and a large one fits. */
static void choose_cells(const dcn_image *image, bool symbols, geometry *g, int *columns, int *rows)
{
    enum { SYMBOLS_WIDE = 80, PIXELS_WIDE = 640 };
    /* A half block is one pixel wide and half a cell high. */
    const int cell_w = symbols ? 1 : g->cell_w, cell_h = symbols ? 2 : g->cell_h;
    const int room = (g->columns - 1) * cell_w, most = symbols ? SYMBOLS_WIDE : PIXELS_WIDE;
    const int wide = room < most ? room : most;
    int w = image->w, h = image->h;

    if (w <= wide) {
        const int zoom = wide / w;

        w *= zoom;
        h *= zoom;
    } else {
        h = (int)((double)h * room / w + 0.5);
        w = room;
    }
    *columns = (w + cell_w - 1) / cell_w;
    *rows = (h + cell_h - 1) / cell_h;
    *columns = *columns < 1 ? 1 : *columns;
    *rows = *rows < 1 ? 1 : *rows;
}

/* The mean of what a pixel of w x h covers of the picture; of less than a pixel the pixel itself:
 * chafa's own scaling would blur. */
static void scaled_pixel(const dcn_image *image, int w, int h, int y, int x, uint8_t rgb[3])
{
    const int top = (int)((int64_t)y * image->h / h), left = (int)((int64_t)x * image->w / w);
    int bottom = (int)((int64_t)(y + 1) * image->h / h),
        right = (int)((int64_t)(x + 1) * image->w / w);
    unsigned sum[3] = { 0, 0, 0 }, n;

    bottom = bottom > top ? bottom : top + 1;
    right = right > left ? right : left + 1;
    n = (unsigned)(bottom - top) * (unsigned)(right - left);
    for (int i = top; i < bottom; i++)
        for (int j = left; j < right; j++) {
            const uint8_t *p = image->pixels
                               + ((size_t)i * (size_t)image->w + (size_t)j) * (size_t)image->c;

            for (int c = 0; c < 3; c++)
                sum[c] += p[image->c == 3 ? c : 0];
        }
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)((sum[c] + n / 2) / n);
}

/* RGBA of w x h pixels. */
static uint8_t *scale(const dcn_image *image, int w, int h)
{
    uint8_t *out = cli_alloc((size_t)w * (size_t)h, 4), *to = out;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, to += 4) {
            scaled_pixel(image, w, h, y, x, to);
            to[3] = 255;
        }
    return out;
}

static ChafaCanvas *make_canvas(const dcn_image *image, ChafaPixelMode mode, ChafaCanvasMode colors)
{
    enum { SYMBOL_SIDE = 8 };          /* chafa compares a cell with its symbols in 8 x 8 pixels */
    const bool symbols = mode == CHAFA_PIXEL_MODE_SYMBOLS;
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *map = chafa_symbol_map_new();
    geometry g = terminal_geometry();
    ChafaCanvas *canvas;
    int columns, rows, w, h;
    uint8_t *pixels;

    choose_cells(image, symbols, &g, &columns, &rows);
    w = columns * (symbols ? SYMBOL_SIDE : g.cell_w);
    h = rows * (symbols ? SYMBOL_SIDE : g.cell_h);
    chafa_symbol_map_add_by_tags(map, colors == CHAFA_CANVAS_MODE_FGBG
                                 ? CHAFA_SYMBOL_TAG_BLOCK | CHAFA_SYMBOL_TAG_SPACE
                                 : CHAFA_SYMBOL_TAG_VHALF | CHAFA_SYMBOL_TAG_SPACE
                                 | CHAFA_SYMBOL_TAG_SOLID);
    chafa_canvas_config_set_symbol_map(config, map);
    chafa_canvas_config_set_geometry(config, columns, rows);
    chafa_canvas_config_set_cell_geometry(config, g.cell_w, g.cell_h);
    chafa_canvas_config_set_pixel_mode(config, mode);
    chafa_canvas_config_set_canvas_mode(config, colors);
    if (colors == CHAFA_CANVAS_MODE_FGBG)
        chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
    canvas = chafa_canvas_new(config);
    pixels = scale(image, w, h);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, pixels, w, h, 4 * w);
    free(pixels);
    chafa_symbol_map_unref(map);
    chafa_canvas_config_unref(config);
    return canvas;
}

static void draw(const dcn_image *image, cli_graphics how)
{
    ChafaTermInfo *info;
    ChafaPixelMode mode;
    ChafaCanvas *canvas;
    GString *text;

    info = detect_terminal();
    mode = pixel_mode(how, info);
    if (mode != CHAFA_PIXEL_MODE_SYMBOLS || !isatty(STDOUT_FILENO)) {
        ChafaTermInfo *common = chafa_term_db_get_fallback_info(chafa_term_db_get_default());

        chafa_term_info_supplement(info, common);
        chafa_term_info_unref(common);
    }
    canvas = make_canvas(image, mode, color_mode(info, how));
    text = chafa_canvas_print(canvas, info);
    fwrite(text->str, 1, text->len, stdout);
    fputs("\n", stdout);
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_term_info_unref(info);
}

/* GLib ends the program that it finds no memory for: a picture on the screen is not worth a training
 * run. So a child draws, and the worst that can happen is that there is no picture. */
void cli_show_picture(const dcn_image *image, cli_graphics how)
{
    pid_t child;
    int status = 1;

    if (!cli_can_show(how) || image->h < 1 || image->w < 1)
        return;
    fflush(stdout);
    if ((child = fork()) == 0) {
        const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(nowhere, STDERR_FILENO);                   /* GLib's last words */
        draw(image, how);
        _exit(fflush(stdout) != 0 ? 1 : 0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0 || !WIFEXITED(status))
        cli_note("the picture is not drawn: there is too little memory");
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
