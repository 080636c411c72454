/* SPDX-License-Identifier: BSD-3-Clause
 * svg.c - draws lines and points with axes as an SVG file.
 *
 * SVG is text: elements with attributes, drawn one over the other. Its y grows downwards.
 */
#include "svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEFT = 72, RIGHT = 24, TOP = 72, BOTTOM = 56, WIDTH = 560, HEIGHT = 320, SQUARE = 440 };

/* Colours that stay apart for the colour-blind, too (Okabe and Ito). */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

/* Values low to high lie on `length` pixels from pixel `from` on; a tick every `step`. */
typedef struct axis {
    double low, high, step;
    double from, length;
} axis;

static double place(const axis *a, double value)
{
    return a->from + a->length * (value - a->low) / (a->high - a->low);
}

/* ---- what the axes show ---- */

/* The largest of 1, 2 and 5 times a power of ten that gives at least four ticks. */
static double nice_step(double range)
{
    double power = pow(10, floor(log10(range / 4)));
    double digit = range / 4 / power;
    return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

static void include(axis *a, const double *values, size_t n, bool *whole)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            a->low = fmin(a->low, values[i]);
            a->high = fmax(a->high, values[i]);
            *whole = *whole && values[i] == floor(values[i]);
        }
}

/* Takes the range that is given, or from tick to tick around all values; numbers of things get no
 * ticks between them. */
static void choose(axis *a, const double given[2], bool whole)
{
    bool free_ends = !(given[0] < given[1]);
    if (!free_ends) {
        a->low = given[0];
        a->high = given[1];
    } else if (!(a->low < a->high)) { /* one value, or none at all */
        a->low = isfinite(a->low) ? a->low - 0.5 : 0;
        a->high = a->low + 1;
    }
    a->step = nice_step(a->high - a->low);
    if (whole)
        a->step = fmax(a->step, 1);
    if (free_ends) {
        a->low = floor(a->low / a->step) * a->step;
        a->high = ceil(a->high / a->step) * a->step;
    }
}

static void find_axes(const svg_paper *paper, const svg_line *lines, size_t n, axis *x, axis *y)
{
    bool whole[2] = {true, true};
    *x = *y = (axis){.low = INFINITY, .high = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        include(x, lines[i].x, lines[i].n, &whole[0]);
        include(y, lines[i].y, lines[i].n, &whole[1]);
    }
    choose(x, paper->x_range, whole[0]);
    choose(y, paper->y_range, whole[1]);
    x->from = LEFT;
    x->length = paper->square ? SQUARE : WIDTH;
    y->length = -(paper->square ? SQUARE : HEIGHT);
    y->from = TOP - y->length;
}

/* ---- what is drawn ---- */

static void put_text(FILE *f, double x, double y, const char *attributes, const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    for (const char *c = text ? text : ""; *c != '\0'; c++)
        if (*c == '&' || *c == '<')
            fprintf(f, "&#%d;", *c);
        else
            fputc(*c, f);
    fputs("</text>\n", f);
}

static void put_grid(FILE *f, const axis *x, const axis *y)
{
    char number[32];
    for (double v = ceil(x->low / x->step) * x->step; v <= x->high + x->step / 1e6; v += x->step) {
        snprintf(number, sizeof number, "%.6g", fabs(v) < x->step / 1e6 ? 0 : v);
        fprintf(f, "<path d=\"M%.1f %.1fv%.1f\" stroke=\"#ddd\"/>\n", place(x, v), y->from,
                y->length);
        put_text(f, place(x, v), y->from + 20, "text-anchor=\"middle\"", number);
    }
    for (double v = ceil(y->low / y->step) * y->step; v <= y->high + y->step / 1e6; v += y->step) {
        snprintf(number, sizeof number, "%.6g", fabs(v) < y->step / 1e6 ? 0 : v);
        fprintf(f, "<path d=\"M%.1f %.1fh%.1f\" stroke=\"#ddd\"/>\n", x->from, place(y, v),
                x->length);
        put_text(f, x->from - 8, place(y, v) + 4, "text-anchor=\"end\"", number);
    }
    fprintf(f, "<path d=\"M%.1f %.1fv%.1fh%.1f\" fill=\"none\" stroke=\"#444\"/>\n", x->from,
            y->from + y->length, -y->length, x->length);
}

static void put_titles(FILE *f, const svg_paper *paper, const axis *x, const axis *y)
{
    put_text(f, LEFT, 28, "font-size=\"18\" font-weight=\"bold\"", paper->title);
    put_text(f, x->from + x->length / 2, y->from + 44, "text-anchor=\"middle\"", paper->x);
    fprintf(f, "<g transform=\"translate(20 %.1f) rotate(-90)\">", y->from + y->length / 2);
    put_text(f, 0, 0, "text-anchor=\"middle\"", paper->y);
    fputs("</g>\n", f);
}

/* One path for all points: M goes to a place, L draws a line to it, h0 leaves a dot there. */
static void put_path(FILE *f, const axis *x, const axis *y, const svg_line *line, bool dots)
{
    bool drawing = false;
    fputs("<path d=\"", f);
    for (size_t i = 0; i < line->n; i++) {
        bool here = isfinite(line->x[i]) && isfinite(line->y[i]);
        if (here)
            fprintf(f, "%c%.1f %.1f%s", drawing && !dots ? 'L' : 'M', place(x, line->x[i]),
                    place(y, line->y[i]), dots ? "h0" : "");
        drawing = here;
    }
    fputs("\"/>\n", f);
}

static void put_line(FILE *f, const axis *x, const axis *y, const svg_line *line)
{
    if (line->style != SVG_POINTS) {
        fprintf(f, "<g stroke-width=\"2\"%s>",
                line->style == SVG_DASHED ? " stroke-dasharray=\"6 5\"" : "");
        put_path(f, x, y, line, false);
        fputs("</g>\n", f);
    }
    if (line->style == SVG_POINTS || line->style == SVG_MARKED) {
        fprintf(f, "<g stroke-width=\"%s\">", line->style == SVG_MARKED ? "7" : "2.5");
        put_path(f, x, y, line, true);
        fputs("</g>\n", f);
    }
}

/* Below the title, one name beside the other; returns where the next one goes. */
static double put_legend(FILE *f, double at, const svg_line *line)
{
    if (line->name == NULL)
        return at;
    if (line->style == SVG_POINTS)
        fprintf(f, "<path d=\"M%.1f 46h0\" stroke-width=\"8\"/>\n", at + 12);
    else
        fprintf(f, "<path d=\"M%.1f 46h24\" stroke-width=\"3\"%s/>\n", at,
                line->style == SVG_DASHED ? " stroke-dasharray=\"6 5\"" : "");
    put_text(f, at + 30, 50, "stroke=\"none\" fill=\"#222\"", line->name);
    return at + 52 + 7 * (double)strlen(line->name);
}

int svg_plot(const char *path, const svg_paper *paper, const svg_line *lines, size_t n)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return -1;
    axis x, y;
    find_axes(paper, lines, n, &x, &y);
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
            "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            x.from + x.length + RIGHT, y.from + BOTTOM);
    put_titles(f, paper, &x, &y);
    put_grid(f, &x, &y);
    double legend = LEFT;
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "<g fill=\"none\" stroke=\"%s\" stroke-linecap=\"round\">\n",
                colours[i % COLOURS]);
        put_line(f, &x, &y, &lines[i]);
        legend = put_legend(f, legend, &lines[i]);
        fputs("</g>\n", f);
    }
    fputs("</svg>\n", f);
    int failed = ferror(f) != 0;
    return fclose(f) != 0 || failed ? -1 : 0;
}
