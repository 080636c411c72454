/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_probe.c - files that are not trusted: another process reads their metadata first.
 *
 * The HDF5 library can be made to crash, to take all memory or to run forever by a file that was
 * made or damaged for it. So the program bramble-probe (tools/) does with limits just what this
 * process is going to do, by the same code, and says how it ended. Then the file is opened here; by
 * device, inode, size and times it must be the one that the probe has read, before HDF5 sees it and
 * afterwards. Links into other files are not followed. Who can write to the file while it is opened
 * is not held off by this.
 */
#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "array/io/hdf5_list.h"
#include "array/io/hdf5_probe.h"
#include "runtime/alloc.h"
#include "runtime/child.h"
#include "runtime/error.h"

static const char greeting[] = "bramble-probe " BR_VERSION_TEXT ": ";

/* ---- the same file ---- */

bri_h5_identity bri_h5_identity_of(const bri_h5_dataset *d)
{
    const bri_h5_info *i = &d->info;
    return (bri_h5_identity){i->device, i->inode, i->bytes, i->mtime_ns, d->ctime_ns};
}

static br_status check_same(const char *path, const bri_h5_identity *a, const bri_h5_identity *b)
{
    bool same = a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
                a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
    return same ? BR_OK
                : bri_file_error(BR_EIO, "%s: was changed while it was opened as .untrusted", path);
}

br_status bri_h5_distrust(bri_h5_dataset *d, const bri_h5_identity *found)
{
    const bri_h5_identity here = bri_h5_identity_of(d);
    d->untrusted = true;
    return check_same(d->path, &here, found);
}

br_status bri_h5_check_unchanged(const bri_h5_dataset *d)
{
    const bri_h5_identity before = bri_h5_identity_of(d);
    bri_h5_identity now;
    BRI_TRY(bri_h5_identify(d->path, &now));
    return check_same(d->path, &before, &now);
}

br_status bri_h5_identify(const char *path, bri_h5_identity *found)
{
    bri_h5_dataset *d;
    BRI_TRY(bri_h5_begin(path, "", &d));
    *found = bri_h5_identity_of(d);
    bri_h5_close(d);
    return BR_OK;
}

/* ---- asking ---- */

static br_status took_too_long(const char *path, double seconds)
{
    return bri_file_error(BR_EFORMAT,
                          "%s: not opened: reading its metadata took the probe more than %g s "
                          "(BRAMBLE_PROBE_TIMEOUT); the file is damaged or made to harm",
                          path, seconds);
}

/* A process that does not say how it ended. */
static br_status silent(const bri_h5_probe *probe, const char *path, const bri_child_end *end)
{
    if (end->late || end->signal == SIGXCPU)
        return took_too_long(path, probe->seconds);
    if (end->signal != 0)
        return bri_file_error(BR_EFORMAT,
                              "%s: not opened: reading its metadata crashed the probe (%s); "
                              "the file is damaged or made to harm",
                              path, strsignal(end->signal));
    const char *text = end->text + strspn(end->text, "=\n ");
    if (strncmp(text, greeting, strcspn(greeting, " ")) == 0 &&
        strncmp(text, greeting, sizeof greeting - 1) != 0)
        return bri_file_error(BR_ECONFIG,
                              "%s: the probe is of another version than this library: %.*s", path,
                              (int)strcspn(text, "\n"), text);
    return bri_file_error(BR_EIO, "%s: the probe failed%s: %.*s", path,
                          end->known ? "" : " (its exit code is unknown)",
                          text[0] != '\0' ? (int)strcspn(text, "\n") : 20,
                          text[0] != '\0' ? text : "it did not say why");
}

/* "ok" with what the file was, or "error" with the status and text that it got. */
static br_status understand(const bri_h5_probe *probe, const char *path, const bri_child_end *end,
                            bri_h5_identity *found)
{
    const char *text = end->text;
    size_t n = strlen(text), head = sizeof greeting - 1;
    unsigned long long device, inode, bytes;
    long long mtime, ctime;
    int status, at = 0;
    if (n <= head || text[n - 1] != '\n' || strncmp(text, greeting, head) != 0)
        return silent(probe, path, end);
    text += head;
    if (sscanf(text, "ok %llu %llu %llu %lld %lld", &device, &inode, &bytes, &mtime, &ctime) == 5) {
        *found = (bri_h5_identity){device, inode, bytes, mtime, ctime};
        return BR_OK;
    }
    if (sscanf(text, "error %d %n", &status, &at) != 1 || at == 0 || status <= BR_OK ||
        status >= BR_NSTATUS)
        return silent(probe, path, end);
    if (status == BR_ENOMEM)
        return bri_file_error(BR_EFORMAT,
                              "%s: not opened: reading its metadata takes more than %d MiB; "
                              "the file is damaged or made to harm",
                              path, BRI_H5_PROBE_MIB);
    return bri_file_error((br_status)status, "%.*s", (int)strcspn(text + at, "\n"), text + at);
}

