/* SPDX-License-Identifier: BSD-3-Clause
 * main.c - an outside program: it prints the library's version, which must be that of the headers.
 */
#include <bramble/bramble.h>
#include <stdio.h>

int main(void)
{
    printf("%d\n", br_version());
    return br_version() != BR_VERSION;
}
