/* SPDX-License-Identifier: BSD-3-Clause
 * config.c - reads, prints and hands on the BRAMBLE_* settings; every list here expands config.def.
 */
#include "runtime/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"

#define PREFIX "BRAMBLE_"

enum { PREFIX_LENGTH = sizeof PREFIX - 1, LONGEST_NAME = 64 };

typedef struct setting {
    const char *variable; /* with the prefix */
    size_t offset;        /* of its field in bri_config */
    br_status (*parse)(const struct setting *setting, const char *value, void *field);
    const char *form; /* what a value looks like, where choices don't say it */
    const char *fallback;
    const char *choices;
    char scope;
    const char *meaning;
} setting;

static const char form_text[] = "TEXT";
static const char form_choice[] = "";
static const char form_path[] = "PATH";
static const char form_count[] = "N";
static const char form_bytes[] = "512M,2GiB,50%";
static const char form_flag[] = "0,1";
static const char form_seconds[] = "SECONDS";

/* ---- values ---- */

static br_status bad_value(const setting *s, const char *value, const char *expected)
{
    return bri_error(BR_ECONFIG, "%s=%.200s: expected %s; BRAMBLE_HELP=1 lists the settings",
                     s->variable, value, expected);
}

static br_status parse_text(const setting *s, const char *value, void *field)
{
    if (strlen(value) >= BRI_CONFIG_TEXT)
        return bad_value(s, value, "a shorter text");
    strcpy(field, value);
    return BR_OK;
}

static br_status parse_path(const setting *s, const char *value, void *field)
{
    if (strlen(value) >= BRI_CONFIG_PATH)
        return bad_value(s, value, "a shorter path");
    strcpy(field, value);
    return BR_OK;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *c = choices; *c != '\0';) {
        size_t length = strcspn(c, ",");
        if (length == n && strncmp(c, value, n) == 0)
            return true;
        c += length + (c[length] == ',');
    }
    return false;
}

static br_status parse_choice(const setting *s, const char *value, void *field)
{
    char expected[2 * BRI_CONFIG_TEXT];
    snprintf(expected, sizeof expected, "one of %s", s->choices);
    if (value[0] != '\0' && !is_choice(s->choices, value))
        return bad_value(s, value, expected);
    return parse_text(s, value, field);
}

static br_status parse_count(const setting *s, const char *value, void *field)
{
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || n < 0)
        return bad_value(s, value, "an integer of 0 or more");
    *(bri_config_count *)field = n;
    return BR_OK;
}

static br_status parse_flag(const setting *s, const char *value, void *field)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return bad_value(s, value, "0 or 1");
    *(bri_config_flag *)field = value[0] == '1';
    return BR_OK;
}

static const double FOREVER = 1e9; /* s: clocks count ns, in 63 bits */

static br_status parse_seconds(const setting *s, const char *value, void *field)
{
    char *end;
    double t = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(t) || t <= 0)
        return bad_value(s, value, "a number of seconds above 0");
    *(bri_config_seconds *)field = t < FOREVER ? t : FOREVER;
    return BR_OK;
}

/* The factor of "", "K", "M", "G", "T", each also with B or iB: all are powers of 1024. 0 for
 * anything else. */
static double bytes_unit(const char *text)
{
    static const char letters[] = "KMGT";
    double factor = 1;
    const char *letter = *text != '\0' ? strchr(letters, *text) : NULL;
    if (letter != NULL) {
        factor = ldexp(1, 10 * (int)(letter - letters + 1));
        text++;
    }
    bool known = *text == '\0' || strcmp(text, "B") == 0 || (letter && strcmp(text, "iB") == 0);
    return known ? factor : 0;
}

static br_status parse_bytes(const setting *s, const char *value, void *field)
{
    static const char expected[] = "a number of bytes, such as 512M, 2GiB or 50%";
    bri_config_bytes *out = field;
    char *end;
    double number = strtod(value, &end);
    if (end == value || !isfinite(number) || number <= 0)
        return bad_value(s, value, expected);
    if (strcmp(end, "%") == 0) {
        if (number > 100)
            return bad_value(s, value, "at most 100%");
        *out = (bri_config_bytes){.share = number / 100};
        return BR_OK;
    }
    double bytes = number * bytes_unit(end);
    if (bytes < 1 || bytes >= ldexp(1, 63))
        return bad_value(s, value, expected);
    *out = (bri_config_bytes){.bytes = (uint64_t)bytes};
    return BR_OK;
}

