/* SPDX-License-Identifier: BSD-3-Clause
 * test_config.c - the BRAMBLE_* settings: values, mistakes, the printed table, the way to other
 * ranks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/config.h"
#include "runtime/error.h"
#include "tests/suite.h"

static bri_config config;

/* Whatever the tests are run with is none of theirs. */
static void clear_settings(void)
{
    for (char **entry = environ; *entry != NULL;) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(name, "BRAMBLE_", 8) == 0)
            unsetenv(name);
        else
            entry++;
    }
}

static void read_with(const char *name, const char *value)
{
    clear_settings();
    setenv(name, value, 1);
    ck_assert_msg(bri_config_read(&config) == BR_OK, "%s=%s: %s", name, value, bri_last_error());
}

static void refuse(const char *name, const char *value, const char *part)
{
    clear_settings();
    setenv(name, value, 1);
    ck_assert_msg(bri_config_read(&config) == BR_ECONFIG, "%s=%s", name, value);
    ck_assert_msg(strstr(bri_last_error(), part) != NULL, "%s", bri_last_error());
    ck_assert_msg(strstr(bri_last_error(), name) != NULL, "%s", bri_last_error());
}

START_TEST(defaults)
{
    clear_settings();
    ck_assert_int_eq(bri_config_read(&config), BR_OK);
    ck_assert_str_eq(config.scheduler, "");
    ck_assert_int_eq(config.num_threads, 0);
    ck_assert_double_eq(config.memory_limit.share, 0.7);
    ck_assert_uint_eq(config.memory_limit.bytes, 0);
    ck_assert_str_eq(config.log, "warning");
    ck_assert_double_eq(config.peer_timeout, 30);
    ck_assert(!config.help);
}
END_TEST

START_TEST(values)
{
    read_with("BRAMBLE_SCHEDULER", "sync");
    ck_assert_str_eq(config.scheduler, "sync");
    read_with("BRAMBLE_SCHEDULER", "");
    ck_assert_str_eq(config.scheduler, "");
    read_with("BRAMBLE_NUM_THREADS", "12");
    ck_assert_int_eq(config.num_threads, 12);
    read_with("BRAMBLE_HELP", "1");
    ck_assert(config.help);
    read_with("BRAMBLE_PEER_TIMEOUT", "0.5");
    ck_assert_double_eq(config.peer_timeout, 0.5);
    read_with("BRAMBLE_PROBE", "/usr/libexec/bramble/bramble-probe");
    ck_assert_str_eq(config.probe, "/usr/libexec/bramble/bramble-probe");
    read_with("BRAMBLE_ISA", "v3");
    ck_assert_str_eq(config.isa, "v3");
}
END_TEST

static const struct {
    const char *text;
    uint64_t bytes;
    double share;
} sizes[] = {
    {"1000", 1000, 0},
    {"1000B", 1000, 0},
    {"3K", 3 << 10, 0},
    {"512M", 512u << 20, 0},
    {"512MB", 512u << 20, 0},
    {"512MiB", 512u << 20, 0},
    {"2GiB", (uint64_t)2 << 30, 0},
    {"1.5G", (uint64_t)3 << 29, 0},
    {"1T", (uint64_t)1 << 40, 0},
    {"50%", 0, 0.5},
    {"100%", 0, 1},
    {"0.5%", 0, 0.005},
};

START_TEST(bytes)
{
    read_with("BRAMBLE_MEMORY_LIMIT", sizes[_i].text);
    ck_assert_uint_eq(config.memory_limit.bytes, sizes[_i].bytes);
    ck_assert_double_eq(config.memory_limit.share, sizes[_i].share);
}
END_TEST

