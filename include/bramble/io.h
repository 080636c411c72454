/* SPDX-License-Identifier: BSD-3-Clause
 * io.h - arrays from files; store.h has what writes them.
 */
#ifndef BRAMBLE_IO_H
#define BRAMBLE_IO_H

#include <bramble/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* br_from_hdf5 - a dataset of an HDF5 or netCDF-4 file. Only metadata is read now; elements are
 * read when a graph is run.
 *
 * path     the file. Under MPI each rank looks for it under this path on its own host; rank 0 must
 *          have it. Where ranks do not see it, those that do read it for them (br_explain says so).
 *          A file that differs between hosts in size or contents is refused when it is run: sizes,
 *          the first 4 KiB and samples of the rest are compared. Another modification time alone is
 *          a line in the log, since copying changes it.
 * dataset  "temperature" or "group/temperature"
 * .chunks  of the array; by default the stored chunks, and where those are smaller than 1 MiB,
 *          multiples of them of about 4 MiB
 * .field   the member of compounds that is wanted; "a.b" is b in the member a
 * .raw     true leaves missing and packed elements as they are stored
 * .untrusted  true for files that may be damaged, or made to harm: see below
 * Elements keep the stored type, in native byte order. float16 becomes float32, enums the numbers
 * behind their names, h5py's enum of FALSE and TRUE bool, compounds of two floats r and i (or re,
 * im; real, imag) complex.
 * Attributes are minded as xarray and netCDF4 do, in the dtypes and with the roundings of xarray:
 * elements equal to _FillValue or missing_value, or outside valid_range (or valid_min, valid_max),
 * become NaN, then come scale_factor and add_offset; _Unsigned gives integers the other sign. So an
 * int16 with a _FillValue or a scale_factor is float32 (float64 with an add_offset and nothing
 * missing), an int32 float64. The computing is fused with what is made of the array. xarray's mean
 * skips NaN as br_nanmean does; br_mean gives NaN where there is one.
 * A slice of the array reads only the stored chunks it touches; each task reads and decodes what it
 * needs, in parallel. Where tasks cut stored chunks (by .chunks, br_rechunk, a slice), these are
 * decoded once and kept for the next tasks, as far as a quarter of the memory limit holds them
 * (br_explain says so); beyond that they are decoded again and again. While reads wait for a disk,
 * the kernel is asked for the next chunks of a task before it decodes one.
 * What is stored in chunks is never believed, so damaged elements are an error or other elements.
 * The metadata is read by the HDF5 library, which a bad file can make crash, run forever or take
 * all memory. With .untrusted another process (bramble-probe; docs/architecture.md says where it
 * must be) reads it first, within 2 GiB and BRAMBLE_PROBE_TIMEOUT, together with elements that only
 * the HDF5 library can read. If it fails, that is this array's error. Then the file is opened here,
 * if it is still the one that was read, by inode, size and times; somebody who can write to it
 * meanwhile is not held off: copy it first. Virtual datasets, external data and links into other
 * files are refused. Each rank asks a process of its own. It takes some 20 ms a file.
 * Errors  BR_ENOTFOUND (lists names that are near), BR_EFORMAT (or an attribute above that is no
 *         number), BR_ETYPE (strings, references, sequences, compounds without .field),
 *         BR_EUNSUPPORTED (a filter that is not there; with .untrusted data in other files),
 *         BR_EIO; when run also a file that was changed meanwhile.
 */
typedef struct br_from_hdf5_args {
    br_place at;
    br_context *ctx;
    const char *path;
    const char *dataset;
    br_extents chunks;
    const char *field;
    bool raw, untrusted;
} br_from_hdf5_args;
BR_API br_array *br_from_hdf5_(br_from_hdf5_args args);

