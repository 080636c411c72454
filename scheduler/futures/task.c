/* SPDX-License-Identifier: BSD-3-Clause
 * task.c - what a task's function may do.
 */
#include <stdarg.h>
#include <string.h>

#include "runtime/error.h"
#include "scheduler/futures/store.h"

/* ---- results ---- */

void bri_task_drop_result(br_task *task)
{
    bri_memory *memory = task->errand->store->ctx->memory;
    if (task->result != NULL && task->result != task->errand->small_result) {
        bri_memory_put(memory, task->result, task->result_bytes);
        bri_memory_release(memory, task->result_bytes);
    }
    task->result = NULL;
    task->result_bytes = 0;
}

void *br_task_result(br_task *task, size_t bytes)
{
    bri_memory *memory = task->errand->store->ctx->memory;
    bri_task_drop_result(task);
    task->result_bytes = bytes;
    if (bytes <= BRI_SMALL_RESULT) {
        task->result = task->errand->small_result;
        return task->result;
    }
    task->result = bri_memory_get(memory, bytes);
    if (task->result == NULL) {
        task->result_bytes = 0;
        task->status = BR_ENOMEM;
        snprintf(task->text, sizeof task->text, "no memory for a result of %zu bytes", bytes);
        return NULL;
    }
    bri_memory_force(memory, bytes);
    return task->result;
}

int br_task_return(br_task *task, const void *data, size_t bytes)
{
    void *result = br_task_result(task, bytes);
    if (result == NULL)
        return -1;
    if (bytes > 0)
        memcpy(result, data, bytes);
    return 0;
}

int br_task_fail(br_task *task, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(task->text, sizeof task->text, format, args);
    va_end(args);
    task->status = BR_EUSER;
    return -1;
}

/* ---- inputs ---- */

size_t br_task_ninputs(const br_task *task)
{
    return task->errand->foreign ? task->errand->ninputs : task->errand->nedges;
}

const void *br_task_input(const br_task *task, size_t i, size_t *bytes)
{
    const bri_errand *e = task->errand;
    bri_input input = {NULL, 0};
    if (i < br_task_ninputs(task)) {
        const bri_errand *before = e->foreign ? NULL : e->edges[i].before;
        input = e->foreign ? e->inputs[i] : bri_errand_output(before);
    }
    if (bytes != NULL)
        *bytes = input.bytes;
    return input.data;
}

/* ---- about itself ---- */

br_context *br_task_context(const br_task *task)
{
    return task->errand->store->ctx;
}

int br_task_rank(const br_task *task)
{
    return task->errand->store->ctx->rank;
}

int br_task_attempt(const br_task *task)
{
    return atomic_load_explicit(&task->errand->attempts, memory_order_relaxed) - 1;
}

bool br_task_cancelled(const br_task *task)
{
    return atomic_load_explicit(&task->errand->future.cancelled, memory_order_relaxed);
}
