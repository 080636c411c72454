/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_internal.h - what the hdf5_*.c files share: the lock, the recording driver, the dataset.
 *
 * Every HDF5 call of this library is made between bri_h5_lock() and bri_h5_unlock(). The lock
 * guards the HDF5 library itself, the driver's record and last errno, and the list of files in use.
 */
#ifndef BRI_HDF5_INTERNAL_H
#define BRI_HDF5_INTERNAL_H

#include <hdf5.h>

#include "array/io/hdf5.h"

enum {
    BRI_H5_MAX_FILTERS = 8,
    BRI_H5_GATHER = 512 << 10, /* bytes read at once where wanted elements lie close together */
    BRI_H5_MESSAGE = 320,
};

/* The lock also silences HDF5's error printing for the calling thread, and restores it. */
void bri_h5_lock(void);
void bri_h5_unlock(void);

/* bri_error() with HDF5's innermost message, or the errno of the file access that failed, appended.
 * The lock must be held. */
br_status bri_h5_error(br_status status, const char *format, ...) BR_PRINTF(2, 3);
/* Why the library failed, as it says, or ""; an errno of ours comes first. */
const char *bri_h5_reason(char why[BRI_H5_MESSAGE]);

/* ---- the driver: HDF5's file access by pread and pwrite, which can record instead of read ---- */

typedef struct bri_h5_seen {
    int reads;
    uint64_t address; /* of the last raw read, from the start of the file, user block included */
    uint64_t bytes;
} bri_h5_seen;

/* A new file access property list for the driver; the lock must be held for these. */
hid_t bri_h5_access(void);
/* From here to the end call, raw data reads fill in *seen and read nothing. */
void bri_h5_record_begin(bri_h5_seen *seen);
void bri_h5_record_end(void);
/* Until the lock is given back, HDF5 opens no other file than this one: errno is EXDEV then. */
void bri_h5_open_only(uint64_t device, uint64_t inode);
void bri_h5_open_any(void);
/* Until it is told otherwise, HDF5 opens this file whatever the path, and leaves it locked when it
 * closes it; -1: by the path. */
void bri_h5_open_next(int fd);
/* The errno of the last failed file access since the lock was taken; 0 when there was none. Writes
 * must be checked by it, since HDF5 is not told that they failed: the file is discarded instead. */
int bri_h5_errno(void);
void bri_h5_errno_reset(void);
/* An allocation of ours failed between calls of HDF5: bri_h5_error() will say so. */
void bri_h5_note_no_memory(void);
/* The descriptor the driver has open for file, which HDF5 closes; -1 on failure. */
int bri_h5_descriptor(hid_t file);
/* Makes all later writes to file vanish, so that it closes without errors even when the disk is
 * full; what was written to a file that existed before is undone when it is closed. */
void bri_h5_discard(hid_t file);
/* Raw data of a file that existed is changed where it is from now on. */
void bri_h5_in_place(hid_t file);
/* Another descriptor of it, which keeps its lock, if it has one, after HDF5 has closed it. The
 * caller closes it. -1: errno says why. */
int bri_h5_keep_locked(hid_t file);
/* A file that is written in steps, each of which leaves it valid: raw data of earlier steps is
 * changed without keeping what it was. */
void bri_h5_can_go_on(hid_t file);
/* What the file has behind the end that HDF5 knows of need not be kept, as bytes of a store that
 * was killed: HDF5 gives that space away, and cuts the file. */
void bri_h5_drop_tail(hid_t file);
/* What a step changes of what earlier ones wrote, the bytes below `stable`, and the bytes the file
 * then needs; NULL when some of the step could not be written. */
struct bri_h5_overlay;
const struct bri_h5_overlay *bri_h5_changes(hid_t file, uint64_t *stable, uint64_t *bytes);
/* Makes the changes: the end of a step, which discarding leaves. */
bool bri_h5_apply_changes(hid_t file);
/* Files that HDF5 opens from now on are written by other processes, too, each at multiples of
 * `align` bytes; 0: by nobody else. */
