/* SPDX-License-Identifier: BSD-3-Clause
 * main.c - an outside program: it prints the library's version, which must be that of the headers,
 * and what opening a file as .untrusted says.
 */
#include <bramble/bramble.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("%d\n", br_version());
    if (argc > 1) {
        br_context *ctx = br_open(NULL, NULL);
        br_file *file;
        br_open_file(ctx, argv[1], &file, .untrusted = true);
        printf("%s\n", br_message(ctx));
        br_close(ctx);
    }
    return br_version() != BR_VERSION;
}
