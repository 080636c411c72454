/* SPDX-License-Identifier: BSD-3-Clause
 * values.c - values under names, as tasks see them.
 */
#include "scheduler/workers/values.h"

#include <string.h>

#include "runtime/alloc.h"
#include "runtime/error.h"
#include "scheduler/workers/workers.h"

/* A value that a running task reads. */
typedef struct bri_pin {
    struct bri_pin *next;
    bri_kept *kept;
} bri_pin;

void bri_task_let_go(br_task *task)
{
    bri_kept_release(task->message);
    task->message = NULL;
    for (bri_pin *h; (h = task->held) != NULL;) {
        task->held = h->next;
        bri_kept_release(h->kept);
        bri_free(h);
    }
}

br_status bri_name_check(const char *name)
{
    if (name == NULL || name[0] == '\0')
        return bri_error(BR_EARG, "no name");
    if (strlen(name) > BRI_NAME_MOST)
        return bri_error(BR_EARG, "the name \"%.40s...\" has more than %d bytes", name,
                         BRI_NAME_MOST);
    return BR_OK;
}

int bri_task_failed(br_task *task, br_status status)
{
    snprintf(task->text, sizeof task->text, "%.500s", bri_last_error());
    task->status = status;
    return -1;
}

const char *bri_task_where(const br_task *task, char text[96])
{
    const br_context *ctx = task->errand->store->ctx;
    text[0] = '\0';
    if (!task->errand->foreign)
        snprintf(text, 96, " on rank %d (%.60s)", ctx->rank, ctx->host);
    return text;
}

bri_kept *bri_task_find(br_task *task, const char *name)
{
    char where[96];
    bri_kept *kept = bri_shelf_get(task->errand->store->shelf, name);
    if (kept == NULL)
        bri_task_failed(task, bri_error(BR_ENOTFOUND, "there is no value \"%s\"%s", name,
                                        bri_task_where(task, where)));
    return kept;
}

/* Until the function returns. Takes the reference; false without memory. */
static bool hold(br_task *task, bri_kept *kept)
{
    for (const bri_pin *h = task->held; h != NULL; h = h->next)
        if (h->kept == kept) {
            bri_kept_release(kept);
            return true;
        }
    bri_pin *h = bri_malloc(sizeof *h);
    if (h == NULL) {
        bri_kept_release(kept);
        bri_task_failed(task, BR_ENOMEM);
        return false;
    }
    *h = (bri_pin){task->held, kept};
    task->held = h;
    return true;
}

const void *br_task_get(br_task *task, const char *name, size_t *bytes)
{
    if (bytes != NULL)
        *bytes = 0;
    br_status st = bri_name_check(name);
    if (st != BR_OK) {
        bri_task_failed(task, bri_error_context(st, "task_get"));
        return NULL;
    }
    bri_kept *kept = bri_task_find(task, name);
    if (kept == NULL || !hold(task, kept))
        return NULL;
    if (bytes != NULL)
        *bytes = kept->bytes;
    return kept->data;
}

static br_status put(bri_store *store, const char *name, const void *data, size_t bytes)
{
    bri_kept *kept = NULL;
    BRI_TRY(bri_name_check(name));
    BRI_TRY(bri_kept_copy(store->ctx->memory, data, bytes, &kept));
    br_status st = bri_shelf_put(store->shelf, name, kept);
    bri_kept_release(kept);
    return st;
}

int br_task_put(br_task *task, const char *name, const void *data, size_t bytes)
{
    br_status st = put(task->errand->store, name, data, bytes);
    return st == BR_OK ? 0 : bri_task_failed(task, bri_error_context(st, "task_put"));
}