br_status bri_h5_ask_probe(const bri_h5_probe *probe, const char *const names[3],
                           bri_h5_identity *found)
{
    char program[BRI_CHILD_PATH], seconds[32];
    snprintf(seconds, sizeof seconds, "%.17g", probe->seconds);
    BRI_TRY(bri_child_find("bramble-probe", probe->program, program));
    const char *const argv[] = {program,  "--seconds", seconds,  "--",
                                names[0], names[1],    names[2], NULL};
    bri_child_end *end = bri_malloc(sizeof *end);
    if (end == NULL)
        return BR_ENOMEM;
    br_status st = bri_child_run(argv, probe->seconds, end);
    if (st == BR_OK)
        st = understand(probe, names[0], end, found);
    bri_free(end);
    return st;
}

/* ---- answering ---- */

/* What H5Dread reads goes through code of HDF5 as its metadata does: all of it, in parts. */
static br_status read_by_library(const bri_h5_dataset *d)
{
    int64_t start[BR_MAX_NDIM] = {0}, step[BR_MAX_NDIM], count[BR_MAX_NDIM], stride[BR_MAX_NDIM];
    int64_t bytes = (int64_t)d->element, room = 1 << 20;
    int ndim = d->info.ndim;
    for (int a = ndim - 1; a >= 0; a--) {
        int64_t extent = d->info.shape[a], most = room / bytes > 0 ? room / bytes : 1;
        step[a] = 1;
        stride[a] = bytes;
        count[a] = extent < most ? extent : most;
        bytes *= count[a] > 0 ? count[a] : 1;
    }
    char *to = bri_malloc((size_t)bytes), *scratch = bri_malloc(bri_h5_scratch(d));
    br_status st = to != NULL && scratch != NULL ? BR_OK : BR_ENOMEM;
    for (int a = 0; a >= 0 && st == BR_OK;) {
        int64_t part[BR_MAX_NDIM];
        for (int i = 0; i < ndim; i++)
            part[i] =
                d->info.shape[i] - start[i] < count[i] ? d->info.shape[i] - start[i] : count[i];
        st = bri_h5_read(d, start, step, part, to, stride, scratch, NULL);
        for (a = ndim - 1; a >= 0 && (start[a] += count[a]) >= d->info.shape[a]; a--)
            start[a] = 0;
    }
    bri_free(scratch);
    bri_free(to);
    return st;
}

static br_status try_dataset(const char *const names[3], const bri_h5_identity *found)
{
    bri_h5_dataset *d;
    BRI_TRY(bri_h5_open_as(names, found, &d));
    br_status st = d->kind == BRI_H5_SLOW ? read_by_library(d) : BR_OK;
    bri_h5_close(d);
    return st;
}

static br_status try_list(const char *path, const bri_h5_identity *found)
{
    br_file *file;
    BRI_TRY(bri_h5_list_as(path, found, &file));
    bri_h5_list_free(file);
    return BR_OK;
}

br_status bri_h5_answer_probe(const char *const names[3], FILE *to)
{
    bri_h5_identity found;
    br_status st = bri_h5_identify(names[0], &found);
    if (st == BR_OK)
        st = names[1] != NULL ? try_dataset(names, &found) : try_list(names[0], &found);
    if (st == BR_OK) {
        fprintf(to, "%sok %llu %llu %llu %lld %lld\n", greeting, (unsigned long long)found.device,
                (unsigned long long)found.inode, (unsigned long long)found.bytes,
                (long long)found.mtime_ns, (long long)found.ctime_ns);
        return BR_OK;
    }
    fprintf(to, "%serror %d ", greeting, (int)st);
    for (const char *c = bri_last_error(); *c != '\0'; c++)
        fputc(iscntrl((unsigned char)*c) ? '?' : *c, to);
    fputc('\n', to);
    return st;
}