START_TEST(bad_values)
{
    static const char *const bad_bytes[] = {"0",    "-1",  "x",    "5X",   "5iB", "5 M",
                                            "101%", "-5%", "1e30", "nan%", "%",   "5MM"};
    for (size_t i = 0; i < sizeof bad_bytes / sizeof bad_bytes[0]; i++)
        refuse("BRAMBLE_MEMORY_LIMIT", bad_bytes[i], bad_bytes[i]);
    refuse("BRAMBLE_MEMORY_LIMIT", "12Q", "512M, 2GiB or 50%");
    refuse("BRAMBLE_SCHEDULER", "thread", "one of sync,threads,mpi");
    refuse("BRAMBLE_SCHEDULER", "sync,threads", "one of");
    refuse("BRAMBLE_NUM_THREADS", "two", "an integer");
    refuse("BRAMBLE_NUM_THREADS", "-1", "an integer");
    refuse("BRAMBLE_NUM_THREADS", "2.5", "an integer");
    refuse("BRAMBLE_NUM_THREADS", "99999999999999999999", "an integer");
    refuse("BRAMBLE_HELP", "yes", "0 or 1");
    refuse("BRAMBLE_PEER_TIMEOUT", "0", "seconds");
    char text[BRI_CONFIG_TEXT + 1];
    memset(text, 'x', sizeof text - 1);
    text[BRI_CONFIG_TEXT] = '\0';
    refuse("BRAMBLE_ISA", text, "shorter");
    char path[BRI_CONFIG_PATH + 1];
    memset(path, 'x', sizeof path - 1);
    path[BRI_CONFIG_PATH] = '\0';
    refuse("BRAMBLE_PROBE", path, "shorter");
}
END_TEST

START_TEST(unknown_names)
{
    refuse("BRAMBLE_NUM_THREAD", "2", "did you mean BRAMBLE_NUM_THREADS?");
    ck_assert_str_eq(bri_last_error(), "BRAMBLE_NUM_THREAD: no such setting; did you mean "
                                       "BRAMBLE_NUM_THREADS? BRAMBLE_HELP=1 lists them");
    refuse("BRAMBLE_MEMORY", "2", "no such setting");
    refuse("BRAMBLE_SHEDULER", "sync", "BRAMBLE_SCHEDULER?");
    refuse("BRAMBLE_XYZZY", "1", "no such setting; BRAMBLE_HELP=1 lists them");
    refuse("BRAMBLE_", "1", "no such setting");
}
END_TEST

START_TEST(table)
{
    static const char *const names[] = {
#define BRI_CONFIG(NAME, ...) "BRAMBLE_" #NAME,
#include "runtime/config.def"
#undef BRI_CONFIG
    };
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    bri_config_print(f);
    fclose(f);
    char *rest = text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        char fallback[64];
        char choices[64];
        char *line = strsep(&rest, "\n");
        ck_assert_int_eq(sscanf(line, "%63s %63s %63s", name, fallback, choices), 3);
        ck_assert_str_eq(name, names[i]);
    }
    ck_assert_str_eq(rest, "");
    ck_assert_ptr_nonnull(strstr(text, "  sync,threads,mpi  "));
    free(text);
}
END_TEST

START_TEST(other_ranks_take_global_settings)
{
    char text[512];
    clear_settings();
    setenv("BRAMBLE_LOG", "info", 1);
    setenv("BRAMBLE_NUM_THREADS", "3", 1);
    setenv("BRAMBLE_PEER_TIMEOUT", "7", 1);
    size_t length = bri_config_export(text, sizeof text);
    ck_assert_str_eq(text, "BRAMBLE_LOG=info\nBRAMBLE_PEER_TIMEOUT=7\n");
    ck_assert_uint_eq(length, strlen(text));
    char little[4];
    ck_assert_uint_eq(bri_config_export(little, sizeof little), length);
    ck_assert_uint_eq(bri_config_export(NULL, 0), length);

    clear_settings();
    setenv("BRAMBLE_LOG", "debug", 1);
    setenv("BRAMBLE_ISA", "v2", 1);
    setenv("BRAMBLE_NUM_THREADS", "8", 1);
    ck_assert_int_eq(bri_config_import(text, &config), BR_OK);
    ck_assert_str_eq(config.log, "info");
    ck_assert_double_eq(config.peer_timeout, 7);
    ck_assert_str_eq(config.isa, "");
    ck_assert_int_eq(config.num_threads, 8);
    ck_assert_int_eq(bri_config_import("BRAMBLE_LOG=loud\n", &config), BR_ECONFIG);
    ck_assert_int_eq(bri_config_import("", &config), BR_OK);
    ck_assert_str_eq(config.log, "warning");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("config");
    tcase_add_test(tests, defaults);
    tcase_add_test(tests, values);
    tcase_add_loop_test(tests, bytes, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tests, bad_values);
    tcase_add_test(tests, unknown_names);
    tcase_add_test(tests, table);
    tcase_add_test(tests, other_ranks_take_global_settings);
    return run_case("config", tests);
}
