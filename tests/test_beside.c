/* SPDX-License-Identifier: BSD-3-Clause
 * test_beside.c - files beside their final names: what is left of killed stores goes, what is being
 * written stays.
 */
#include <errno.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "array/io/beside.h"
#include "array/io/npy.h"
#include "tests/hdf5_samples.h"
#include "tests/nobody.h"

/* The host, as the library asks for it; "" is this one. */
static const char *pretended = "";

int gethostname(char *name, size_t bytes)
{
    struct utsname real;
    if (uname(&real) != 0)
        return -1;
    snprintf(name, bytes, "%s", pretended[0] != '\0' ? pretended : real.nodename);
    return 0;
}

static int count(const char *pattern)
{
    char command[400];
    snprintf(command, sizeof command, "exit $(ls '%s' | grep -c '%s')", folder, pattern);
    return WEXITSTATUS(system(command));
}

/* What find lists that has these properties. */
static int find(const char *properties)
{
    char command[400];
    snprintf(command, sizeof command, "exit $(find '%s' %s | wc -l)", folder, properties);
    return WEXITSTATUS(system(command));
}

static bri_npy_writer *begin(const char *name)
{
    bri_npy_writer *w;
    const int64_t shape[] = {3};
    ck_assert_int_eq(bri_npy_create(in_folder(name), BR_INT32, 1, shape, &w), BR_OK);
    return w;
}

static void end(bri_npy_writer *w)
{
    uint64_t bytes = 0;
    const int64_t start = 0, n = 3;
    ck_assert_int_eq(bri_npy_put(w, &start, &n, (const int32_t[]){1, 2, 3}, &bytes), BR_OK);
    ck_assert_int_eq(bri_npy_commit(w), BR_OK);
}

/* Runs in another process, which then ends as if it was killed. */
static void be_killed(const char *name)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        begin(name);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(a_killed_store_leaves_nothing_for_long)
{
    be_killed("a.npy");
    be_killed("a.npy");
    be_killed("b.npy");
    ck_assert_int_eq(count("^a.npy.tmp."), 1); /* the second one has removed the first */
    bri_npy_writer *w = begin("a.npy");
    ck_assert_int_eq(count("^a.npy.tmp."), 1);
    end(w);
    ck_assert_int_eq(count("^a.npy.tmp."), 0);
    ck_assert_int_eq(count("^a.npy$"), 1);
    ck_assert_int_eq(count("^b.npy.tmp."), 1);
    bri_npy_abort(begin("b.npy"));
    ck_assert_int_eq(count("^b.npy"), 0);
}
END_TEST

/* As one that was to replace a read-only file. */
START_TEST(what_is_left_goes_though_it_is_read_only)
{
    char command[400];
    ck_assert_int_eq(chmod(folder, 0777), 0);
    be_killed("a.npy");
    snprintf(command, sizeof command, "chmod 0444 '%s'/a.npy.tmp.*", folder);
    ck_assert_int_eq(system(command), 0);
    bool denied = as_nobody();
    bri_npy_abort(begin("a.npy"));
    as_before();
    ck_assert(!denied || count("^a.npy.tmp.") == 0);
}
END_TEST

/* Of another host nobody knows here who is dead, also when its name begins as ours does. */
START_TEST(what_other_hosts_have_left_stays)
{
    pretended = "node-of-a-cluster-with-a-long-name-0001";
    be_killed("a.npy");
    pretended = "node-of-a-cluster-with-a-long-name-0002";
    bri_npy_abort(begin("a.npy"));
    ck_assert_int_eq(count("^a.npy.tmp.node-of-a"), 1);
    pretended = "node-of-a-cluster-with-a-long-name-0001";
    bri_npy_abort(begin("a.npy"));
    ck_assert_int_eq(count("^a.npy.tmp."), 0);
    pretended = "";
}
END_TEST

