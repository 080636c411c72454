/* SPDX-License-Identifier: BSD-3-Clause
 * mpi_comm.c - an MPI program that opens bramble on its communicators; started by test_mpi_comm.sh.
 *
 * The first argument says what it does; each rank prints what it found, rank 0 what it computed.
 * MPI's functions that bramble calls while it computes are replaced by ones that look who calls.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <bramble/bramble.h>
#include <bramble/mpi.h>

#include "runtime/inside.h"

static int rank;
static int nranks;
static atomic_int failures;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "rank %d: line %d: %s\n", rank, __LINE__, #condition);                 \
            atomic_fetch_add(&failures, 1);                                                        \
        }                                                                                          \
    } while (0)

/* ---- who calls MPI ---- */

static _Thread_local bool mine; /* the program's own call */

static void look_who_calls(const char *name)
{
    char thread[16] = "";
    prctl(PR_GET_NAME, thread, 0, 0, 0);
    if (mine || strcmp(thread, "bramble-mpi") == 0)
        return;
    fprintf(stderr, "rank %d: thread %s called %s\n", rank, thread, name);
    atomic_fetch_add(&failures, 1);
}

int MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    look_who_calls("MPI_Isend");
    return PMPI_Isend(data, n, type, to, tag, comm, request);
}

int MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    look_who_calls("MPI_Irecv");
    return PMPI_Irecv(data, n, type, from, tag, comm, request);
}

int MPI_Improbe(int from, int tag, MPI_Comm comm, int *found, MPI_Message *message,
                MPI_Status *status)
{
    look_who_calls("MPI_Improbe");
    return PMPI_Improbe(from, tag, comm, found, message, status);
}

int MPI_Mrecv(void *data, int n, MPI_Datatype type, MPI_Message *message, MPI_Status *status)
{
    look_who_calls("MPI_Mrecv");
    return PMPI_Mrecv(data, n, type, message, status);
}

int MPI_Testsome(int n, MPI_Request requests[], int *ndone, int indices[], MPI_Status statuses[])
{
    look_who_calls("MPI_Testsome");
    return PMPI_Testsome(n, requests, ndone, indices, statuses);
}

/* ---- who waits for the first exit() ---- */

static atomic_int nexits;             /* so many threads are to wait in exit() */
static atomic_int nwaiting;           /* so many do */
static _Thread_local bool exits_late; /* this one is to */

/* Where bramble stops a second thread's exit(). */
int pause(void)
{
    if (exits_late)
        atomic_fetch_add(&nwaiting, 1);
    exits_late = false;
    return poll(NULL, 0, -1);
}

/* The first exit() waits for the thread that frees bramble's communicators. */
int MPI_Comm_free(MPI_Comm *comm)
{
    while (!mine && atomic_load(&nwaiting) < atomic_load(&nexits))
        usleep(100);
    return PMPI_Comm_free(comm);
}

/* ---- what the program does by itself ---- */

/* Messages that nobody but the program may take: any source and tag. */
static void chat(MPI_Comm comm)
{
    int me;
    int n;
    mine = true;
    MPI_Comm_rank(comm, &me);
    MPI_Comm_size(comm, &n);
    int to = (me + 1) % n;
    int told = me;
    int heard = -1;
    MPI_Request request;
    MPI_Isend(&told, 1, MPI_INT, to, 1, comm, &request);
    MPI_Recv(&heard, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, MPI_STATUS_IGNORE);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    EXPECT(heard == (me + n - 1) % n);
    MPI_Allreduce(&told, &heard, 1, MPI_INT, MPI_SUM, comm);
    EXPECT(heard == n * (n - 1) / 2);
    mine = false;
}

static void *chat_on(void *comm)
{
    for (int i = 0; i < 200; i++)
        chat(*(MPI_Comm *)comm);
    return NULL;
}

/* ---- computing ---- */

static int squares(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)nin, (void)data;
    const double *x = in[0].data;
    double *y = out->data;
    for (int64_t i = 0; i < out->extent[0]; i++)
        y[i] = x[i] * x[i];
    return 0;
}

static int breaks(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in, (void)nin, (void)data;
    memset(out->data, 0, (size_t)out->extent[0] * sizeof(double));
    return out->chunk[0] == 30 ? 5 : 0;
}

static br_array *numbers(br_context *ctx)
{
    return br_arange(ctx, BR_NUM(0.0), BR_NUM(8000), .chunks = BR_CHUNKS(250));
}

/* Chunks of a transposed product travel. */
static double total(br_context *ctx)
{
    double sum = -1;
    br_array *x = br_reshape(br_map_blocks(numbers(ctx), squares), BR_SHAPE(80, 100));
    br_array *y = br_matmul(x, br_matrix_transpose(x));
    br_compute_f64(br_sum(br_sub(y, br_matrix_transpose(y))), &sum);
    EXPECT(sum == 0);
    br_compute_f64(br_sum(br_map_blocks(numbers(ctx), squares)), &sum);
    return sum;
}