void bri_h5_share_next(uint64_t align);
/* The same of an open file, which was opened as one that is. */
void bri_h5_share_opened(hid_t file, uint64_t align);
/* May others write elements that begin at the address? Behind all that the file had: HDF5 also
 * gives away what became free of that, where nobody but the driver may write, who keeps it valid.
 * In a file that is written in steps, where they share no page with anything else. */
bool bri_h5_others_may_write(hid_t file, uint64_t address);
/* The address of space at the end of such a file for one of those processes. */
uint64_t bri_h5_claim_space(hid_t file, uint64_t bytes);
/* The chunk that HDF5 is next made to write, `from` where nothing is read, is there already;
 * was_told ends that, and says whether HDF5 has entered the chunk there. */
void bri_h5_tell(uint64_t address, uint64_t bytes, const void *from);
bool bri_h5_was_told(void);
/* A new file without a name in the directory of an open one, or in the usual place for temporary
 * files; -1 on failure. */
int bri_h5_spare_file(int fd);

/* ---- files this process holds open: HDF5 must not see one file both read and written ---- */

typedef struct bri_h5_use {
    struct bri_h5_use *next;
    uint64_t device, inode;
    bool writing;         /* the file, or one that will replace it; */
    bool in_place;        /*  the file itself, */
    int64_t mtime_before; /*  which had this time when it was locked */
} bri_h5_use;

/* Enters use in the list, or fails when its file is being written, or is read and shall be written.
 */
br_status bri_h5_use_begin(bri_h5_use *use, const char *path);
void bri_h5_use_end(bri_h5_use *use);
/* Who writes the file in place; NULL: nobody. The lock is held. */
const bri_h5_use *bri_h5_writing(uint64_t device, uint64_t inode);

struct stat;
int64_t bri_h5_mtime(const struct stat *st);
/* Our writing to path has ended; the lock is held. */
void bri_h5_note_own_writing(const bri_h5_use *use, const char *path);

/* ---- types ---- */

typedef enum bri_h5_fix {
    BRI_H5_AS_IS,
    BRI_H5_SWAP2,
    BRI_H5_SWAP4,
    BRI_H5_SWAP8,
    BRI_H5_TRUTH, /* bytes of an enum become 0 or 1, whatever the file holds */
    BRI_H5_HALF,  /* two bytes of a float16, which lie where a float32 shall be */
    BRI_H5_HALF_SWAPPED,
} bri_h5_fix;

typedef struct bri_h5_type {
    br_dtype dtype;
    hid_t memory;     /* what H5Dread converts to; the owner closes it */
    bool plain;       /* stored bytes are elements of dtype after fix */
    bri_h5_fix fix;   /* of the plain stored bytes, */
    bri_h5_fix after; /* and of what H5Dread has converted to memory */
    size_t bytes;     /* of a plain stored element, */
    size_t stride;    /* bytes from one to the next, */
    size_t offset;    /* and bytes before the first: it may be one member of a compound */
    char name[200];   /* of an unsupported type: what it is */
} bri_h5_type;

/* What the elements of a stored type become, or a member of them where field is not "": "a", or
 * "a.b" where members are compounds; false when there is no dtype for them. Lock held. */
bool bri_h5_type_of(hid_t stored, const char *field, bri_h5_type *out);
/* What H5Dwrite takes elements of the dtype from; the caller closes it. Lock held. */
hid_t bri_h5_type_to_write(hid_t stored, const bri_h5_type *type);
/* The type stored for dtype, as h5py does it; the caller closes it. Lock held. */
hid_t bri_h5_type_for(br_dtype dtype);
/* Brings n bytes of stored elements to native form in place; not for halves. */
void bri_h5_fix_bytes(bri_h5_fix fix, char *bytes, size_t n);
/* Writes n bytes of dense elements, from byte `first` on, at an address: as they are, or in the
 * other byte order. errno says why not. */
bool bri_h5_write_as(int fd, bri_h5_fix fix, const char *elements, size_t first, size_t n,
                     uint64_t address);
/* The same into a file that this process has joined (hdf5_shared.h). BR_EIO. */
br_status bri_h5_write_joined_as(uint64_t id, bri_h5_fix fix, const char *elements, size_t first,
                                 size_t n, uint64_t address);

/* ---- finding ---- */

