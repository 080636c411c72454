/* SPDX-License-Identifier: BSD-3-Clause
 * version.h - the version of the headers, to be compared with br_version() of the library.
 *
 * MAJOR rises when a program must be changed, MINOR when functions are added, PATCH for repairs.
 * Before 1.0 MINOR may also mean a change; the shared library's SOVERSION is then MAJOR.MINOR.
 */
#ifndef BRAMBLE_VERSION_H
#define BRAMBLE_VERSION_H

#define BR_VERSION_MAJOR 0
#define BR_VERSION_MINOR 1
#define BR_VERSION_PATCH 0
#define BR_VERSION       (BR_VERSION_MAJOR * 10000 + BR_VERSION_MINOR * 100 + BR_VERSION_PATCH)
#define BR_VERSION_TEXT  "0.1.0"

#endif
