/* SPDX-License-Identifier: BSD-3-Clause
 * test_expr_random.c - br_expr on random expressions, in text and in C, and on texts that make no
 * sense.
 */
#include "tests/expr_text.h"
#include "tests/sanitized.h"

/* ---- random expressions, in text and in C ---- */

enum { TREES = SANITIZED ? 1000 : 4000, DEPTH = 5 };

static uint64_t random_state = 88172645463325252u;

static int below(int n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)(random_state % (uint64_t)n);
}

/* How tight an operator binds, as Python's reference manual lists them. */
enum { TERNARY, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM };

typedef struct tree {
    char *text;
    int tight;
    br_operand value;
} tree;

typedef struct two {
    const char *sign;
    int tight;
    br_array *(*build)(br_operand, br_operand, br_place);
} two;

static const two numeric[] = {
    {"+", SUM, br_add_},        {"-", SUM, br_subtract_},          {"*", PRODUCT, br_multiply_},
    {"/", PRODUCT, br_divide_}, {"//", PRODUCT, br_floor_divide_}, {"%", PRODUCT, br_remainder_},
    {"**", POWER, br_pow_},     {"min", ATOM, br_minimum_},
};
static const two boolean[] = {
    {"<", COMPARE, br_less_},       {"<=", COMPARE, br_less_equal_}, {"==", COMPARE, br_equal_},
    {"!=", COMPARE, br_not_equal_}, {"and", AND, br_logical_and_},   {"or", OR, br_logical_or_},
};

static tree random_tree(int depth, bool of_bool);

/* The text of a tree, in parentheses where it binds less tight than `tight`; freed. */
static char *operand_text(tree *t, int tight)
{
    char *text = malloc(strlen(t->text) + 3);
    sprintf(text, t->tight < tight ? "(%s)" : "%s", t->text);
    free(t->text);
    return text;
}

static tree joined(const char *a, const char *b, const char *c, int tight, br_array *value)
{
    tree t = {malloc(strlen(a) + strlen(b) + strlen(c) + 1), tight, br_operand_array(value)};
    sprintf(t.text, "%s%s%s", a, b, c);
    return t;
}

static tree leaf(bool of_bool)
{
    static const char *const names[] = {"x", "y", "z"};
    br_array *arrays[] = {x, y, z};
    int i = below(3);
    return joined(of_bool ? "m" : names[i], "", "", ATOM, of_bool ? m : arrays[i]);
}

static tree number(void)
{
    int i = below(9);
    tree t = {malloc(20), ATOM, BR_OPERAND(0)};
    sprintf(t.text, below(2) ? "%d" : "%d.25", i);
    t.value = strchr(t.text, '.') != NULL ? BR_OPERAND(i + 0.25) : BR_OPERAND(i);
    return t;
}

static tree random_two(int depth, bool of_bool)
{
    const two *op = of_bool ? &boolean[below(6)] : &numeric[below(8)];
    bool logical = op->tight == AND || op->tight == OR;
    char sign[8];
    tree a = random_tree(depth - 1, logical);
    tree b = below(4) > 0 || logical ? random_tree(depth - 1, logical) : number();
    br_array *value = op->build(a.value, b.value, BR_HERE);
    if (op->tight == ATOM) {
        char *left = operand_text(&a, 0);
        char *right = operand_text(&b, 0);
        tree inner = joined(left, ", ", right, ATOM, value);
        tree t = joined("minimum(", inner.text, ")", ATOM, value);
        free(left);
        free(right);
        free(inner.text);
        return t;
    }
    /* Equal operators group to the left, powers to the right; comparisons would make a chain. */
    bool power = op->tight == POWER;
    char *left = operand_text(&a, op->tight + (power || op->tight == COMPARE));
    char *right = operand_text(&b, power ? SIGN : op->tight + 1);
    snprintf(sign, sizeof sign, below(2) || logical ? " %s " : "%s", op->sign);
    tree t = joined(left, sign, right, op->tight, value);
    free(left);
    free(right);
    return t;
}

static tree random_one(int depth, bool of_bool)
{
    tree a = random_tree(depth - 1, of_bool);
    bool call = !of_bool && below(2);
    br_array *value = of_bool ? br_logical_not_(a.value, BR_HERE)
                      : call  ? br_sqrt_(a.value, BR_HERE)
                              : br_negative_(a.value, BR_HERE);
    int tight = of_bool ? NOT : SIGN;
    char *text = operand_text(&a, call ? 0 : tight);
    tree t = joined(of_bool ? "not "
                    : call  ? "sqrt("
                            : "-",
                    text, call ? ")" : "", call ? ATOM : tight, value);
    free(text);
    return t;
}