static void check_total(br_context *ctx, int expected_ranks)
{
    EXPECT(br_error_status(ctx) == BR_OK);
    EXPECT(br_num_ranks(ctx) == expected_ranks);
    EXPECT(total(ctx) == 8000.0 * 7999 * 15999 / 6);
    EXPECT(br_error_status(ctx) == BR_OK);
}

/* What a worker may not do says why. */
static void check_worker(br_context *ctx)
{
    double sum;
    br_rank_info info;
    EXPECT(br_error_status(ctx) == BR_OK);
    EXPECT(strstr(br_message(ctx), "was a worker") != NULL);
    EXPECT(br_compute_f64(br_sum(numbers(ctx)), &sum) == BR_EUNSUPPORTED);
    EXPECT(br_error_status(ctx) == BR_EUNSUPPORTED);
    EXPECT(strstr(br_message(ctx), "was a worker of rank 0") != NULL);
    EXPECT(br_rank(ctx, 0, &info) == BR_EUNSUPPORTED);
    EXPECT(br_graph_new(ctx) == NULL);
}

static void open_and_compute(MPI_Comm comm)
{
    int me;
    int n;
    MPI_Comm_rank(comm, &me);
    MPI_Comm_size(comm, &n);
    br_context *ctx = br_open_comm(comm);
    EXPECT(br_is_worker(ctx) == (me > 0));
    if (!br_is_worker(ctx))
        check_total(ctx, n);
    EXPECT(br_close(ctx) == 0);
}

/* ---- what there is to do ---- */

static void twice(void)
{
    MPI_Comm copy;
    pthread_t talker;
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    chat(MPI_COMM_WORLD);
    pthread_create(&talker, NULL, chat_on, &copy);
    open_and_compute(MPI_COMM_WORLD);
    chat(MPI_COMM_WORLD);
    open_and_compute(MPI_COMM_WORLD);
    chat(MPI_COMM_WORLD);
    pthread_join(talker, NULL);
    MPI_Comm_free(&copy);
}

/* Communicators come and go between the opens, and get the numbers that bramble's had. */
static void many(void)
{
    for (int i = 0; i < 40; i++) {
        MPI_Comm copy;
        open_and_compute(MPI_COMM_WORLD);
        MPI_Comm_dup(MPI_COMM_WORLD, &copy);
        chat(copy);
        MPI_Comm_free(&copy);
    }
}

/* Both halves at a time, in each the last rank is the first; then one half alone, and in the end
 * everybody. */
static void parts(void)
{
    MPI_Comm part;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &part);
    open_and_compute(part);
    if (rank % 2 == 0)
        open_and_compute(part);
    else
        for (int i = 0; i < 50; i++)
            chat(part);
    MPI_Comm_free(&part);
    open_and_compute(MPI_COMM_SELF);
    open_and_compute(MPI_COMM_WORLD);
}

static void worker(void)
{
    br_context *ctx = br_open_comm(MPI_COMM_WORLD);
    if (br_is_worker(ctx)) {
        check_worker(ctx);
        br_clear_error(ctx);
        EXPECT(br_error_status(ctx) != BR_OK);
        EXPECT(br_close(ctx) == BR_EUNSUPPORTED);
        return;
    }
    double sum;
    EXPECT(br_compute_f64(br_sum(br_map_blocks(numbers(ctx), breaks)), &sum) == BR_EUSER);
    printf("%s\n", br_message(ctx));
    br_clear_error(ctx);
    check_total(ctx, nranks);
    EXPECT(br_close(ctx) == 0);
}

/* A context that every rank gets and that failed everywhere for the same reason. */
static void refused(MPI_Comm comm)
{
    br_context *ctx = br_open_comm(comm);
    EXPECT(!br_is_worker(ctx));
    EXPECT(br_error_status(ctx) != BR_OK);
    EXPECT(br_add(br_zeros(ctx, BR_SHAPE(3)), 1) != NULL);
    printf("refused: %s\n", br_message(ctx));
    br_set_log(ctx, NULL, NULL);
    setenv("BRAMBLE_LOG", "quiet", 1);
    EXPECT(br_close(ctx) != 0);
    unsetenv("BRAMBLE_LOG");
}

static void one_is_bad(void)
{
    if (rank == nranks - 1)
        setenv("BRAMBLE_NUM_THREADS", "many", 1);
    refused(MPI_COMM_WORLD);
    unsetenv("BRAMBLE_NUM_THREADS");
    open_and_compute(MPI_COMM_WORLD);
}

