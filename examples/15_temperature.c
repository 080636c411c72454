/* SPDX-License-Identifier: BSD-3-Clause
 * 15_temperature.c - how warm the computers get while they work: the slices of 07_pi_slices keep
 * all threads busy, and between them each host is asked for its temperature.
 *
 * 15_temperature [SLICES [EVERY_MS [SENSOR]]]
 *
 * Goes on for a quarter of the time when the work is done, to see the hosts cool down, and draws
 * temperature.svg. SENSOR is a file with thousandths of a degree; without one the kernel's first
 * zone is read, or a Raspberry Pi's firmware asked. Virtual machines have no sensor as a rule.
 */
#include "svg.h"

#include <bramble/bramble.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOSTS = 64, SAMPLES = 5000, SLICES = 100000, TERMS = 10000000 };

/* ---- on the workers ---- */

/* The terms of slice *args of Leibniz's series. */
static int leibniz(br_task *task, const void *args, size_t bytes)
{
    const int64_t first = *(const int64_t *)args * TERMS;
    double sum = 0;
    (void)bytes;
    for (int64_t k = first + TERMS - 1; k >= first; k--)
        sum += (k % 2 == 0 ? 4.0 : -4.0) / (double)(2 * k + 1);
    return br_task_return(task, &sum, sizeof sum);
}

/* The first number of a file, or of what a command prints, after this text; NAN without one. */
static double number_in(FILE *f, const char *text)
{
    double number;
    char format[16];
    snprintf(format, sizeof format, "%s%%lf", text);
    return f != NULL && fscanf(f, format, &number) == 1 ? number : NAN;
}

typedef struct reading {
    double celsius; /* NAN: no sensor, or no number in it */
    int error;      /* errno of the file, or 0 */
} reading;

static const char zone[] = "/sys/class/thermal/thermal_zone0/temp";

/* The kernel says 48312 for 48.3 degrees, the firmware temp=48.3'C. */
static int measure(br_task *task, const void *args, size_t bytes)
{
    const char *given = args;
    FILE *f = fopen(bytes > 0 ? given : zone, "r");
    reading r = {.error = f == NULL ? errno : 0};
    r.celsius = number_in(f, "") / 1000;
    if (f != NULL)
        fclose(f);
    if (isnan(r.celsius) && bytes == 0 && (f = popen("vcgencmd measure_temp 2>&1", "r")) != NULL) {
        r.celsius = number_in(f, "temp=");
        pclose(f);
    }
    return br_task_return(task, &r, sizeof r);
}

/* ---- on rank 0 ---- */

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct chart {
    br_context *ctx;
    const char *sensor;        /* or NULL */
    double begin, every, next; /* in seconds: the next sample is due then */
    size_t hosts, n;
    int error[HOSTS];
    double time[SAMPLES], celsius[HOSTS][SAMPLES];
} chart;

/* Asks one worker on each host, when it is time to. The question goes before the slices, so it
 * waits for one slice at most. */
static void sample(chart *c)
{
    reading now[HOSTS];
    if (seconds() < c->next || c->n == SAMPLES ||
        br_run_on(c->ctx, ":", measure, c->sensor, c->sensor ? strlen(c->sensor) + 1 : 0,
                  .per_host = true, .priority = 1, .results = now, .each = sizeof now[0]) != BR_OK)
        return;
    c->time[c->n] = seconds() - c->begin;
    for (size_t h = 0; h < c->hosts; h++) {
        c->celsius[h][c->n] = now[h].celsius;
        c->error[h] = now[h].error;
    }
    c->n++;
    c->next = seconds() + c->every;
}

/* Hands in all slices and adds them up, sampling in between. */
static double work(chart *c, int slices)
{
    static int64_t slice[SLICES];
    static br_future *futures[SLICES];
    double pi = 0, sum = 0;
    for (int i = 0; i < slices; i++)
        slice[i] = i;
    br_submit_many(c->ctx, leibniz, slice, sizeof slice[0], (size_t)slices, futures);
    for (int i = 0; i < slices; i++) {
        sample(c);
        if (br_future_result(futures[i], &sum, sizeof sum) == BR_OK)
            pi += sum;
        br_future_free(futures[i]);
    }
    return pi;
}

static void cool_down(chart *c)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    double end = seconds() + (seconds() - c->begin) / 4;
    for (; seconds() < end; nanosleep(&moment, NULL))
        sample(c);
}

/* Says what was measured on each host; true when anything was. */
static bool report(const chart *c, const br_rank_info host[])
{
    double low = INFINITY, high = -INFINITY;
    for (size_t h = 0; h < c->hosts; h++) {
        double from = INFINITY, to = -INFINITY;
        for (size_t i = 0; i < c->n; i++) {
            from = fmin(from, c->celsius[h][i]); /* which passes over NAN */
            to = fmax(to, c->celsius[h][i]);
        }
        if (from <= to)
            printf("%s: %zu samples\n", host[h].host, c->n);
        else
            printf("%s: no sensor: %s: %s\n", host[h].host, c->sensor != NULL ? c->sensor : zone,
                   c->error[h] != 0 ? strerror(c->error[h]) : "no number in it");
        low = fmin(low, from);
        high = fmax(high, to);
    }
    if (low <= high)
        printf("from %.1f to %.1f degrees\n", low, high);
    return low <= high;
}

static int draw(const chart *c, const br_rank_info host[])
{
    svg_line lines[HOSTS];
    for (size_t h = 0; h < c->hosts; h++)
        lines[h] = (svg_line){host[h].host, c->time, c->celsius[h], c->n, SVG_MARKED};
    const svg_paper paper = {.title = "Temperature while all threads work, and afterwards",
                             .x = "seconds",
                             .y = "degrees Celsius"};
    return svg_plot("temperature.svg", &paper, lines, c->hosts);
}

/* One worker on each host, as br_run_on with .per_host chooses them. */
static size_t list_hosts(br_context *ctx, br_rank_info host[HOSTS])
{
    int ranks[HOSTS];
    size_t n = br_worker_ranks(ctx, .per_host = true);
    if (n > HOSTS) {
        fprintf(stderr, "15_temperature: %zu hosts, %d at most\n", n, HOSTS);
        return 0;
    }
    br_worker_ranks(ctx, .per_host = true, .ranks = ranks);
    for (size_t h = 0; h < n; h++)
        br_rank(ctx, ranks[h], &host[h]);
    return n;
}

int main(int argc, char **argv)
{
    static chart c;
    static br_rank_info host[HOSTS];
    int slices = argc > 1 ? atoi(argv[1]) : 2000;
    slices = slices < 1 ? 1 : slices > SLICES ? SLICES : slices;
    c.every = (argc > 2 ? atof(argv[2]) : 1000) / 1000;
    c.sensor = argc > 3 ? argv[3] : NULL;
    c.ctx = br_open(&argc, &argv);
    c.begin = seconds();
    c.hosts = list_hosts(c.ctx, host);
    int failed = c.hosts == 0;
    if (!failed) {
        double pi = work(&c, slices);
        cool_down(&c);
        printf("pi by %d slices of %d terms: %.9f\n", slices, TERMS, pi);
        failed = report(&c, host) && draw(&c, host) != 0;
        if (failed)
            fprintf(stderr, "15_temperature: cannot write temperature.svg\n");
    }
    int status = br_close(c.ctx);
    return status ? status : failed;
}