static tree random_choice(int depth, bool of_bool)
{
    tree c = random_tree(depth - 1, true);
    tree a = random_tree(depth - 1, of_bool);
    tree b = random_tree(depth - 1, of_bool);
    br_array *value = br_where_(c.value, a.value, b.value, BR_HERE);
    char *parts[] = {operand_text(&a, OR), operand_text(&c, OR), operand_text(&b, TERNARY)};
    tree head = joined(parts[0], " if ", parts[1], TERNARY, value);
    tree t = joined(head.text, " else ", parts[2], TERNARY, value);
    for (int i = 0; i < 3; i++)
        free(parts[i]);
    free(head.text);
    return t;
}

static tree random_tree(int depth, bool of_bool)
{
    if (depth == 0 || below(8) == 0)
        return leaf(of_bool);
    switch (below(6)) {
    case 0:
        return random_choice(depth, of_bool);
    case 1:
        return random_one(depth, of_bool);
    default:
        return random_two(depth, of_bool);
    }
}

START_TEST(random_expressions_are_the_calls)
{
    size_t longest = 0;
    for (int i = 0; i < TREES; i++) {
        br_scope *scope = br_scope_open(ctx);
        tree t = random_tree(DEPTH, below(2));
        check_same(t.text, t.value.array, __LINE__);
        longest = strlen(t.text) > longest ? strlen(t.text) : longest;
        free(t.text);
        br_scope_close(scope);
    }
    ck_assert_uint_gt(longest, 150);
}
END_TEST

/* ---- texts that make no sense ---- */

enum { FUZZED = SANITIZED ? 20000 : 100000, LONGEST = 200 };

static const char *const seeds[] = {
    "sqrt(x*x + y*y) - mean(x, axis=0)",          "x[1:2, ::-1, None, ..., -1] + 0x1f",
    "std(x, axis=(0, 1), ddof=1, keepdims=True)", "not x < 2*pi**2 <= y and m or 1e-3j == z",
    "x.T @ reshape(astype(y, float32), (2, -1))", "where(m, x, y) if True else minimum(1_000, nan)",
    "~-3 | 5 & 6 << 2 ^ 1 >> 1 % 7 // 2",         "sum(x, dtype=int8, axis=None) / np.exp(-z)",
};
static const char *const pieces[] = {
    "(",      ")", "[",   "]",       ",",   "**",   "-",    "not ",  " if ",
    " else ", ".", "=",   "x",       "y",   "1",    "0",    "1e999", "9223372036854775807",
    "j",      "_", "sum", "None",    "\n",  "\xff", "True", "axis=", "//",
    "@",      "<", "e",   "float32", "...", "~",    "<<",   "99",    " ",
};

static void insert(char *text, int at, const char *piece)
{
    size_t n = strlen(piece);
    size_t length = strlen(text);
    if (length + n >= LONGEST)
        return;
    memmove(text + at + n, text + at, length - (size_t)at + 1);
    memcpy(text + at, piece, n);
}

static void mutate(char *text)
{
    int n = (int)strlen(text);
    int at = below(n + 1);
    switch (below(5)) {
    case 0:
        if (at < n)
            memmove(text + at, text + at + 1, (size_t)(n - at));
        break;
    case 1:
        insert(text, at, pieces[below(sizeof pieces / sizeof pieces[0])]);
        break;
    case 2:
        if (at < n)
            text[at] = (char)(1 + below(255));
        break;
    case 3: /* the end of another one */
        text[at] = '\0';
        strncat(text, seeds[below(8)] + below(20), (size_t)(LONGEST - 1 - at));
        break;
    default:
        text[at] = '\0';
    }
}

START_TEST(no_text_does_harm)
{
    bri_array_data *data = bri_array_data_of(ctx);
    size_t before = data->nnodes;
    int good = 0;
    for (int i = 0; i < FUZZED; i++) {
        char text[LONGEST + 1];
        strcpy(text, seeds[i % 8]);
        for (int k = 1 + below(3); k > 0; k--)
            mutate(text);
        br_scope *scope = br_scope_open(ctx);
        br_array *a = expr(text);
        ck_assert_ptr_eq(scope->first, a);
        ck_assert_ptr_null(a->next);
        if (br_status_of(a) == BR_OK)
            good++;
        else
            ck_assert_msg(br_status_of(a) != BR_EINTERNAL && strstr(br_error(a), "column "),
                          "%s: %s", text, br_error(a));
        ck_assert_ptr_eq(ctx->scope, scope);
        br_scope_close(scope);
        ck_assert_uint_eq(data->nnodes, before);
    }
    ck_assert_int_gt(good, FUZZED / 100);
    ck_assert_int_lt(good, FUZZED / 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_expressions_are_the_calls,
        no_text_does_harm,
    };
    return run_tests("expr_random", tests, (int)(sizeof tests / sizeof tests[0]));
}
