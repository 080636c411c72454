/* SPDX-License-Identifier: BSD-3-Clause
 * 02_map.c - functions of your own: of one element, and of a whole chunk.
 *
 * Under mpirun they run on every rank: a C function travels as (program, offset), its .data as
 * bytes.
 */
#include <bramble/bramble.h>

enum { ROWS = 24, COLUMNS = 72, CHUNK = 12 };

/* ---- one element: bends what is above the knee ---- */

typedef struct soft_limit {
    double knee, slope;
} soft_limit;

static double limit_softly(double x, const void *data)
{
    const soft_limit *limit = data;
    return x <= limit->knee ? x : limit->knee + (x - limit->knee) * limit->slope;
}

/* ---- one chunk: how long points of the plane stay near 0 under z -> z * z + c ---- */

typedef struct view {
    double left, top, width, height;
    int most;
} view;

static int steps(double a, double b, int most)
{
    double x = 0, y = 0;
    for (int n = 0; n < most; n++) {
        double x2 = x * x - y * y + a;
        y = 2 * x * y + b;
        x = x2;
        if (x * x + y * y > 4)
            return n;
    }
    return most;
}

/* origin says where the chunk lies in the whole array, so that no chunk needs to know of another.
 */
static int mandelbrot(const br_block *in, int nin, const br_block *out, const void *data)
{
    const view *v = data;
    int32_t *n = out->data;
    (void)in;
    (void)nin;
    for (int64_t i = 0; i < out->extent[0]; i++)
        for (int64_t j = 0; j < out->extent[1]; j++) {
            double row = (double)(out->origin[0] + i) + 0.5, column = (double)(out->origin[1] + j);
            *n++ = steps(v->left + v->width * column / (COLUMNS - 1),
                         v->top - v->height * row / ROWS, v->most);
        }
    return 0;
}

/* ---- one chunk that cannot be computed: any other return value than 0 ends the run ---- */

static int give_up(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in;
    (void)nin;
    (void)out;
    (void)data;
    return 7;
}

int main(int argc, char **argv)
{
    br_context *ctx = br_open(&argc, &argv);

    soft_limit limit = {.knee = 4, .slope = 0.25};
    br_array *x = br_arange(ctx, BR_NUM(0), BR_NUM(10), .chunks = BR_CHUNKS(4));
    br_print_values(br_map(x, limit_softly, .data = &limit, .data_bytes = sizeof limit), stdout);

    /* The array below gives the shape and the chunks; 12 tasks, of very different length. */
    view all = {.left = -2.2, .top = 1.2, .width = 3.2, .height = 2.4, .most = 500};
    br_array *plane = br_zeros(ctx, BR_SHAPE(ROWS, COLUMNS), .dtype = BR_INT32,
                               .chunks = BR_CHUNKS(CHUNK, CHUNK));
    br_array *set = br_map_blocks(plane, mandelbrot, .data = &all, .data_bytes = sizeof all);

    int32_t n[ROWS][COLUMNS];
    if (br_compute(set, n, sizeof n) == BR_OK)
        for (int i = 0; i < ROWS; i++) {
            for (int j = 0; j < COLUMNS; j++)
                putchar(n[i][j] == all.most ? '#' : n[i][j] > 8 ? '+' : n[i][j] > 4 ? ':' : '.');
            putchar('\n');
        }

    /* A failure stops the run and is kept until it is cleared; br_message(ctx) would also name
     * chunk, rank and host. */
    double sum;
    br_status status = br_compute_f64(br_sum(br_map_blocks(plane, give_up)), &sum);
    printf("the sum that failed: %s\n", br_status_text(status));
    br_clear_error(ctx);

    return br_close(ctx);
}
