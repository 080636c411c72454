/* SPDX-License-Identifier: BSD-3-Clause
 * store.h - arrays into files.
 *
 * Each call computes its arrays and writes them chunk by chunk as they come; nothing is held longer
 * than needed. Under MPI chunks are compressed where they are computed, and each rank that sees the
 * file writes its own, whatever the hosts, into new files and into ones that exist; what travels is
 * where they are. Chunks that replace others travel to rank 0, as do those of ranks that do not see
 * the file (BRAMBLE_LOG=info says which, and why). Calls return when the file is complete and
 * synced; a failure is one error, in the context, and leaves what was there.
 */
#ifndef BRAMBLE_STORE_H
#define BRAMBLE_STORE_H

#include <bramble/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of a file that exists. */
typedef enum br_store_mode {
    BR_STORE_ADD,       /* the dataset is added; it must not exist yet */
    BR_STORE_OVERWRITE, /* a dataset of the name is replaced; the others stay */
    BR_STORE_TRUNCATE,  /* the file is replaced */
    BR_STORE_APPEND,    /* a dataset of the name gets longer; made if it does not exist */
} br_store_mode;

/* An attribute of a dataset or a file: a text (UTF-8), a number, or n values of a dtype. Made by
 * BR_TEXT, BR_NUMBER and BR_VALUES; lists of them by BR_ATTRIBUTES. */
typedef struct br_store_attribute {
    const char *name; /* NULL ends a list */
    const char *text;
    br_number number;
    br_dtype dtype;
    int64_t n;
    const void *values;
} br_store_attribute;

/* Names of all axes, in order. Made by BR_DIMS. */
typedef struct br_dims {
    int n; /* 0: none are given */
    const char *name[BR_MAX_NDIM];
} br_dims;

/* br_store_hdf5 - writes x into a dataset of an HDF5 file.
 *
 * path         A new file has no name until it is complete (on NFS, and where other hosts write
 *              into it, a temporary one beside the final one): it is complete or absent, whatever
 *              happens.
 * dataset      its name; groups in it are made
 * .mode        what becomes of a file that exists, by default BR_STORE_ADD
 * .chunks      stored chunks, by default those of x (at most 4 MiB each); .contiguous stores
 *              without chunks. Where chunks of x cut stored ones, x is rechunked first, so that
 *              each of these is made by one task and written once; only where the memory limit
 *              does not allow that HDF5 puts their parts together, each time anew, which can take
 *              a hundred times as long. BRAMBLE_LOG=info says which.
 * .deflate     0 (none) to 9; chunks are compressed in the tasks, after shuffling their bytes
 * .no_shuffle  compresses without that; .shuffle shuffles without compression
 * .fletcher32  stores a checksum with each chunk
 * .attributes  BR_ATTRIBUTES(BR_TEXT("units", "K"), BR_NUMBER("_FillValue", -999)): numbers are
 *              stored as int64, uint64, float64, _FillValue and missing_value as x's dtype. A
 *              dataset's attributes have at most 64 KiB.
 * .file_attributes  the same for the file, netCDF-4's global ones: BR_ATTRIBUTES(BR_TEXT(
 *              "Conventions", "CF-1.8")). They are written with a new dataset, in place of those
 *              that have their names. Of br_store_many each array's are written; where two have one
 *              name, that of the array stands which is made last, after coordinates.
 * .dims        BR_DIMS("time", "lat", "lon"): names of the axes, netCDF-4's dimensions. One that
 *              the file has in this group or around it, with the same extent, is used; else it is
 *              made, without coordinates. An array of one axis that has the dataset's own name are
 *              its coordinates: store them before the arrays that have the dimension.
 * .like        an array that br_from_hdf5 gave, or one made of a single such: its dimensions,
 *              coordinates (those that "coordinates" and "grid_mapping" name, too) and attributes
 *              are copied. x has its axes, or some of them in order, which must be told by their
 *              extents; an axis whose extent differs keeps its name without coordinates.
 *              scale_factor, add_offset, _FillValue and the like are copied when .like is the array
 *              itself, with elements as they are stored, and x has their dtype.
 * .unlimited   BR_AXES(0): axes along which the dataset can grow
 * .region      "10:20, :": writes x there, into a dataset that exists and has x's dtype. x has the
 *              shape of what br_index gives by the same text; steps are positive.
 * .resume      the making of a new file, or of one that replaces another (BR_STORE_TRUNCATE), goes
 *              on where an earlier call ended, whatever ended it: the chunks that are stored are
 *              not computed again. See below.
 * .safe_copy   works on a copy of a file that exists, which takes its place when it is complete.
 *              The room for it is checked first.
 *
 * BR_STORE_APPEND writes x behind what a dataset has, along its first unlimited axis. x has the
 * extents of the other axes, or just these: then it is one more index. A dataset that does not
 * exist is made, with its first axis unlimited if .unlimited names none; the other options are
 * looked at only then. Its dimension grows with it when it has no coordinates.
 *
 * In a file that exists, nothing that it has is changed until x is complete: chunks are appended,
 * the dataset has a hidden name. Then the data is synced, and last the few pages of metadata that
 * name it are written. A program that dies before leaves the file as it was, with unused bytes
 * behind its end; an error or a full disk leaves it as it was. HDF5 1.10 has no journal, so a
 * program that is killed, or a machine that stops, in the moment in which those pages are written
 * can leave a file that does not open; with .safe_copy there is no such moment. The space of a
 * dataset that was replaced is not given back to the file system (h5repack does).
 *
 * BR_STORE_ADD keeps all that a file has, but for what .file_attributes replaces: datasets, groups,
 * attributes, permissions, the version of its format. The dataset takes nothing over from it but
 * the dimensions that .dims names. Groups that it has stay as they were made: netCDF-4 reads all,
 * but changes only files whose groups know in which order things came, as those of new files do.
 *
 * Regions and what is appended to are written where they are: an error brings back what was there,
 * but a program that dies leaves some of the region's chunks old, some new, some of compressed ones
 * unreadable or with what another one of them was to have; what no such chunk has, and other
 * datasets, stay as they were. With .safe_copy this dataset does, too.
 *
 * With .resume the file is path.part until it is complete, with path.part.log beside it, and both
 * stay when the store fails or the program dies, by SIGKILL or a power cut. Every second or so what
 * is stored is synced and noted. The same call, in the same program, goes on: the expression, its
 * functions, the files and memory it is made of, its chunks and the options, with .attributes and
 * .file_attributes, must be as they were (BR_EARG names the file to remove if not). Of a program
 * that dies just when the file has got its name, that call returns BR_OK at once, unless the file
 * was changed since. The result has the same elements as one that was not interrupted. Functions
 * with a .data pointer but no .data_bytes, and persisted arrays, cannot be resumed.
 *
 * x may be made of arrays of the same file, but not with .region and BR_STORE_APPEND unless with
 * .safe_copy (BR_EUNSUPPORTED); after all but BR_STORE_ADD they have to be opened again. Over
 * several ranks that is refused (BR_EUNSUPPORTED), since the others could not open the file
 * meanwhile, but for BR_STORE_TRUNCATE and .safe_copy.
 *
 * Errors  BR_EARG (dataset exists, bad options), BR_ENOTFOUND, BR_ESHAPE, BR_ETYPE, BR_EINDEX
 *         (regions and what is appended), BR_EFORMAT (the file is no HDF5 file), BR_EIO (no
 *         directory, no permission, full disk, locked by another program)
 * Cost    one run of x, in which each stored chunk is compressed and written once, by the threads
 *         that make it; then the file is synced.
 */
