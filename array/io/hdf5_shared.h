/* SPDX-License-Identifier: BSD-3-Clause
 * hdf5_shared.h - a file that several processes write: one has it open in HDF5, the others write
 * stored chunks where it says.
 *
 * Whether they see the same file is tried, never guessed: the one writes a mark that nobody can
 * know, each other one reads it and writes an answer of its own, which the one must find.
 */
#ifndef BRI_HDF5_SHARED_H
#define BRI_HDF5_SHARED_H

#include "array/io/hdf5_form.h"

/* Begins with what joins; the path follows. */
typedef struct bri_h5_mark {
    uint64_t id; /* of the file, for as long as it is written */
    uint64_t secret[2];
    uint64_t base; /* where the answers are: behind all that the file has */
} bri_h5_mark;

/* Where a process answers, by its number from 0, that of the one that asks. */
enum { BRI_H5_MARK_STEP = 64 << 10 };

/* ---- the process that has the file in HDF5 ---- */

/* A mark behind the end of a file, which is to be cut to its length when all have answered. An
 * errno. */
int bri_h5_mark_file(int fd, bri_h5_mark *mark);
/* Has the process with this number answered in the file at the path? */
bool bri_h5_has_answer(const char *path, const bri_h5_mark *mark, int number);
/* The path by which other processes find a file: of this host, when it has no name. */
br_status bri_h5_path_for_others(const char *path, char *out, size_t size);

struct bri_h5_meeting;
/* All of it for the file at `path`, open as `file`, which nobody changes meanwhile: it has its
 * length again at the end. *id becomes that of the mark when others have joined, and this process
 * with them; else 0. Messages call the file `name`. BR_EIO, also when another file took its place;
 * or what the meeting returns. */
br_status bri_h5_meet(int file, const char *path, const char *name, struct bri_h5_meeting *meeting,
                      uint64_t *id, uint64_t *align);

/* ---- the others; any thread ---- */

/* Opens the file at `path` to write chunks into it; messages call it `name`. An errno, 0 when this
 * process has answered. */
int bri_h5_join_file(const bri_h5_mark *mark, int number, const char *path, const char *name);
/* Writes bytes at an address of the file. BR_EIO. */
br_status bri_h5_write_joined(uint64_t id, const void *bytes, size_t n, uint64_t address);
/* What was written there is on the disk. BR_EIO. */
br_status bri_h5_sync_joined(uint64_t id);
/* Closes the file, if it is open here; after `sync` what was written is on the disk. An answer in a
 * copy stays there: on a network file system nobody here knows a copy from the file for certain, as
 * the file's own answer and length may be remembered, and to cut that loses what others wrote.
 * BR_EIO. */
br_status bri_h5_leave_file(uint64_t id, bool sync);

#endif
