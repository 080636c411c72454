# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# mpi-root.sh - sourced before mpirun: Open MPI refuses root unless both variables are set; others need nothing.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
