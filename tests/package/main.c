/* SPDX-License-Identifier: BSD-3-Clause
 * main.c - an outside program: it prints the library's version, which must be that of the headers.
 */
#include <bramble/bramble.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("%s\n", br_version());
    return strcmp(br_version(), BR_VERSION_TEXT) != 0;
}