/* Opens the dataset, or fails and lists the datasets of the file with the nearest names. */
br_status bri_h5_find(hid_t file, const char *path, const char *dataset, hid_t *out);
/* True when every link on the way to name exists. Names have less than 1024 bytes. */
bool bri_h5_exists(hid_t file, const char *name);

struct libdeflate_compressor;

/* ---- filters, in any order; no HDF5 calls ---- */

enum { BRI_H5_BITSHUFFLE = 32008, BRI_H5_BITS_LZ4 = 2, BRI_H5_BITS_ZSTD = 3 };

/* Bitshuffle: elements, and blocks of them whose bits are put together. */
typedef struct bri_h5_bits {
    size_t element, block; /* bytes */
    unsigned codec;        /* 0: bits are only moved */
} bri_h5_bits;

typedef struct bri_h5_filters {
    int n;
    H5Z_filter_t id[BRI_H5_MAX_FILTERS];
    size_t element; /* bytes that shuffle spreads */
    int level;      /* of deflate, when writing */
    bri_h5_bits bits;
} bri_h5_filters;

/* Adds a filter that is undone without HDF5, or says that this one is not; n values describe it.
 * Shuffle must be of the size of an element. */
bool bri_h5_add_filter(bri_h5_filters *filters, H5Z_filter_t id, const unsigned *values, size_t n);
/* Its name; stored is what the file calls a filter of other people's. */
const char *bri_h5_filter_name(H5Z_filter_t id, const char *stored);

/* Shuffled elements. */
typedef struct bri_h5_planes {
    char *bytes;
    size_t n, element; /* elements, and bytes of one: as many planes of n bytes */
} bri_h5_planes;

/* Puts elements first..last of the planes together at to. */
void bri_h5_unshuffle(const bri_h5_planes *planes, size_t first, size_t last, char *to);
void bri_h5_shuffle(const char *from, const bri_h5_planes *planes);
/* Puts together the blocks of n bytes that hold bytes first..last, at `to`, and returns which byte
 * comes first there. */
size_t bri_h5_unbits(const bri_h5_bits *bits, const char *from, size_t n, size_t first, size_t last,
                     char *to);
/* HDF5's sum over n bytes, and whether the four bytes after them hold it. */
bool bri_h5_checksum_ok(const char *bytes, size_t n);

typedef struct bri_h5_decode {
    const bri_h5_filters *filters;
    uint32_t mask;                 /* bit k: filter k was not applied to this chunk */
    size_t bytes;                  /* of the whole decoded chunk */
    size_t first, last;            /* the bytes wanted of it, whole elements */
    char *into;                    /* if not NULL, where the bytes wanted may be put; */
    const struct bri_h5_box *rows; /* if not NULL, the elements wanted, in rows that are dense */
    char *rows_to;                 /* in the chunk and from here on, where they may be put */
    char *spare;                   /* a buffer as large as the one that holds the stored bytes, */
    size_t room;                   /* which is this large */
} bri_h5_decode;

/* Undoes the filters of n stored bytes, which it overwrites. *out is where byte `first` is then, or
 * rows_to when all the elements are in their places.
 * Returns NULL, or what is wrong with the chunk. */
const char *bri_h5_decode_chunk(const bri_h5_decode *how, char *stored, size_t n, char **out);
/* What one buffer must hold besides the stored bytes. */
size_t bri_h5_decode_room(const bri_h5_filters *filters, size_t bytes);
/* Applies the filters to `bytes` of the first buffer, which is only read from; *out is where the
 * result is. The others hold a checksum more; a result that did not shrink is left out by *mask. */
size_t bri_h5_encode_chunk(const bri_h5_filters *filters, size_t bytes, char *const buffers[3],
                           char **out, uint32_t *mask, struct libdeflate_compressor *deflater);

/* ---- boxes of elements, as byte strides on either side ---- */

typedef struct bri_h5_box {
    int ndim;
    int64_t count[BR_MAX_NDIM];
    int64_t from[BR_MAX_NDIM];
    int64_t to[BR_MAX_NDIM];
} bri_h5_box;