typedef struct br_store_hdf5_args {
    br_place at;
    br_array *x;
    const char *path;
    const char *dataset;
    br_store_mode mode;
    br_extents chunks;
    bool contiguous;
    int deflate;
    bool shuffle, no_shuffle;
    bool fletcher32;
    bool safe_copy;
    const br_store_attribute *attributes, *file_attributes;
    br_dims dims;
    br_array *like;
    br_axes unlimited;
    const char *region;
    bool resume;
} br_store_hdf5_args;
BR_API br_status br_store_hdf5_(br_store_hdf5_args args);

/* br_store_many - writes several arrays into datasets of one file, in one run that computes common
 * parts once and reads each source once where that is possible.
 *
 * stores  n of what br_store_hdf5 takes, at most 1024. .path, .mode, .safe_copy and .resume must be
 *         the same; those without .path have them from the first, whose .mode then replaces theirs
 *         if that is BR_STORE_ADD, the default. .at is not looked at.
 * All of the datasets are there at the end, or none. Coordinates are made before the arrays that
 * have their dimension, in whatever order they stand. Errors are those of br_store_hdf5.
 */
BR_API br_status br_store_many_(const br_store_hdf5_args *stores, size_t n, br_place at);

/* br_store_npy - writes x into an .npy file, in C order.
 *
 * path  written under a temporary name beside it and renamed when complete, in place of a file that
 *       was there, even one that x reads (arrays made of that have to be opened again). That one's
 *       permissions are kept, and a symbolic link stays one.
 * Chunks that are cut along the last axis are written in pieces of rows. One run of x.
 * Errors  BR_EIO (no directory, no permission, full disk, not a regular file, a symbolic link to
 *         nothing); what was there stays.
 */
typedef struct br_store_npy_args {
    br_place at;
    br_array *x;
    const char *path;
} br_store_npy_args;
BR_API br_status br_store_npy_(br_store_npy_args args);

/* br_store_raw - writes the elements of x into a file, in C order, and nothing else. .order is that
 * of the bytes of an element. The rest is as with br_store_npy.
 */
typedef struct br_store_raw_args {
    br_place at;
    br_array *x;
    const char *path;
    br_byte_order order;
} br_store_raw_args;
BR_API br_status br_store_raw_(br_store_raw_args args);

#ifndef __cplusplus
#define BR_TEXT(key, value)   ((br_store_attribute){.name = (key), .text = (value)})
#define BR_NUMBER(key, value) ((br_store_attribute){.name = (key), .number = BR_NUM(value)})
#define BR_VALUES(key, type, count, p)                                                             \
    ((br_store_attribute){.name = (key), .dtype = (type), .n = (count), .values = (p)})
#define BR_ATTRIBUTES(...) ((const br_store_attribute[]){__VA_ARGS__, {.name = NULL}})
#define BR_DIMS(...)       ((br_dims){BR_COUNT_(const char *, __VA_ARGS__), {__VA_ARGS__}})
#define br_store_hdf5(...)                                                                         \
    br_store_hdf5_((br_store_hdf5_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_store_many(stores, n) br_store_many_((stores), (n), BR_HERE)
#define br_store_npy(...)                                                                          \
    br_store_npy_((br_store_npy_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#define br_store_raw(...)                                                                          \
    br_store_raw_((br_store_raw_args){.at = {__FILE__, __LINE__}, .x = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