/* Processes of a container look dead to those of another one. */
START_TEST(what_somebody_has_locked_stays)
{
    char command[700];
    be_killed("a.npy");
    snprintf(command, sizeof command, "flock -n '%s'/a.npy.tmp.* sh -c 'echo locked; read go'",
             folder);
    int to[2], from[2], status;
    char said[8] = "";
    ck_assert_int_eq(pipe(to) | pipe(from), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(to[0], 0), dup2(from[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_eq((int)read(from[0], said, 7), 7);
    bri_npy_writer *w = begin("a.npy");
    ck_assert_int_eq(count("^a.npy.tmp."), 2);
    ck_assert_int_eq((int)write(to[1], "go\n", 3), 3);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    end(w);
    ck_assert_int_eq(count("^a.npy.tmp."), 1);
    end(begin("a.npy"));
    ck_assert_int_eq(count("^a.npy.tmp."), 0);
}
END_TEST

/* The one that is there, by another one of its name. */
static void replace_temporary(char path[500])
{
    char command[1000];
    snprintf(command, sizeof command,
             "cd '%s' && f=$(ls a.npy.tmp.*) && echo other >o && mv o $f && echo '%s'/$f", folder,
             folder);
    FILE *said = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(path, 500, said));
    ck_assert_int_eq(pclose(said), 0);
    path[strcspn(path, "\n")] = '\0';
}

/* Neither removed nor given the final name: it is somebody else's. */
START_TEST(what_took_its_name_stays)
{
    char path[500];
    bri_npy_writer *w = begin("a.npy");
    replace_temporary(path);
    bri_npy_abort(w);
    ck_assert_int_eq(remove(path), 0);
    w = begin("a.npy");
    replace_temporary(path);
    ck_assert_int_eq(bri_npy_commit(w), BR_EIO);
    ck_assert_msg(strstr(bri_last_error(), "another file in its place") != NULL, "%s",
                  bri_last_error());
    ck_assert_int_eq(count("^a.npy$"), 0);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

/* Of two at a time each has its own, and both are locked. */
START_TEST(each_one_has_its_own)
{
    int fd[2];
    char *name[2];
    for (int i = 0; i < 2; i++) {
        name[i] = bri_beside_make(in_folder("x"), false, &fd[i]);
        ck_assert_ptr_nonnull(name[i]);
        ck_assert(bri_is_at(name[i], fd[i]));
    }
    ck_assert_str_ne(name[0], name[1]);
    ck_assert(!bri_is_at(name[0], fd[1]));
    for (int i = 0; i < 2; i++) {
        int other = open(name[i], O_RDWR);
        ck_assert(flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
        ck_assert_int_eq(close(other) | close(fd[i]) | unlink(name[i]), 0);
        free(name[i]);
    }
    ck_assert_ptr_null(bri_beside_make(in_folder("no/where"), false, &fd[0]));
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* ---- permissions ---- */

/* As it is written, and when it is complete. */
START_TEST(only_its_owner_reads_what_replaces_a_file)
{
    struct stat st;
    end(begin("a.npy"));
    ck_assert_int_eq(chmod(in_folder("a.npy"), 0640), 0);
    bri_npy_writer *w = begin("a.npy");
    ck_assert_int_eq(find("-perm 600 -name 'a.npy.tmp.*'"), 1);
    end(w);
    ck_assert_int_eq(stat(in_folder("a.npy"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

enum { BOB = 65534, ALICE = 65533, STAFF = 65532, OTHERS = 65531 }; /* of a group's numbers, too */

/* What becomes of a file of Alice's that Bob replaces, who is in STAFF. */
static struct stat taken_over(gid_t group, mode_t mode)
{
    struct stat of = {.st_uid = ALICE, .st_gid = group, .st_mode = mode}, st;
    const gid_t staff = STAFF;
    ck_assert_int_eq(setgroups(1, &staff) | setegid(BOB) | seteuid(BOB), 0);
    int fd = open(in_folder("taken"), O_RDWR | O_CREAT | O_EXCL, 0600);
    bri_take_over(fd, &of);
    ck_assert_int_eq(fstat(fd, &st) | close(fd) | unlink(in_folder("taken")), 0);
    ck_assert_int_eq(seteuid(0) | setegid(0), 0);
    return st;
}

START_TEST(owners_and_groups)
{
    ck_assert_int_eq(chmod(folder, 0777), 0);
    if (getuid() != 0 || setgroups(0, NULL) != 0) {
        perror("only root can be several users, so this is not tested: setgroups");
        return;
    }
    struct stat st = taken_over(STAFF, 06664);
    ck_assert_int_eq(st.st_uid, BOB);
    ck_assert_int_eq(st.st_gid, STAFF);
    ck_assert_int_eq(st.st_mode & 07777, 0664);
    st = taken_over(OTHERS, 06664);
    ck_assert_int_eq(st.st_gid, BOB);
    ck_assert_int_eq(st.st_mode & 07777, 0644);
    st = taken_over(OTHERS, 0660);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    int fd = open(in_folder("taken"), O_RDWR | O_CREAT | O_EXCL, 0600);
    const struct stat of = {.st_uid = ALICE, .st_gid = OTHERS, .st_mode = 06664};
    bri_take_over(fd, &of);
    ck_assert_int_eq(fstat(fd, &st) | close(fd), 0);
    ck_assert_int_eq(st.st_uid, ALICE);
    ck_assert_int_eq(st.st_gid, OTHERS);
    ck_assert_int_eq(st.st_mode & 07777, 06664);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("beside");
    TCase *t = new_case(suite, "beside");
    tcase_add_test(t, a_killed_store_leaves_nothing_for_long);
    tcase_add_test(t, what_is_left_goes_though_it_is_read_only);
    tcase_add_test(t, what_other_hosts_have_left_stays);
    tcase_add_test(t, what_somebody_has_locked_stays);
    tcase_add_test(t, what_took_its_name_stays);
    tcase_add_test(t, each_one_has_its_own);
    tcase_add_test(t, only_its_owner_reads_what_replaces_a_file);
    tcase_add_test(t, owners_and_groups);
    return run_suite(suite);
}
