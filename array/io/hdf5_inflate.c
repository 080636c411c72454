/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_inflate.c - deflate, by libdeflate.
 *
 * A decompressor is 11 KiB of tables. Each thread keeps its own, since one that is made for each
 * read is never in the cache.
 */
#include <libdeflate.h>
#include <pthread.h>

#include "array/io/hdf5_codec.h"
#include "runtime/alloc.h"

static _Thread_local struct libdeflate_decompressor *here;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void give_up(void *inflater)
{
    here = NULL;
    libdeflate_free_decompressor(inflater);
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, give_up) == 0;
}

bool bri_h5_can_inflate(void)
{
    if (here != NULL)
        return true;
    pthread_once(&once, make_key);
    if (!have_key || bri_alloc_should_fail())
        return false;
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    if (inflater != NULL && pthread_setspecific(key, inflater) == 0)
        here = inflater;
    else
        libdeflate_free_decompressor(inflater);
    return here != NULL;
}

const char *bri_h5_inflate(bri_h5_packed *p)
{
    if (!bri_h5_can_inflate())
        return "there is no memory to inflate it";
    enum libdeflate_result r =
        libdeflate_zlib_decompress(here, p->from, p->n, p->to, p->room, &p->made);
    if (r == LIBDEFLATE_INSUFFICIENT_SPACE)
        return "it inflates to more than a chunk";
    return r == LIBDEFLATE_SUCCESS ? NULL : "its deflate data is damaged";
}