/* Rank 0 asks for a second context, on the same ranks and on itself, and for one by br_open. */
static void nested(void)
{
    br_context *ctx = br_open_comm(MPI_COMM_WORLD);
    if (!br_is_worker(ctx)) {
        refused(MPI_COMM_WORLD);
        refused(MPI_COMM_SELF);
        br_context *other = br_open(NULL, NULL);
        printf("refused: %s\n", br_message(other));
        EXPECT(br_close(other) != 0);
        check_total(ctx, nranks);
    }
    EXPECT(br_close(ctx) == 0);
}

static void null_and_inter(void)
{
    MPI_Comm part;
    MPI_Comm inter;
    refused(MPI_COMM_NULL);
    MPI_Comm_split(MPI_COMM_WORLD, rank > 0, 0, &part);
    MPI_Intercomm_create(part, 0, MPI_COMM_WORLD, rank > 0 ? 0 : 1, 5, &inter);
    refused(inter);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&part);
    open_and_compute(MPI_COMM_WORLD);
}

enum { TAG_RETURNED = 2 };

/* Called after what bramble does at exit. mpirun kills the others as soon as rank 0 has gone. */
static void hear_who_returned(void)
{
    for (int r = 1; r < nranks; r++)
        MPI_Recv(NULL, 0, MPI_INT, r, TAG_RETURNED, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* The program ends, or a rank does, while a context is open. */
static void leave_open(const char *how)
{
    static br_context *ctx; /* still known at exit, so nothing of it counts as leaked */
    if (rank == 0)
        EXPECT(atexit(hear_who_returned) == 0);
    ctx = br_open_comm(MPI_COMM_WORLD);
    if (br_is_worker(ctx)) {
        printf("rank %d returned\n", rank);
        fflush(stdout);
        MPI_Send(NULL, 0, MPI_INT, 0, TAG_RETURNED, MPI_COMM_WORLD);
        sleep(1); /* MPI_Finalize would wait for a rank that has gone */
        return;
    }
    check_total(ctx, nranks);
    if (strcmp(how, "finalise") == 0)
        MPI_Finalize();
    exit(7);
}

static atomic_bool begun;

/* Rank 0's share lasts until exit() has cancelled it, and for a while after that. */
static int lasts(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in, (void)nin, (void)data;
    atomic_store(&begun, true);
    while (rank == 0 && !atomic_load(&bri_inside_here->job->failed))
        usleep(100);
    usleep(rank == 0 ? 10000 : 0);
    memset(out->data, 0, (size_t)out->extent[0] * sizeof(double));
    return 0;
}

/* It returns when exit() has cancelled it. */
static void *compute_long(void *ctx)
{
    double sum;
    br_array *x = br_arange(ctx, BR_NUM(0.0), BR_NUM(4000), .chunks = BR_CHUNKS(10));
    EXPECT(br_compute_f64(br_sum(br_map_blocks(x, lasts)), &sum) == BR_ECANCELLED);
    printf("compute: %s\n", br_message(ctx));
    fflush(stdout);
    return NULL;
}

static void *leave_when_begun(void *unused)
{
    (void)unused;
    while (!atomic_load(&begun))
        usleep(100);
    exit(7);
}

static void in_another_thread(void *(*run)(void *data), void *data)
{
    pthread_t other;
    EXPECT(pthread_create(&other, NULL, run, data) == 0);
    pthread_detach(other);
}

/* NULL where rank 0 has left, after a while: MPI_Finalize would wait for a rank that has gone. */
static br_context *open_to_leave(void)
{
    static br_context *ctx; /* still known at exit, so nothing of it counts as leaked */
    ctx = br_open_comm(MPI_COMM_WORLD);
    if (!br_is_worker(ctx))
        return ctx;
    sleep(1);
    return NULL;
}

/* One thread calls exit() while another one computes; the first code counts. */
static void leave_beside(const char *how)
{
    br_context *ctx = open_to_leave();
    if (ctx == NULL)
        return;
    if (strcmp(how, "beside") == 0) {
        in_another_thread(compute_long, ctx);
        leave_when_begun(NULL);
    }
    atomic_store(&nexits, 1);
    in_another_thread(leave_when_begun, NULL);
    compute_long(ctx);
    exits_late = true;
    exit(9);
}

static atomic_bool cancelled;

static void *leave_when_cancelled(void *unused)
{
    while (!atomic_load(&cancelled))
        usleep(100);
    exits_late = true;
    exit(1);
    return unused;
}

/* Two more call exit(), when the first has cancelled what was computed. */
static void leave_thrice(void)
{
    br_context *ctx = open_to_leave();
    if (ctx == NULL)
        return;
    atomic_store(&nexits, 2);
    in_another_thread(leave_when_begun, NULL);
    in_another_thread(leave_when_cancelled, NULL);
    compute_long(ctx);
    atomic_store(&cancelled, true);
    leave_when_cancelled(NULL);
}

/* One task of rank 0's lasts until another thread's exit() has cancelled the next compute. */
static int exits_inside(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in, (void)nin, (void)data;
    memset(out->data, 0, (size_t)out->extent[0] * sizeof(double));
    if (rank > 0 || atomic_exchange(&begun, true))
        return 0;
    while (!atomic_load(&cancelled))
        usleep(100);
    exit(1);
}

static void leave_inside(void)
{
    static double last; /* written by a run that never ends */
    double sum;
    static br_context *ctx;
    ctx = br_open_comm(MPI_COMM_WORLD);
    if (br_is_worker(ctx))
        return;
    br_future *lasting =
        br_compute_async(br_sum(br_map_blocks(numbers(ctx), exits_inside)), &last, sizeof last);
    while (!atomic_load(&begun))
        usleep(100);
    in_another_thread(leave_when_begun, NULL);
    while (br_compute_f64(br_sum(numbers(ctx)), &sum) == BR_OK)
        ;
    EXPECT(br_error_status(ctx) == BR_ECANCELLED);
    atomic_store(&cancelled, true);
    br_wait(lasting);
}

static void *read_input(void *unused)
{
    char line[16];
    EXPECT(fgets(line, sizeof line, stdin) == NULL);
    return unused;
}

/* Another thread waits for input that does not come. */
static void leave_reading(void)
{
    int ends[2];
    if (open_to_leave() == NULL)
        return;
    EXPECT(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    in_another_thread(read_input, NULL);
    while (ftrylockfile(stdin) == 0) { /* until it has the stream locked */
        funlockfile(stdin);
        usleep(100);
    }
    exit(7);
}

static int kills(const br_block *in, int nin, const br_block *out, const void *data)
{
    (void)in, (void)nin, (void)data;
    if (out->chunk[0] == 31)
        raise(SIGKILL);
    memset(out->data, 0, (size_t)out->extent[0] * sizeof(double));
    return 0;
}

static void lose_a_rank(void)
{
    double sum;
    br_context *ctx = br_open_comm(MPI_COMM_WORLD);
    if (!br_is_worker(ctx))
        br_compute_f64(br_sum(br_map_blocks(numbers(ctx), kills)), &sum);
    br_close(ctx);
}

static void with_threads(const char *what)
{
    if (strcmp(what, "twice") == 0)
        twice();
    else if (strcmp(what, "many") == 0)
        many();
    else if (strcmp(what, "parts") == 0)
        parts();
    else if (strcmp(what, "worker") == 0)
        worker();
    else if (strcmp(what, "bad") == 0)
        one_is_bad();
    else if (strcmp(what, "refused") == 0)
        refused(MPI_COMM_WORLD);
    else if (strcmp(what, "nested") == 0)
        nested();
    else if (strcmp(what, "null") == 0)
        null_and_inter();
    else if (strcmp(what, "exit") == 0 || strcmp(what, "finalise") == 0)
        leave_open(what);
    else if (strcmp(what, "beside") == 0 || strcmp(what, "other") == 0)
        leave_beside(what);
    else if (strcmp(what, "thrice") == 0)
        leave_thrice();
    else if (strcmp(what, "reads") == 0)
        leave_reading();
    else if (strcmp(what, "inside") == 0)
        leave_inside();
    else if (strcmp(what, "kill") == 0)
        lose_a_rank();
    else
        EXPECT(!"a known argument");
}

static void without_mpi(void)
{
    br_context *ctx = br_open_comm(MPI_COMM_WORLD);
    printf("refused: %s\n", br_message(ctx));
    EXPECT(br_close(ctx) == BR_EMPI);
}

/* What the program asks of MPI: the levels below the last are refused. */
static int level_of(const char *what)
{
    if (strcmp(what, "single") == 0)
        return MPI_THREAD_SINGLE;
    if (strcmp(what, "funneled") == 0)
        return MPI_THREAD_FUNNELED;
    return strcmp(what, "serialized") == 0 ? MPI_THREAD_SERIALIZED : MPI_THREAD_MULTIPLE;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int level;
    mine = true;
    if (strcmp(what, "early") == 0)
        without_mpi();
    MPI_Init_thread(&argc, &argv, level_of(what), &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &nranks);
    mine = false;
    if (level_of(what) < MPI_THREAD_MULTIPLE)
        refused(MPI_COMM_WORLD);
    else if (strcmp(what, "open") == 0)
        EXPECT(br_close(br_open(&argc, &argv)) == BR_EMPI);
    else if (strcmp(what, "early") != 0)
        with_threads(what);
    mine = true;
    MPI_Finalize();
    if (failures == 0)
        printf("rank %d of %d is fine\n", rank, nranks);
    return failures == 0 ? 0 : 1;
}
