/* SPDX-License-Identifier: BSD-3-Clause
 * function.c - finds functions by build-id and offset, and their names in the symbol tables of ELF
 * files.
 */
#include "runtime/function.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

/* What is looked for among the loaded modules. */
typedef struct query {
    uintptr_t address, constant;
    bool inside; /* also when the address is not a function's first */
    bri_function_id *id;
    bool found;
} query;

/* ---- modules in memory ---- */

/* Some load segment with these flags, of those in `of`, holds the address. */
static bool holds(const struct dl_phdr_info *module, uintptr_t address, unsigned of, unsigned flags)
{
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &module->dlpi_phdr[i];
        uintptr_t start = module->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && (p->p_flags & of) == flags && address >= start &&
            address - start < p->p_memsz)
            return true;
    }
    return false;
}

static bool holds_code(const struct dl_phdr_info *module, uintptr_t address)
{
    return holds(module, address, PF_X, PF_X);
}

static bool id_in_notes(const char *note, const char *end, bri_function_id *id)
{
    while (note + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *header = (const void *)note;
        const char *name = note + sizeof *header;
        const char *value = name + ((header->n_namesz + 3) & ~3u);
        if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
            memcmp(name, "GNU", 4) == 0) {
            id->build_id_bytes = header->n_descsz < BRI_BUILD_ID ? header->n_descsz : BRI_BUILD_ID;
            memcpy(id->build_id, value, id->build_id_bytes);
            return true;
        }
        note = value + ((header->n_descsz + 3) & ~3u);
    }
    return false;
}

static bool module_id(const struct dl_phdr_info *module, bri_function_id *id)
{
    memset(id, 0, sizeof *id);
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &module->dlpi_phdr[i];
        const char *start = (const char *)(module->dlpi_addr + p->p_vaddr);
        if (p->p_type == PT_NOTE && id_in_notes(start, start + p->p_memsz, id))
            return true;
    }
    return false;
}

static bool same_build(const bri_function_id *a, const bri_function_id *b)
{
    return a->build_id_bytes == b->build_id_bytes &&
           memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
}

/* ---- is it there? ---- */

static int check_in(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    query *q = data;
    q->found = holds_code(module, q->address);
    return q->found;
}

static br_status not_loaded(uintptr_t address)
{
    return bri_error(BR_EARG,
                     "its function at %p is in no loaded program or library: was a plugin unloaded "
                     "(dlclose)?",
                     (void *)address);
}

br_status bri_function_check(bri_function f)
{
    query q = {.address = (uintptr_t)f};
    dl_iterate_phdr(check_in, &q);
    return q.found ? BR_OK : not_loaded(q.address);
}

/* ---- identify ---- */

static int identify_in(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    query *q = data;
    if (!holds_code(module, q->address))
        return 0;
    q->found = true;
    if (module_id(module, q->id))
        q->id->offset = q->address - module->dlpi_addr;
    return 1;
}

br_status bri_function_identify(bri_function f, bri_function_id *id)
{
    memset(id, 0, sizeof *id);
    query q = {.address = (uintptr_t)f, .id = id};
    dl_iterate_phdr(identify_in, &q);
    if (!q.found)
        return not_loaded(q.address);
    if (id->build_id_bytes == 0) {
        char name[256];
        bri_function_name(f, name, sizeof name);
        return bri_error(BR_EARG,
                         "%s: its program or library has no build-id, so other ranks cannot find "
                         "it; link with -Wl,--build-id",
                         name);
    }
    return BR_OK;
}

/* The module with the code of the first address: whether it has the second as a constant. */
static int look_for_constant(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    query *q = data;
    if (!holds_code(module, q->address))
        return 0;
    q->found = holds(module, q->constant, PF_W, 0);
    return 1;
}

bool bri_function_has_constant(bri_function f, const void *constant)
{
    query q = {.address = (uintptr_t)f, .constant = (uintptr_t)constant};
    dl_iterate_phdr(look_for_constant, &q);
    return q.found;
}

/* ---- resolve ---- */

static int resolve_in(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    query *q = data;
    bri_function_id own;
    if (!module_id(module, &own) || !same_build(&own, q->id))
        return 0;
    q->address = module->dlpi_addr + q->id->offset;
    q->found = holds_code(module, q->address);
    return 1;
}

static void hex(const bri_function_id *id, char text[2 * BRI_BUILD_ID + 1])
{
    strcpy(text, "none");
    for (uint32_t i = 0; i < id->build_id_bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", id->build_id[i]);
}

br_status bri_function_resolve(const bri_function_id *id, bri_function *f)
{
    bri_function_id copy = *id;
    query q = {.id = &copy};
    if (id->build_id_bytes > 0 && id->build_id_bytes <= BRI_BUILD_ID)
        dl_iterate_phdr(resolve_in, &q);
    if (!q.found) {
        char text[2 * BRI_BUILD_ID + 1];
        copy.build_id_bytes = id->build_id_bytes <= BRI_BUILD_ID ? id->build_id_bytes : 0;
        hex(&copy, text);
        return bri_error(BR_EARG,
                         "no loaded program or library has build-id %s with code at 0x%llx: this "
                         "rank runs another build or lacks a plugin",
                         text, (unsigned long long)id->offset);
    }
    *f = (bri_function)q.address;
    return BR_OK;
}

/* ---- names ---- */

/* A mapped ELF file. Every offset that comes from it is checked against its size. */
typedef struct elf_file {
    const char *bytes;
    size_t size;
} elf_file;

static const void *elf_range(const elf_file *file, size_t offset, size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes) || offset > file->size ||
        bytes > file->size - offset)
        return NULL;
    return file->bytes + offset;
}