/* Drops axes of extent 1 and joins those that are one run on both sides. */
void bri_h5_box_join(bri_h5_box *box);
void bri_h5_box_copy(const bri_h5_box *box, size_t element, const char *from, char *to);
/* Brings elements that were put at `to` as they are stored to native form. */
void bri_h5_box_fix(const bri_h5_box *box, bri_h5_fix fix, size_t element, char *to);
int64_t bri_h5_box_nelem(const bri_h5_box *box);
/* Bytes between the first byte of the first and the last byte of the last element, axes axis... */
size_t bri_h5_box_span(const bri_h5_box *box, int axis, size_t element);
/* True when a joined box is one run of bytes on both sides. */
bool bri_h5_box_is_run(const bri_h5_box *box, size_t element);

/* ---- the dataset ---- */

typedef struct bri_h5_chunk {
    uint64_t address; /* UINT64_MAX: never written */
    uint32_t bytes;
    uint32_t mask;
} bri_h5_chunk;

#define BRI_H5_HOLE UINT64_MAX

typedef enum bri_h5_kind {
    BRI_H5_CONTIGUOUS,
    BRI_H5_CHUNKED,
    BRI_H5_SLOW,
    BRI_H5_MANY
} bri_h5_kind;

typedef struct bri_h5_parked bri_h5_parked;
typedef struct bri_h5_many bri_h5_many;
typedef struct bri_h5_cache bri_h5_cache;

struct bri_h5_dataset {
    bri_h5_info info;
    int64_t ctime_ns; /* nobody can set it, unlike the time of info */
    bool untrusted;
    bri_h5_packing packing;
    char path_kind[96];
    char *path, *name, *field; /* field "": whole elements */
    int fd;
    bri_h5_kind kind;
    size_t element;               /* bytes that are copied of each stored element, */
    size_t stride, offset;        /* bytes from one to the next, and before the first */
    bri_h5_fix fix;               /* of stored bytes, before they are copied; of the slow kind, */
    bri_h5_fix after;             /* this: of what H5Dread gives */
    bri_h5_fix late;              /* of elements in their place */
    char fill[16];                /* one element, as it is before the late fix */
    uint64_t address;             /* of contiguous data; BRI_H5_HOLE when never written */
    int64_t strides[BR_MAX_NDIM]; /* bytes, of contiguous data or within a chunk */
    size_t chunk_bytes;
    size_t stored_max; /* of all stored chunks, where any are filtered */
    int64_t grid[BR_MAX_NDIM];
    bri_h5_filters filters;
    bri_h5_chunk *chunks; /* bri_h5_chunk_at finds them: those of all places of the grid, or of */
    int64_t *places;      /* these places alone, ascending; NULL: of all */
    size_t nplaces;
    hid_t file, dataset, memory; /* only of the slow kind */
    bri_h5_use use;
    bri_h5_parked *parked;       /* instead of fd, file and dataset */
    bri_h5_many *many;           /* of the kind of that name */
    bri_h5_cache *_Atomic cache; /* of decoded chunks, or NULL; parts have that of the whole */
    bool owns_cache;
};

/* A wanted selection with all steps made positive. */
typedef struct bri_h5_want {
    int64_t start[BR_MAX_NDIM], step[BR_MAX_NDIM], count[BR_MAX_NDIM], stride[BR_MAX_NDIM];
    char *to;
    char *scratch;
    bri_h5_held *held; /* or NULL */
    bool counting;     /* nothing is read, only bytes_read is wanted */
    uint64_t bytes_read;
} bri_h5_want;

/* A dataset with its file opened and nothing read; info has the file's identity. An .npy file has a
 * dataset without a name. */
br_status bri_h5_begin(const char *path, const char *name, bri_h5_dataset **out);
/* What tells one state of a file from another. */
typedef struct bri_h5_identity {
    uint64_t device, inode, bytes;
    int64_t mtime_ns, ctime_ns;
} bri_h5_identity;

/* Opens the dataset names[1], field names[2], of the file names[0]; one that is not trusted must be
 * the file that was expected. */
br_status bri_h5_open_as(const char *const names[3], const bri_h5_identity *expected,
                         bri_h5_dataset **out);

/* ---- hdf5_probe.c ---- */