/* br_from_hdf5_many - the same dataset of many files, one after the other along an axis, as one
 * array. Files are opened once to read their metadata, and again while they are read, some 64 at a
 * time.
 *
 * path     a pattern of paths, "data/t2m_*.nc" (glob(7)), in the order of their bytes: number the
 *          files with zeros in front. NULL with .paths
 * dataset  as of br_from_hdf5; in every file of the same dtype, and with the same extents but along
 *          the axis
 * axis     along which the files stand; negative ones count from the last
 * .paths, .npaths  the files themselves, in their order
 * .chunks  of the array; along the axis a chunk ends where a file ends, unless all files are
 *          equally long and it is a multiple of that. By default those of one file; files of one
 *          size much below 4 MiB are put together
 * .field, .raw, .untrusted  as of br_from_hdf5. Files may have different factors and missing
 *          values: then it is br_concat of an array for each file
 * Under MPI each rank looks for the paths on its own host, as of br_from_hdf5.
 * Cost    about a millisecond a file
 * Errors  those of br_from_hdf5, with the file's path; BR_ENOTFOUND (no path matches), BR_EAXIS,
 *         BR_ESHAPE and BR_ETYPE (names two files that do not fit).
 */
typedef struct br_from_hdf5_many_args {
    br_place at;
    br_context *ctx;
    const char *path;
    const char *dataset;
    int axis;
    const char *const *paths;
    int npaths;
    br_extents chunks;
    const char *field;
    bool raw, untrusted;
} br_from_hdf5_many_args;
BR_API br_array *br_from_hdf5_many_(br_from_hdf5_many_args args);

/* br_from_npy - the array of an .npy file, as numpy.save writes it. Only the header is read now;
 * elements are read when a graph is run, each task what it needs.
 *
 * path     the file, of version 1 to 3; under MPI as of br_from_hdf5
 * .chunks  of the array; by default runs of whole rows of about 4 MiB
 * Both byte orders; an array in Fortran order is a view whose axes are cut accordingly.
 * Errors  BR_ENOTFOUND, BR_EFORMAT (another file, a bad header, fewer elements than it says),
 *         BR_ETYPE (float16, text, objects, records, ...), BR_EIO; when run also a file that was
 *         changed meanwhile.
 */
typedef struct br_from_npy_args {
    br_place at;
    br_context *ctx;
    const char *path;
    br_extents chunks;
} br_from_npy_args;
BR_API br_array *br_from_npy_(br_from_npy_args args);

/* The order of the bytes of an element in a file. */
typedef enum br_byte_order {
    BR_NATIVE_ENDIAN, /* this machine's */
    BR_LITTLE_ENDIAN,
    BR_BIG_ENDIAN,
} br_byte_order;

/* br_from_raw - the elements of a file that has nothing else, in C order, as numpy.fromfile and
 * numpy.memmap take them.
 *
 * path     the file; under MPI as of br_from_hdf5
 * dtype    of its elements
 * shape    one extent may be -1: as many as the file has
 * .offset  bytes before the first element, by default 0; bytes behind the last one are passed over
 *          unless an extent is -1
 * .order   of the bytes of an element
 * .chunks  of the array; by default runs of whole rows of about 4 MiB
 * Errors  BR_EARG, BR_ENOTFOUND, BR_EFORMAT (fewer bytes than the shape takes, or a fraction of an
 *         index), BR_EIO; when run also a file that was changed meanwhile.
 */
typedef struct br_from_raw_args {
    br_place at;
    br_context *ctx;
    const char *path;
    br_dtype dtype;
    br_extents shape;
    int64_t offset;
    br_byte_order order;
    br_extents chunks;
} br_from_raw_args;
BR_API br_array *br_from_raw_(br_from_raw_args args);

#ifndef __cplusplus
#define br_from_raw(...)                                                                           \
    br_from_raw_((br_from_raw_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_from_npy(...)                                                                           \
    br_from_npy_((br_from_npy_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_from_hdf5(...)                                                                          \
    br_from_hdf5_((br_from_hdf5_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#define br_from_hdf5_many(...)                                                                     \
    br_from_hdf5_many_((br_from_hdf5_many_args){.at = {__FILE__, __LINE__}, .ctx = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
