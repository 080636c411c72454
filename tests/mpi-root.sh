# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# mpi-root.sh - sourced before mpirun: Open MPI refuses root unless both variables are set; others need nothing. It is told
# which transport to take on a host, the one it chooses there by itself: looking for others takes 0.2 s at each start.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMPI_MCA_pml=${OMPI_MCA_pml:-ob1}