/* Another process reads what bri_h5_open_probed, or with dataset NULL bri_h5_list, will read;
 * *found is the file that it has read. */
br_status bri_h5_ask_probe(const bri_h5_probe *probe, const char *const names[3],
                           bri_h5_identity *found);
/* From here on the file of d is not trusted; it must be the one that was found, */
br_status bri_h5_distrust(bri_h5_dataset *d, const bri_h5_identity *found);
/* and must still be so when its metadata has been read. The lock is held. */
br_status bri_h5_check_unchanged(const bri_h5_dataset *d);

/* An HDF5 file that this library reads? The error names other formats. */
br_status bri_h5_check_format(const bri_h5_dataset *d);
/* The error of a file that cannot be locked, by errno ENOLCK. */
br_status bri_h5_no_locks(const char *path);
/* Opens its file in HDF5, the lock held; let_go closes what is open of it there. */
br_status bri_h5_begin_metadata(bri_h5_dataset *d);
void bri_h5_let_go(bri_h5_dataset *d);
/* The error of a file that another one took the place of. */
br_status bri_h5_replaced(const char *path);
/* The error of a new file at path; why is an errno. */
br_status bri_h5_cannot_create(const char *path, int why);
/* The name of a new file must be there after a power cut, too. */
void bri_h5_sync_directory(const char *path);

/* A descriptor to read from, until it is given back. */
br_status bri_h5_borrow(const bri_h5_dataset *d, int *fd);
void bri_h5_give_back(const bri_h5_dataset *d);
void bri_h5_unpark(bri_h5_dataset *d);

/* The part that has this index along the axis, which becomes that of the part. */
const bri_h5_dataset *bri_h5_part_at(const bri_h5_dataset *d, int axis, int64_t *index);
/* Part i keeps its decoded chunks where d does. */
void bri_h5_adopt_cache(bri_h5_dataset *d, int i);
void bri_h5_close_many(bri_h5_many *many);
size_t bri_h5_scratch_of_many(const bri_h5_many *many);
br_status bri_h5_part_unchanged(const bri_h5_dataset *d);
br_status bri_h5_read_many(const bri_h5_dataset *d, bri_h5_want *want);

/* Reads a box whose source begins at a file address, without filters. chunk < 0: contiguous data.
 */
br_status bri_h5_read_plain(const bri_h5_dataset *d, bri_h5_box *box, uint64_t address,
                            int64_t chunk, bri_h5_want *want);
br_status bri_h5_read_slow(const bri_h5_dataset *d, bri_h5_want *want);
/* pread of exactly n bytes, with the error of the dataset. */
br_status bri_h5_pread(const bri_h5_dataset *d, void *to, size_t n, uint64_t address,
                       int64_t chunk);
/* "file:dataset" or "file:dataset, chunk (1, 2)" for messages. */
const char *bri_h5_where(const bri_h5_dataset *d, int64_t chunk, char text[BRI_H5_MESSAGE]);
/* The object lies in another file than d's, to which a link leads. Lock held. */
bool bri_h5_is_elsewhere(const bri_h5_dataset *d, hid_t object);
/* The stored chunk at a place of the grid; its address is BRI_H5_HOLE when there is none. */
const bri_h5_chunk *bri_h5_chunk_at(const bri_h5_dataset *d, int64_t index);
/* Reads the index of a grid of so many chunks; raw_edges: overhanging ones have no filters.
 * Datasets of which that takes long become slow ones. Lock held. */
br_status bri_h5_index(bri_h5_dataset *d, hid_t dataset, size_t nchunks, bool raw_edges);
/* H5Dread reads it, and this is why. */
void bri_h5_make_slow(bri_h5_dataset *d, const char *why);
/* Does a file have these bytes? The error when it does not; chunk < 0: of contiguous data. */
bool bri_h5_in_file(const bri_h5_dataset *d, uint64_t address, uint64_t bytes);
br_status bri_h5_outside(const bri_h5_dataset *d, int64_t chunk, uint64_t address, uint64_t bytes);
/* Fills in the layout: kind, filters, chunk index. Lock held. */
br_status bri_h5_layout(bri_h5_dataset *d, hid_t dataset, bool plain);

#endif