static bool is_it(const ElfW(Sym) * sym, const query *q)
{
    return sym->st_value == q->address ||
           (q->inside && q->address - sym->st_value < sym->st_size && q->address > sym->st_value);
}

static bool name_in_table(const elf_file *file, const ElfW(Shdr) * symbols,
                          const ElfW(Shdr) * strings, const query *q, char *text, size_t size)
{
    size_t n = symbols->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *sym = elf_range(file, symbols->sh_offset, n, sizeof *sym);
    const char *names = elf_range(file, strings->sh_offset, strings->sh_size, 1);
    for (size_t i = 0; sym != NULL && names != NULL && i < n; i++) {
        if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC || !is_it(&sym[i], q) ||
            sym[i].st_name >= strings->sh_size)
            continue;
        size_t most = strings->sh_size - sym[i].st_name;
        snprintf(text, size, "%.*s", most > INT_MAX ? INT_MAX : (int)most, names + sym[i].st_name);
        return true;
    }
    return false;
}

static bool name_in_file(const elf_file *file, const query *q, char *text, size_t size)
{
    const ElfW(Ehdr) *header = elf_range(file, 0, 1, sizeof *header);
    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(ElfW(Shdr)))
        return false;
    size_t n = header->e_shnum;
    const ElfW(Shdr) *sections = elf_range(file, header->e_shoff, n, sizeof *sections);
    for (size_t i = 0; sections != NULL && i < n; i++)
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < n &&
            name_in_table(file, &sections[i], &sections[sections[i].sh_link], q, text, size))
            return true;
    return false;
}

/* Static functions are only in .symtab, which is not loaded: it is read from the file. */
static bool name_from_file(const char *path, const query *q, char *text, size_t size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool found = false;
    if (fstat(fd, &about) == 0 && about.st_size > 0) {
        elf_file file = {.size = (size_t)about.st_size};
        void *map = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
        file.bytes = map;
        if (map != MAP_FAILED) {
            found = name_in_file(&file, q, text, size);
            munmap(map, file.size);
        }
    }
    close(fd);
    return found;
}

/* The main program's path as the loader knows it may be relative to a directory we have left. */
static const char *module_path(const struct link_map *map)
{
    return map != NULL && map->l_name != NULL && map->l_name[0] != '\0' ? map->l_name
                                                                        : "/proc/self/exe";
}

/* Static functions, too; the name in the module's own table comes first, since a neighbour of one
 * that is not exported may be. */
static void name_of(uintptr_t address, bool inside, char *text, size_t size)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0) {
        snprintf(text, size, "%p", (void *)address);
        return;
    }
    if (info.dli_sname != NULL && (uintptr_t)info.dli_saddr == address) {
        snprintf(text, size, "%s", info.dli_sname);
        return;
    }
    uintptr_t offset = address - (map != NULL ? map->l_addr : 0);
    query q = {.address = offset, .inside = inside};
    if (name_from_file(module_path(map), &q, text, size))
        return;
    const char *slash = info.dli_fname != NULL ? strrchr(info.dli_fname, '/') : NULL;
    const char *module = slash != NULL ? slash + 1 : info.dli_fname;
    if (inside && info.dli_sname != NULL)
        snprintf(text, size, "%s in %s", info.dli_sname, module);
    else
        snprintf(text, size, "%s+0x%zx", module, (size_t)offset);
}

/* What was named last, and how many modules had come and gone by then. */
typedef struct named {
    uintptr_t address;
    unsigned long long loads, unloads;
    char text[128];
} named;

static int count_loads(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    named *now = data;
    now->loads = module->dlpi_adds;
    now->unloads = module->dlpi_subs;
    return 1;
}

/* A failure may be told of thousands of tasks with one function, whose file is read in 50 us. */
void bri_function_name(bri_function f, char *text, size_t size)
{
    static _Thread_local named last;
    named now = {.address = (uintptr_t)f};
    dl_iterate_phdr(count_loads, &now);
    if (now.address != last.address || now.loads != last.loads || now.unloads != last.unloads) {
        name_of(now.address, false, now.text, sizeof now.text);
        last = now;
    }
    snprintf(text, size, "%s", last.text);
}

void bri_function_at(const void *code, char *text, size_t size)
{
    name_of((uintptr_t)code, true, text, size);
}

/* ---- which builds run ---- */

/* The first module is the program. */
static int first_module(struct dl_phdr_info *module, size_t size, void *data)
{
    (void)size;
    module_id(module, data);
    return 1;
}

void bri_build_ids(char program[2 * BRI_BUILD_ID + 1], char library[2 * BRI_BUILD_ID + 1])
{
    bri_function_id id = {0};
    dl_iterate_phdr(first_module, &id);
    hex(&id, program);
    memset(&id, 0, sizeof id);
    dl_iterate_phdr(identify_in, &(query){.address = (uintptr_t)bri_build_ids, .id = &id});
    hex(&id, library);
}
