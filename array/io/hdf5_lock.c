/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_lock.c - the one lock around HDF5, its errors as ours, and the list of files in use.
 */
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#include "array/io/hdf5_internal.h"
#include "runtime/error.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Guarded by mutex. HDF5 keeps error printing per thread, and the user's program may rely on it. */
static H5E_auto2_t old_print;
static void *old_print_data;
static bool old_print_known;
/* Plugins that were linked with -ffast-math, as Debian's bitshuffle, have the thread that loads
 * them take subnormal numbers for 0 from then on. */
static fenv_t old_arithmetic;
static bri_h5_use *uses;

void bri_h5_lock(void)
{
    pthread_mutex_lock(&mutex);
    fegetenv(&old_arithmetic);
    old_print_known = H5Eget_auto2(H5E_DEFAULT, &old_print, &old_print_data) >= 0;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    bri_h5_errno_reset();
}

void bri_h5_unlock(void)
{
    bri_h5_open_any();
    if (old_print_known)
        H5Eset_auto2(H5E_DEFAULT, old_print, old_print_data);
    fesetenv(&old_arithmetic);
    pthread_mutex_unlock(&mutex);
}

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *data)
{
    if (n == 0 && error->desc != NULL)
        snprintf(data, BRI_H5_MESSAGE, "%s", error->desc);
    return 0;
}

const char *bri_h5_reason(char why[BRI_H5_MESSAGE])
{
    why[0] = '\0';
    if (bri_h5_errno() != 0)
        return strerror(bri_h5_errno());
    char innermost[BRI_H5_MESSAGE] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, innermost);
    if (innermost[0] != '\0')
        snprintf(why, BRI_H5_MESSAGE, "HDF5 says \"%.*s\"", BRI_H5_MESSAGE - 16, innermost);
    return why;
}

br_status bri_h5_error(br_status status, const char *format, ...)
{
    char what[BRI_ERROR_TEXT], why[BRI_H5_MESSAGE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (bri_h5_errno() == ENOMEM)
        status = BR_ENOMEM;
    const char *because = bri_h5_reason(why);
    return bri_file_error(status, "%s%s%s", what, because[0] != '\0' ? ": " : "", because);
}

br_status bri_h5_use_begin(bri_h5_use *use, const char *path)
{
    for (const bri_h5_use *u = uses; u != NULL; u = u->next) {
        if (u->device != use->device || u->inode != use->inode)
            continue;
        if (u->writing)
            return bri_file_error(BR_EIO, "%s: this process is writing to the file now", path);
        if (use->writing)
            return bri_file_error(
                BR_EIO, "%s: cannot be written while this process reads it by H5Dread", path);
    }
    use->next = uses;
    uses = use;
    return BR_OK;
}

const bri_h5_use *bri_h5_writing(uint64_t device, uint64_t inode)
{
    const bri_h5_use *u = uses;
    while (u != NULL && !(u->in_place && u->device == device && u->inode == inode))
        u = u->next;
    return u;
}

void bri_h5_use_end(bri_h5_use *use)
{
    for (bri_h5_use **at = &uses; *at != NULL; at = &(*at)->next)
        if (*at == use) {
            *at = use->next;
            return;
        }
}
