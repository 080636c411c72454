# SPDX-License-Identifier: BSD-3-Clause
# The libraries under bramble. None of them shows in a public header, so all are linked privately.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)

# hdf5-serial and never hdf5: the latter changes its meaning when the Open MPI flavour is installed.
pkg_check_modules(BRAMBLE_HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(BRAMBLE_SLEEF REQUIRED IMPORTED_TARGET sleef)
pkg_check_modules(BRAMBLE_DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(BRAMBLE_LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(BRAMBLE_ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(BRAMBLE_BLOSC REQUIRED IMPORTED_TARGET blosc)
# OpenBLAS and no other BLAS: its threads are set by openblas_set_num_threads.
pkg_check_modules(BRAMBLE_BLAS REQUIRED IMPORTED_TARGET openblas)

set(BRAMBLE_PRIVATE_LIBRARIES
    PkgConfig::BRAMBLE_HDF5 PkgConfig::BRAMBLE_SLEEF PkgConfig::BRAMBLE_DEFLATE
    PkgConfig::BRAMBLE_LZ4 PkgConfig::BRAMBLE_ZSTD PkgConfig::BRAMBLE_BLOSC PkgConfig::BRAMBLE_BLAS MPI::MPI_C Threads::Threads m ${CMAKE_DL_LIBS})
