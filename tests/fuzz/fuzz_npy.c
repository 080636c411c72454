/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_npy.c - .npy files: the header, then the elements as far as they are few.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "array/io/npy.h"
#include "runtime/error.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_BYTES = 1 << 16 };

static void read_elements(const bri_h5_dataset *d)
{
    const bri_h5_info *info = bri_h5_about(d);
    int64_t start[BR_MAX_NDIM] = {0}, step[BR_MAX_NDIM], stride[BR_MAX_NDIM];
    int64_t bytes = (int64_t)br_dtype_size(info->dtype);
    for (int a = info->ndim - 1; a >= 0; a--) {
        step[a] = 1;
        stride[a] = bytes;
        bytes *= info->shape[a];
    }
    if (bytes > MOST_BYTES)
        return;
    char *to = malloc((size_t)bytes + 1), *scratch = malloc(bri_h5_scratch(d));
    FUZZ_CHECK(bri_h5_read(d, start, step, info->shape, to, stride, scratch, NULL) == BR_OK);
    free(scratch), free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    bri_npy_header header;
    char path[40];
    bri_h5_dataset *d = NULL;
    bool fortran;
    char *text = fuzz_copy(input, n, n);
    br_status st = bri_npy_parse("input", text, n, &header);
    free(text);
    FUZZ_CHECK(st == BR_OK || bri_last_error()[0] != '\0');
    int fd = memfd_create("input", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, input, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (bri_npy_open(path, &d, &fortran) == BR_OK)
        read_elements(d);
    bri_h5_close(d);
    close(fd);
    return 0;
}

void fuzz_seeds(fuzz_take *take, void *to)
{
    static const struct {
        char version;
        const char *header;
    } files[] = {
        {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }          \n"},
        {1, "{'descr': '>c16', 'fortran_order': True, 'shape': (2, 3), }\n"},
        {2, "{\"shape\": (), 'fortran_order': False, 'descr': '|b1'}"},
        {3, "{'descr': '|u1', 'fortran_order': False, 'shape': (90L,), }\n"},
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (0, 5, 1000000000000), }\n"},
        {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char bytes[400] = "\x93NUMPY", name[16];
        size_t length = strlen(files[i].header), at = files[i].version == 1 ? 10 : 12;
        bytes[6] = files[i].version;
        bytes[8] = (char)length;
        memcpy(bytes + at, files[i].header, length);
        snprintf(name, sizeof name, "file%zu", i);
        take(to, name, bytes, at + length + 96);
        snprintf(name, sizeof name, "header%zu", i);
        take(to, name, files[i].header, length);
    }
}
