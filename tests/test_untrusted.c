/* SPDX-License-Identifier: BSD-3-Clause
 * test_untrusted.c - .untrusted files: read as others are, and what is said when the probe fails in
 * every way. Programs that stand for bramble-probe are shell scripts.
 */
#include <bramble/bramble.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/hdf5_samples.h"

static br_context *ctx;

static void open_context(void)
{
    make_folder();
    unsetenv("BRAMBLE_PROBE");
    ctx = br_open(NULL, NULL);
}

static void close_context(void)
{
    br_clear_error(ctx);
    ck_assert_int_eq(br_close(ctx), BR_OK);
    remove_folder();
}

/* Contexts read the settings when they are opened. */
static void setting(const char *name, const char *text)
{
    ck_assert_int_eq(br_close(ctx), BR_OK);
    setenv(name, text, 1);
    ctx = br_open(NULL, NULL);
    ck_assert_msg(br_error_status(ctx) == BR_OK, "%s", br_message(ctx));
}

static void set_probe(const char *script)
{
    char text[1000];
    const char *path = in_folder("probe");
    remove(path);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    spoil(path, text, strlen(text), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
    setting("BRAMBLE_PROBE", path);
}

/* The program that is built with this test. */
static const char *real_probe(void)
{
    static char path[400];
    const char *build = getenv("TEST_BUILD_DIR");
    snprintf(path, sizeof path, "%s/tools/bramble-probe", build != NULL ? build : "..");
    return path;
}

static void expect_failure(br_array *x, br_status status, const char *text)
{
    ck_assert_msg(br_status_of(x) == status, "%d: %s", br_status_of(x), br_error(x));
    ck_assert_msg(strstr(br_error(x), text) != NULL, "\"%s\" lacks \"%s\"", br_error(x), text);
    ck_assert_msg(strstr(br_error(x), "untrusted.c:") != NULL, "%s", br_error(x));
}

static void refuse(br_status status, const char *text)
{
    const char *path = in_folder("in.h5");
    br_file *file = NULL;
    expect_failure(br_from_hdf5(ctx, path, "g/x", .untrusted = true), status, text);
    expect_failure(br_from_hdf5_many(ctx, path, "g/x", 0, .untrusted = true), status, text);
    ck_assert_int_eq(br_open_file(ctx, path, &file, .untrusted = true), status);
    ck_assert_ptr_null(file);
    ck_assert_msg(strstr(br_message(ctx), text) != NULL || strstr(br_message(ctx), "g/x") != NULL,
                  "%s", br_message(ctx));
    br_clear_error(ctx);
}

static void make_plain(void)
{
    make_file(in_folder("in.h5"), &plain);
}

/* ---- files that are good ---- */

static const layout kinds[] = {
    {"deflated", &H5T_IEEE_F32LE_g, BR_FLOAT32, "sd", "", 0, 2, {50, 60}, {16, 16}},
    {"contiguous", &H5T_STD_I32BE_g, BR_INT32, "", "", 0, 2, {20, 30}, {0}},
    {"compact", &H5T_STD_I32LE_g, BR_INT32, "", "", COMPACT, 2, {20, 30}, {0}},
    {"converted", &int12, BR_INT16, "n", "", 0, 2, {50, 60}, {16, 16}},
    {"holes", &H5T_STD_I32LE_g, BR_INT32, "d", "", HOLES, 2, {50, 60}, {16, 16}},
    {"scalar", &H5T_IEEE_F64LE_g, BR_FLOAT64, "", "", 0, 0, {0}, {0}},
    {"empty", &H5T_IEEE_F64LE_g, BR_FLOAT64, "", "", COMPACT, 2, {0, 5}, {0}},
};

static void *elements(br_array *x)
{
    size_t bytes = br_nbytes(x);
    void *to = malloc(bytes + 1);
    ck_assert_msg(br_compute(x, to, bytes) == BR_OK, "%s", br_message(ctx));
    return to;
}

static void check_same(br_array *x, br_array *y)
{
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    void *a = elements(x), *b = elements(y);
    ck_assert_uint_eq(br_nbytes(x), br_nbytes(y));
    ck_assert_int_eq(memcmp(a, b, br_nbytes(x)), 0);
    free(a), free(b);
}

START_TEST(reads_what_is_good)
{
    const char *path = in_folder("in.h5");
    make_types();
    make_file(path, &kinds[_i]);
    check_same(br_from_hdf5(ctx, path, "g/x", .untrusted = true), br_from_hdf5(ctx, path, "g/x"));
    if (kinds[_i].ndim > 0)
        check_same(br_from_hdf5_many(ctx, NULL, "g/x", 0, .untrusted = true, .npaths = 2,
                                     .paths = (const char *const[]){path, path}),
                   br_from_hdf5_many(ctx, NULL, "g/x", 0, .npaths = 2,
                                     .paths = (const char *const[]){path, path}));
}
END_TEST

START_TEST(lists_what_is_good)
{
    br_file *file;
    make_plain();
    ck_assert_int_eq(br_open_file(ctx, in_folder("in.h5"), &file, .untrusted = true), BR_OK);
    ck_assert_ptr_nonnull(br_file_find(file, "g/x"));
    br_close_file(file);
}
END_TEST

/* What opening says of itself comes by way of the probe. */
START_TEST(names_what_is_wrong)
{
    make_plain();
    const char *path = in_folder("in.h5");
    expect_failure(br_from_hdf5(ctx, path, "g/y", .untrusted = true), BR_ENOTFOUND, "has: g/x");
    expect_failure(br_from_hdf5(ctx, path, "g", .untrusted = true), BR_ENOTFOUND, "is a group");
    expect_failure(br_from_hdf5(ctx, folder, "g/x", .untrusted = true), BR_EIO, "is a directory");
    expect_failure(br_from_hdf5(ctx, in_folder("none"), "x", .untrusted = true), BR_ENOTFOUND,
                   "No such file");
    expect_failure(br_from_hdf5(ctx, in_folder("a\nb"), "x", .untrusted = true), BR_ENOTFOUND,
                   "a?b: No such file");
}
END_TEST

/* ---- probes that fail ---- */

#define ANSWER(text) "echo bramble-probe " BR_VERSION_TEXT ": " text

static const struct {
    const char *script;
    br_status status;
    const char *text;
} failing[] = {
    {"kill -SEGV $$", BR_EFORMAT, "crashed the probe (Segmentation fault)"},
    {"kill -ABRT $$", BR_EFORMAT, "in.h5: not opened: reading its metadata crashed"},
    {"kill -XCPU $$", BR_EFORMAT, "took the probe more than 0.5 s (BRAMBLE_PROBE_TIMEOUT)"},
    {"exec sleep 60", BR_EFORMAT, "took the probe more than 0.5 s (BRAMBLE_PROBE_TIMEOUT)"},
    {"exec >&- 2>&-; sleep 60", BR_EFORMAT, "took the probe more than 0.5 s"},
    {"while :; do echo more; done", BR_EFORMAT, "took the probe more than 0.5 s"},
    {ANSWER("error 7 no memory"), BR_EFORMAT, "more than 2048 MiB"},
    {"echo bramble-probe 0.0.1: ok 1 2 3 4 5", BR_ECONFIG, "of another version"},
    {ANSWER("ok 1 2 3 4 5"), BR_EIO, "was changed while it was opened"},
    {ANSWER("ok 1 2"), BR_EIO, "the probe failed"},
    {ANSWER("error 0 none"), BR_EIO, "the probe failed"},
    {ANSWER("error 999 none"), BR_EIO, "the probe failed"},
    {"printf 'bramble-probe " BR_VERSION_TEXT ": error 9 cut o'", BR_EIO, "the probe failed"},
    {"echo libhdf5.so: cannot open shared object; exit 127", BR_EIO, "cannot open shared object"},
    {"exit 3", BR_EIO, "it did not say why"},
    {"exit 0", BR_EIO, "it did not say why"},
};

START_TEST(says_how_the_probe_failed)
{
    /* Where nothing hangs, a busy machine has time. */
    bool hangs = strstr(failing[_i].text, "more than 0.5 s") != NULL;
    setenv("BRAMBLE_PROBE_TIMEOUT", hangs ? "0.5" : "20", 1);
    set_probe(failing[_i].script);
    make_plain();
    refuse(failing[_i].status, failing[_i].text);
}
END_TEST

START_TEST(needs_a_probe)
{
    make_plain();
    setting("BRAMBLE_PROBE", in_folder("nothing"));
    refuse(BR_ENOTFOUND, "BRAMBLE_PROBE=");
    setting("BRAMBLE_PROBE", in_folder("in.h5"));
    refuse(BR_ENOTFOUND, "not a program");
    check_same(br_from_hdf5(ctx, in_folder("in.h5"), "g/x"),
               br_from_hdf5(ctx, in_folder("in.h5"), "g/x"));
}
END_TEST

/* The real one, with something done after it and before the file is opened here. */
static void set_probe_and_then(const char *what)
{
    char script[900];
    snprintf(script, sizeof script, "%s \"$@\"; code=$?\ncd %s && { %s; } >/dev/null\nexit $code",
             real_probe(), folder, what);
    set_probe(script);
}

START_TEST(notices_what_changes_meanwhile)
{
    static const char *const changes[] = {
        "touch in.h5",
        "cp in.h5 other && mv other in.h5",
        "printf x >>in.h5",
        "chmod 640 in.h5",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        make_plain();
        set_probe_and_then(changes[i]);
        refuse(BR_EIO, "was changed while it was opened");
    }
    make_plain();
    set_probe_and_then("rm in.h5");
    expect_failure(br_from_hdf5(ctx, in_folder("in.h5"), "g/x", .untrusted = true), BR_ENOTFOUND,
                   "No such file");
}
END_TEST

/* The shell has some of its own. */
START_TEST(gives_the_probe_no_descriptors)
{
    make_plain();
    set_probe_and_then("ls -l /proc/self/fd | grep -c in.h5 >held; ls /proc/$$/fd | wc -l >all");
    int fd[20], held = -1, all = -1;
    for (int i = 0; i < 20; i++)
        fd[i] = open(in_folder("in.h5"), O_RDONLY);
    br_array *x = br_from_hdf5(ctx, in_folder("in.h5"), "g/x", .untrusted = true);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    for (int i = 0; i < 20; i++)
        close(fd[i]);
    FILE *f = fopen(in_folder("held"), "r"), *g = fopen(in_folder("all"), "r");
    ck_assert_int_eq(fscanf(f, "%d", &held), 1);
    ck_assert_int_eq(fscanf(g, "%d", &all), 1);
    fclose(f), fclose(g);
    ck_assert_int_eq(held, 0);
    ck_assert_int_lt(all, 12);
}
END_TEST

/* Who ignores SIGCHLD leaves nothing to wait for; and blocked signals are not inherited. */
START_TEST(minds_the_program_around)
{
    sigset_t all;
    make_plain();
    signal(SIGCHLD, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    br_array *x = br_from_hdf5(ctx, in_folder("in.h5"), "g/x", .untrusted = true);
    ck_assert_msg(br_status_of(x) == BR_OK, "%s", br_error(x));
    setenv("BRAMBLE_PROBE_TIMEOUT", "0.5", 1);
    set_probe("exec sleep 60");
    refuse(BR_EFORMAT, "took the probe more than");
    signal(SIGCHLD, SIG_DFL);
}
END_TEST

/* ---- other files ---- */

static void make_links(void)
{
    hsize_t shape[] = {50, 60};
    make_file(in_folder("other.h5"), &plain);
    hid_t file = H5Fcreate(in_folder("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    hid_t zeros =
        H5Dcreate2(file, "zeros", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    double *x = calloc(3000, sizeof *x);
    H5Dwrite(zeros, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    free(x);
    H5Lcreate_external("other.h5", "/g/x", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    H5Pset_virtual(list, space, "other.h5", "/g/x", space);
    H5Dclose(H5Dcreate2(file, "virtual", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Dclose(zeros), H5Pclose(list), H5Sclose(space), H5Fclose(file);
}

START_TEST(follows_links_of_trusted_files)
{
    static const char *const names[] = {"link", "virtual"};
    make_links();
    for (int i = 0; i < 2; i++) {
        br_array *x = br_from_hdf5(ctx, in_folder("in.h5"), names[i]);
        check_same(x, br_from_hdf5(ctx, in_folder("other.h5"), "g/x"));
        expect_failure(br_from_hdf5(ctx, in_folder("in.h5"), names[i], .untrusted = true),
                       BR_EUNSUPPORTED, "which .untrusted does not follow");
    }
}
END_TEST

START_TEST(refuses_external_data)
{
    layout l = {"external", &H5T_STD_I32LE_g, BR_INT32, "", "", EXTERNAL, 2, {20, 30}, {0}};
    make_file(in_folder("in.h5"), &l);
    expect_failure(br_from_hdf5(ctx, in_folder("in.h5"), "g/x", .untrusted = true), BR_EUNSUPPORTED,
                   "its elements are in another file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("untrusted");
    TCase *t = tcase_create("untrusted");
    tcase_add_checked_fixture(t, open_context, close_context);
    suite_add_tcase(suite, t);
    tcase_add_loop_test(t, reads_what_is_good, 0, sizeof kinds / sizeof kinds[0]);
    tcase_add_test(t, lists_what_is_good);
    tcase_add_test(t, names_what_is_wrong);
    tcase_add_loop_test(t, says_how_the_probe_failed, 0, sizeof failing / sizeof failing[0]);
    tcase_add_test(t, needs_a_probe);
    tcase_add_test(t, notices_what_changes_meanwhile);
    tcase_add_test(t, gives_the_probe_no_descriptors);
    tcase_add_test(t, minds_the_program_around);
    tcase_add_test(t, follows_links_of_trusted_files);
    tcase_add_test(t, refuses_external_data);
    return run_suite(suite);
}
