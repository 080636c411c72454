/* SPDX-License-Identifier: BSD-3-Clause
 * errands_letter.c - errands written into letters.
 */
#include <string.h>

#include "runtime/alloc.h"
#include "scheduler/mpi/errands.h"

enum { FUNCTIONS = 16 };

void *bri_draft_add(bri_draft *d, size_t bytes)
{
    if (d->room - d->n < bytes) {
        size_t room = 2 * d->room > d->n + bytes ? 2 * d->room : d->n + bytes;
        char *bigger = bri_realloc(d->bytes, room, 1);
        if (bigger == NULL)
            return NULL;
        d->bytes = bigger;
        d->room = room;
    }
    void *at = d->bytes + d->n;
    memset(at, 0, bytes);
    d->n += bytes;
    return at;
}

/* Looking a function up takes microseconds; programs hand in few different ones. */
static br_status identify(br_submit_function *fn, const char *file, bri_wire_errand *head)
{
    static struct {
        br_submit_function *fn;
        const char *file;
        bri_function_id id;
        int64_t distance;
    } known[FUNCTIONS];
    static int next;
    int i = 0;
    while (i < FUNCTIONS && (known[i].fn != fn || known[i].file != file))
        i++;
    if (i == FUNCTIONS) {
        BRI_TRY(bri_function_identify((bri_function)fn, &head->fn));
        bool travels = file != NULL && bri_function_has_constant((bri_function)fn, file);
        known[next].id = head->fn;
        known[next].fn = fn;
        known[next].file = file;
        known[next].distance = travels ? (int64_t)((intptr_t)file - (intptr_t)fn) : 0;
        i = next;
        next = (next + 1) % FUNCTIONS;
    }
    head->fn = known[i].id;
    head->file = known[i].distance;
    return BR_OK;
}

static size_t name_bytes(const bri_errand *e)
{
    return e->name != NULL ? strlen(e->name) + 1 : 0;
}

size_t bri_errand_wire_bytes(const bri_errand *e)
{
    size_t bytes = sizeof(bri_wire_errand) + bri_padded(e->nedges * sizeof(uint64_t));
    bytes += bri_padded(name_bytes(e));
    for (size_t i = 0; i < e->nedges; i++)
        bytes += bri_padded(bri_errand_output(e->edges[i].before).bytes);
    return bytes + bri_padded(e->bytes);
}

static char *put(char *at, const void *data, size_t bytes)
{
    if (bytes > 0)
        memcpy(at, data, bytes);
    return at + bri_padded(bytes);
}

br_status bri_errand_write(bri_draft *d, const bri_errand *e)
{
    bri_wire_errand head = {
        .ticket = (uint64_t)(uintptr_t)e,
        .priority = e->priority,
        .attempts = atomic_load_explicit(&e->attempts, memory_order_relaxed),
        .pinned = e->on >= 0,
        .ninputs = (uint32_t)e->nedges,
        .bytes = e->bytes,
        .line = e->at.line,
        .name_bytes = (uint32_t)name_bytes(e),
    };
    BRI_TRY(identify(e->fn, e->at.file, &head));
    char *at = bri_draft_add(d, bri_errand_wire_bytes(e));
    if (at == NULL)
        return BR_ENOMEM;
    at = put(at, &head, sizeof head);
    uint64_t *sizes = (uint64_t *)(void *)at;
    at += bri_padded(e->nedges * sizeof *sizes);
    at = put(at, e->args, e->bytes);
    for (size_t i = 0; i < e->nedges; i++) {
        bri_input input = bri_errand_output(e->edges[i].before);
        sizes[i] = input.bytes;
        at = put(at, input.data, input.bytes);
    }
    put(at, e->name, head.name_bytes);
    return BR_OK;
}