// clang-format off
static const setting settings[] = {
#define BRI_CONFIG(NAME, field, type, fallback, choices, scope, meaning)  \
    {PREFIX #NAME, offsetof(bri_config, field), parse_##type, form_##type, fallback, choices, \
     scope, meaning},
#include "runtime/config.def"
#undef BRI_CONFIG
};
// clang-format on

enum { NSETTINGS = sizeof settings / sizeof settings[0] };

/* ---- unknown names ---- */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance of two texts; long ones are far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a);
    size_t nb = strlen(b);
    size_t row[LONGEST_NAME + 1];
    if (na > LONGEST_NAME || nb > LONGEST_NAME)
        return LONGEST_NAME;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

static const setting *nearest(const char *name)
{
    const setting *best = &settings[0];
    for (int i = 1; i < NSETTINGS; i++)
        if (distance(name, settings[i].variable) < distance(name, best->variable))
            best = &settings[i];
    return best;
}

static br_status unknown_name(const char *name)
{
    const setting *near = nearest(name);
    if (distance(name, near->variable) > strlen(name + PREFIX_LENGTH) / 2)
        return bri_error(BR_ECONFIG, "%s: no such setting; BRAMBLE_HELP=1 lists them", name);
    return bri_error(BR_ECONFIG, "%s: no such setting; did you mean %s? BRAMBLE_HELP=1 lists them",
                     name, near->variable);
}

static br_status check_name(const char *entry)
{
    char name[LONGEST_NAME + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(entry, "="), entry);
    for (int i = 0; i < NSETTINGS; i++)
        if (strcmp(name, settings[i].variable) == 0)
            return BR_OK;
    return unknown_name(name);
}

static br_status check_names(void)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, PREFIX, PREFIX_LENGTH) == 0)
            BRI_TRY(check_name(*entry));
    return BR_OK;
}

/* ---- reading and printing ---- */

/* A variable that is set to nothing counts as not set. */
static const char *value_of(const setting *s)
{
    const char *value = getenv(s->variable);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

br_status bri_config_read(bri_config *config)
{
    memset(config, 0, sizeof *config);
    for (int i = 0; i < NSETTINGS; i++) {
        const setting *s = &settings[i];
        BRI_TRY(s->parse(s, s->fallback, (char *)config + s->offset));
    }
    BRI_TRY(check_names());
    for (int i = 0; i < NSETTINGS; i++) {
        const setting *s = &settings[i];
        const char *value = value_of(s);
        if (value != NULL)
            BRI_TRY(s->parse(s, value, (char *)config + s->offset));
    }
    return BR_OK;
}

void bri_config_print(FILE *to)
{
    for (int i = 0; i < NSETTINGS; i++) {
        const setting *s = &settings[i];
        fprintf(to, "%-21s  %-8s  %-24s  %s\n", s->variable, s->fallback[0] ? s->fallback : "-",
                s->choices[0] ? s->choices : s->form, s->meaning);
    }
}

/* ---- handing on to other ranks ---- */

size_t bri_config_export(char *buffer, size_t size)
{
    size_t length = 0;
    if (size > 0)
        buffer[0] = '\0';
    for (int i = 0; i < NSETTINGS; i++) {
        const char *value = settings[i].scope == 'g' ? value_of(&settings[i]) : NULL;
        if (value != NULL)
            length += (size_t)snprintf(length < size ? buffer + length : NULL,
                                       length < size ? size - length : 0, "%s=%s\n",
                                       settings[i].variable, value);
    }
    return length;
}

/* The value of a setting in an exported text, NULL when it is not in there. */
static const char *find_exported(const char *exported, const setting *s, size_t *length)
{
    size_t n = strlen(s->variable);
    for (const char *line = exported; *line != '\0';) {
        size_t line_length = strcspn(line, "\n");
        if (strncmp(line, s->variable, n) == 0 && line[n] == '=') {
            *length = line_length - n - 1;
            return line + n + 1;
        }
        line += line_length + (line[line_length] == '\n');
    }
    return NULL;
}

static br_status import_one(const setting *s, const char *exported)
{
    char value[BRI_CONFIG_PATH];
    size_t length;
    const char *text = find_exported(exported, s, &length);
    if (text == NULL) {
        unsetenv(s->variable);
        return BR_OK;
    }
    snprintf(value, sizeof value, "%.*s", (int)length, text);
    return setenv(s->variable, value, 1) == 0 ? BR_OK : bri_no_memory(length, "a setting");
}

br_status bri_config_import(const char *exported, bri_config *config)
{
    for (int i = 0; i < NSETTINGS; i++)
        if (settings[i].scope == 'g')
            BRI_TRY(import_one(&settings[i], exported));
    return bri_config_read(config);
}
