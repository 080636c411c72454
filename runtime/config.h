/* SPDX-License-Identifier: BSD-3-Clause
 * config.h - the BRAMBLE_* settings, read once by br_open from the table of config.def.
 */
#ifndef BRI_CONFIG_H
#define BRI_CONFIG_H

#include <bramble/base.h>

enum { BRI_CONFIG_TEXT = 128, BRI_CONFIG_PATH = 1024 };

/* One field a row: text, path and choice keep the text, numbers are parsed. bytes: as written,
 * percent resolved later. */
typedef struct bri_bytes_setting {
    uint64_t bytes; /* 0 when a share is given */
    double share;   /* of the host's memory, 0..1 */
} bri_bytes_setting;

typedef char bri_config_text[BRI_CONFIG_TEXT];
typedef bri_config_text bri_config_choice;
typedef char bri_config_path[BRI_CONFIG_PATH];
typedef int64_t bri_config_count;
typedef bri_bytes_setting bri_config_bytes;
typedef bool bri_config_flag;
typedef double bri_config_seconds;

typedef struct bri_config {
#define BRI_CONFIG(NAME, field, type, ...) bri_config_##type field;
#include "runtime/config.def"
#undef BRI_CONFIG
} bri_config;

/* Reads the environment. BR_ECONFIG for a bad value or an unknown BRAMBLE_ name, with the choices
 * (near names first). */
br_status bri_config_read(bri_config *config);

/* Prints the table: name, default, choices, meaning; what BRAMBLE_HELP=1 shows. */
void bri_config_print(FILE *to);

/* Texts "NAME=value\n..." of the settings of scope 'g' that are set here, for the other ranks;
 * returns its length. */
size_t bri_config_export(char *buffer, size_t size);

/* On a rank above 0: takes rank 0's exported settings into this process's environment, then reads
 * them all. */
br_status bri_config_import(const char *exported, bri_config *config);

#endif
