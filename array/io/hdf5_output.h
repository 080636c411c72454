/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_output.h - a file that is written to, and the datasets in it.
 *
 * hdf5_target.c opens and ends the file, hdf5_create.c its datasets, hdf5_put.c fills them.
 */
#ifndef BRI_HDF5_OUTPUT_H
#define BRI_HDF5_OUTPUT_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "array/io/hdf5_internal.h"
#include "runtime/error.h"

typedef struct bri_h5_resume bri_h5_resume;

struct bri_h5_output {
    char *path;
    char *real; /* path, or what it is a symbolic link to */
    bri_h5_mode mode;
    bool fresh;      /* nothing had the name: it may not come up meanwhile */
    bool is_copy;    /* of the file that had the name */
    struct stat of;  /* the file that had it */
    char *temporary; /* where the file is until it is complete; NULL when path itself is written */
    int unnamed;     /* a descriptor of it when it has no name, -1 when it has one; */
    int guard;       /*  then this, which has it locked until it has its final name */
    bri_h5_resume *resume; /* NULL: the file is made in one go */
    uint64_t shared;       /* the mark's id when others write, too; else 0 */
    bri_h5_output *next_shared;
    hid_t file;
    bri_h5_use use;
    bool changes_data;      /* datasets that were there before are changed */
    bri_h5_writer *writers; /* the latest first */
    atomic_bool failing;    /* some put has failed first, */
    br_status why_status;   /*  for this reason, */
    char why[BRI_ERROR_TEXT];
    atomic_bool failed; /*  which is written down: commit must not make the file visible */
};

struct bri_h5_writer {
    bri_h5_writer *next;
    bri_h5_output *output;
    char *name;
    char hidden[48];  /* the name until commit; empty when it has its own already */
    bool replaces;    /* a dataset of this name goes at commit */
    bri_h5_spec spec; /* chunk extents at most those of the array */
    bri_h5_form form;
    hid_t dataset, type;
    unsigned char
        *done; /* bit for each chunk of the array: it is stored; the HDF5 lock guards it */
    size_t done_bytes;
};

/* ---- hdf5_temporary.c; the lock is held for these ---- */

/* Makes the file that is written to instead of o->real; `named`: other hosts must find it. */
br_status bri_h5_temporary(bri_h5_output *o, bool named);
/* The file, once it is made. */
int bri_h5_temporary_file(const bri_h5_output *o);
/* It goes, if it still has its name. */
void bri_h5_remove_temporary(bri_h5_output *o);
/* The same, without a name after all. */
br_status bri_h5_unname_temporary(bri_h5_output *o);
/* The same, as a copy of o->real, if there is room for one. */
br_status bri_h5_copy_file(bri_h5_output *o, bool named);
/* Gives the complete file its name. */
br_status bri_h5_reveal(bri_h5_output *o);

/* ---- hdf5_entries.c; the lock is held for these ---- */

/* Lets others write into the new file, which is empty. What HDF5 is to know of it is said in
 * `access`, and by bri_h5_share_next until it is open. */
br_status bri_h5_share_file(bri_h5_output *o, bri_h5_meeting *meeting, hid_t access);
/* The same of a file that has something, in two steps: before HDF5 opens it, and after that, when
 * its lock keeps other programs away. */
br_status bri_h5_share_next_file(const bri_h5_meeting *meeting, hid_t access);
br_status bri_h5_share_open_file(bri_h5_output *o, bri_h5_meeting *meeting);
void bri_h5_unshare_file(bri_h5_output *o);

/* ---- hdf5_put.c: what all kinds of puts begin and end with ---- */

br_status bri_h5_check_writer(const bri_h5_writer *w);
/* Nothing more is to be written; the last error says why. */
void bri_h5_output_failed(bri_h5_output *o, br_status status);
br_status bri_h5_put_ended(bri_h5_writer *w, br_status status, uint64_t bytes,
                           uint64_t *bytes_written);
/* The error; the lock is held. */
br_status bri_h5_write_failed(const bri_h5_writer *w);

/* ---- hdf5_create.c ---- */

/* Datasets get their names, at commit; those that they replace go. The lock is held. */
br_status bri_h5_name_datasets(bri_h5_output *o);
void bri_h5_close_datasets(bri_h5_output *o);

/* A list for links that makes the groups on their way. */
hid_t bri_h5_link_list(void);

/* ---- hdf5_notes.c: attributes; the lock is held for all of the following ---- */

enum { BRI_H5_MAX_NAME = 1024 };

bool bri_h5_is_reserved(const char *attribute);
/* In place of one that exists. */
bool bri_h5_write_note(hid_t object, const char *name, hid_t type, hid_t space, const void *value);
bool bri_h5_write_text(hid_t object, const char *name, const char *text);
/* Sets the fill value that the attributes give. */
br_status bri_h5_set_fill(const bri_h5_writer *w, hid_t creation);
br_status bri_h5_check_attributes(const br_store_attribute *list, const char *dataset);
br_status bri_h5_write_attributes(const bri_h5_writer *w);

/* ---- hdf5_dims.c ---- */

br_status bri_h5_check_dims(const bri_h5_spec *spec, const char *dataset);
br_status bri_h5_write_dims(const bri_h5_writer *w);
/* Makes a dataset of one axis a dimension, if it is none. */
bool bri_h5_make_scale(hid_t dataset, const char *name);
/* Does a dimension have coordinates? */
bool bri_h5_is_coordinate(hid_t scale);
/* Does the name stand for a dimension of this extent at the place of the dataset? full becomes the
 * dimension's whole name, or what it would be. */
bool bri_h5_has_scale(const bri_h5_writer *w, const char *dim, int64_t extent,
                      char full[BRI_H5_MAX_NAME]);
/* The scale of an axis, which the caller closes; -1 when it has none. */
hid_t bri_h5_scale_at(hid_t dataset, int axis);
/* Axis a of the dataset has scale[a]. */
bool bri_h5_attach(hid_t dataset, int ndim, const hid_t *scale);

/* ---- hdf5_like.c ---- */

/* What spec.like_path:like_dataset has. */
br_status bri_h5_write_like(const bri_h5_writer *w);

/* ---- hdf5_resume.c ---- */

/* Finds what was made of the file before, and sets its temporary name. */
br_status bri_h5_resume_open(bri_h5_output *o, const uint64_t fingerprint[2]);
/* There is something that was made before. */
bool bri_h5_goes_on(const bri_h5_output *o);
/* Others may write elements of the file beside HDF5: if it is written in steps, they share no page
 * with what is kept back, as it was made over several ranks. */
bool bri_h5_is_apart(const bri_h5_output *o);
/* From now on, what is stored survives the process. */
br_status bri_h5_checkpoint(bri_h5_output *o);
/* The last one, of a file that will have this modification time when it gets its name; 0: nobody
 * knows. */
br_status bri_h5_last_checkpoint(bri_h5_output *o, int64_t mtime_ns);
/* The store has failed: what it has made is kept. */
void bri_h5_resume_keep(bri_h5_output *o);
/* Removes what is of no use any more. */
void bri_h5_resume_end(bri_h5_output *o, bool complete);
void bri_h5_resume_free(bri_h5_resume *r);

#endif
