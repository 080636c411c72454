/* SPDX-License-Identifier: BSD-3-Clause
 * fuzz_text.c - texts of br_expr and br_index: built, printed, and not computed, since a short text
 * can ask for any number of elements.
 */
#include <bramble/bramble.h>

#include "tests/fuzz/fuzz.h"

static br_context *ctx;
static br_array *x, *y, *m;
static FILE *nowhere;

static void begin(void)
{
    setenv("BRAMBLE_SCHEDULER", "sync", 1);
    setenv("BRAMBLE_LOG", "quiet", 1);
    ctx = br_open(NULL, NULL);
    nowhere = fopen("/dev/null", "w");
    FUZZ_CHECK(br_error_status(ctx) == BR_OK && nowhere != NULL);
    x = br_zeros(ctx, BR_SHAPE(30, 4), BR_FLOAT32, .chunks = BR_CHUNKS(7, 3));
    y = br_arange(ctx, BR_NUM(1), BR_NUM(5));
    m = br_less(y, 3);
}

static void look_at(const br_array *a)
{
    if (br_status_of(a) == BR_OK)
        br_print(a, nowhere);
    else
        FUZZ_CHECK(br_error(a)[0] != '\0' && br_status_of(a) != BR_EINTERNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    if (ctx == NULL)
        begin();
    char *text = fuzz_copy(input, n, n + 1);
    text[n] = '\0';
    br_scope *scope = br_scope_open(ctx);
    look_at(br_expr(ctx, text, "x", x, "y", y, "m", m, NULL));
    look_at(br_index(x, text));
    br_clear_error(ctx);
    br_scope_close(scope);
    free(text);
    return 0;
}

void fuzz_seeds(fuzz_take *take, void *to)
{
    static const char *const texts[] = {
        "sqrt(x*x + y*y) - mean(x, axis=0)",
        "sum(x, axis=(0, -1), keepdims=True) / 3e-7 // 2 % 5 ** -1",
        "x[2:, ::-1, None] if 1 < 2 <= 3 else np.where(m, x, 1j * y)",
        "not m or y >= 0x1f and ~y & 3 | 1 << 2 ^ y >> 1",
        "(x.T @ x).sum(0) + reshape(x, (4, 30))[..., 0]",
        "astype(y, 'float32') + astype(y, int8) - inf + nan * pi",
        "zeros((3, 4), dtype=float64) + arange(4) + linspace(0, 1, 4)",
        "concatenate([x, x[::2]], axis=0)[x[:, 0] > 0]",
        "  ((x) +\n -+~-1) == 18446744073709551615",
        "1:20, ::-1, None, ...",
        "-1, 2",
        "[3, 1, 2], :",
        "::-3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "text%zu", i);
        take(to, name, texts[i], strlen(texts[i]));
    }
}
