/* SPDX-License-Identifier: BSD-3-Clause
 * rest.c - when the communication thread gives its core away, and how long it sleeps.
 */
#include "scheduler/mpi/rest.h"

#define SPIN               30e-6
#define SHORTEST_SLEEP     50e-6
#define LONGEST_SLEEP_BUSY 200e-6
#define LONGEST_SLEEP_IDLE 1e-3
#define LONG_IDLE          1.0
#define LONGEST_SLEEP      4e-3
/* What has not come for long is still to be computed: it may be found so much later. But a rank
 * that computes is not idle, others may wait for what it has, and a core is busy anyway. */
#define PART_OF_WAIT            0.02
#define LONGEST_SLEEP_COMPUTING 300e-6
/* Where every message rings, sleeps are for what does not ring: signs of life, helpers (lend.h). */
#define SLEEP_RUNG_BUSY 1e-3
#define SLEEP_RUNG_IDLE 20e-3
/* Who gets a core back so late has given it to a thread that computes. */
#define LATE        100e-6
#define FIRST_PAUSE 10e-3
#define MOST_PAUSE  160e-3

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* A core that sched_yield gives to a thread that computes comes back at the next tick of Linux's
 * clock, up to 4 ms later, and no bell shortens that, since who has not gone to sleep cannot be
 * woken. A sleeper that is rung has its core in some microseconds. So cores are given away only
 * while nobody is known to compute. Others than this rank's threads are known by how late a core
 * came back, and each time that happens again they are believed to go on for twice as long. */
bool bri_rest_yields(const bri_rest *r, const bri_rest_sight *s, double quiet, double now)
{
    return quiet < SPIN && !s->computes && now >= r->until;
}

void bri_rest_note(bri_rest *r, double given, double back)
{
    if (back - given < LATE)
        return;
    bool again = given - r->until < r->pause;
    r->pause = again ? clamp(2 * r->pause, FIRST_PAUSE, MOST_PAUSE) : FIRST_PAUSE;
    r->until = back + r->pause;
}

static double longest(const bri_rest_sight *s, double quiet)
{
    bool rung = s->rings && !s->moving && !s->out;
    double least = rung ? SLEEP_RUNG_BUSY : LONGEST_SLEEP_BUSY;
    double most = s->computes && !rung ? LONGEST_SLEEP_COMPUTING : LONGEST_SLEEP;
    if (s->moving || s->out || s->jobs || (s->computes && !rung))
        return clamp(PART_OF_WAIT * quiet, least, most);
    if (rung)
        return SLEEP_RUNG_IDLE;
    return quiet < LONG_IDLE ? LONGEST_SLEEP_IDLE : LONGEST_SLEEP;
}

double bri_rest_length(const bri_rest_sight *s, double quiet)
{
    double most = longest(s, quiet);
    return s->rings && !s->moving ? most : clamp(quiet / 4, SHORTEST_SLEEP, most);
}
