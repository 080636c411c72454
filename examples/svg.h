/* SPDX-License-Identifier: BSD-3-Clause
 * svg.h - lines and points on paper with axes, as an SVG file: what several examples draw with.
 *
 *     const svg_line lines[] = {{"measured", x, y, n}, {"ideal", x, x, n, SVG_DASHED}};
 *     svg_plot("speedup.svg", &(svg_paper){.title = "Speed-up", .x = "workers", .y = "times"},
 *              lines, 2);
 *
 * Programs that use it are compiled together with svg.c and linked with -lm. Browsers show such
 * files; `rsvg-convert speedup.svg -o speedup.png` makes a PNG of one.
 */
#ifndef EXAMPLES_SVG_H
#define EXAMPLES_SVG_H

#include <stdbool.h>
#include <stddef.h>

typedef enum svg_style { SVG_SOLID, SVG_DASHED, SVG_MARKED, SVG_POINTS } svg_style;

typedef struct svg_line {
    const char *name; /* in the legend; NULL leaves it out there */
    const double *x, *y;
    size_t n;        /* where x or y is NaN the line has a gap */
    svg_style style; /* SVG_MARKED: a line with a dot at each point */
} svg_line;

/* An axis goes from [0] to [1]; {0, 0}, what is not given, means as far as the values need. */
typedef struct svg_paper {
    const char *title, *x, *y;
    double x_range[2], y_range[2];
    bool square;
} svg_paper;

/* svg_plot - writes the file anew. 0, or -1 if it could not be written. */
int svg_plot(const char *path, const svg_paper *paper, const svg_line *lines, size_t n);

#endif
