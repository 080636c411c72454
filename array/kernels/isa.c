/* SPDX-License-Identifier: BSD-3-Clause
 * isa.c - the choice of an instruction set: the only place that knows which ones there are.
 */
#include <string.h>

#include "array/kernels/kernels.h"
#include "runtime/error.h"

typedef void fill_function(bri_kernels *table);

/* One declaration for each group and instruction set. */
#define BRI_ISA_GROUP(group)                                                                       \
    fill_function bri_fill_##group##_v2, bri_fill_##group##_v3, bri_fill_##group##_v4,             \
        bri_fill_##group##_base;
#include "array/kernels/isa_groups.def"
#undef BRI_ISA_GROUP

/* The groups' fill functions of each instruction set, closed by NULL. */
#if defined(__x86_64__)
static fill_function *const fill_v2[] = {
#define BRI_ISA_GROUP(group) bri_fill_##group##_v2,
#include "array/kernels/isa_groups.def"
#undef BRI_ISA_GROUP
    NULL};
static fill_function *const fill_v3[] = {
#define BRI_ISA_GROUP(group) bri_fill_##group##_v3,
#include "array/kernels/isa_groups.def"
#undef BRI_ISA_GROUP
    NULL};
static fill_function *const fill_v4[] = {
#define BRI_ISA_GROUP(group) bri_fill_##group##_v4,
#include "array/kernels/isa_groups.def"
#undef BRI_ISA_GROUP
    NULL};
#else
static fill_function *const fill_base[] = {
#define BRI_ISA_GROUP(group) bri_fill_##group##_base,
#include "array/kernels/isa_groups.def"
#undef BRI_ISA_GROUP
    NULL};
#endif

#define BRI_ISA_ROW(suffix, text, condition)                                                       \
    static bool has_##suffix(void)                                                                 \
    {                                                                                              \
        return condition;                                                                          \
    }
#include "array/kernels/isa_list.def"
#undef BRI_ISA_ROW

typedef struct isa {
    const char *name;
    bool (*available)(void);
    fill_function *const *fill;
} isa;

static const isa isas[] = {
#define BRI_ISA_ROW(suffix, text, condition) {text, has_##suffix, fill_##suffix},
#include "array/kernels/isa_list.def"
#undef BRI_ISA_ROW
};

enum { NISAS = sizeof isas / sizeof *isas };

bri_kernels bri_kernel_table;
static const isa *chosen;

static const isa *best(void)
{
    for (int i = NISAS - 1; i >= 0; i--)
        if (isas[i].available())
            return &isas[i];
    return NULL;
}

static const isa *find(const char *name)
{
    for (int i = 0; i < NISAS; i++)
        if (strcmp(isas[i].name, name) == 0 && isas[i].available())
            return &isas[i];
    return NULL;
}

static br_status unknown(const char *name)
{
    char list[256] = "";
    for (int i = 0; i < NISAS; i++)
        if (isas[i].available())
            snprintf(list + strlen(list), sizeof list - strlen(list), " %s", isas[i].name);
    return bri_error(BR_ECONFIG, "no instruction set '%s' here; there are:%s", name, list);
}

br_status bri_kernels_init(const char *name)
{
    bool any = name == NULL || name[0] == '\0';
    const isa *found = any ? best() : find(name);
    if (found == NULL)
        return unknown(any ? "" : name);
    memset(&bri_kernel_table, 0, sizeof bri_kernel_table);
    for (int i = 0; found->fill[i] != NULL; i++)
        found->fill[i](&bri_kernel_table);
    chosen = found;
    return BR_OK;
}

const char *bri_kernels_isa(void)
{
    return chosen != NULL ? chosen->name : "none";
}
