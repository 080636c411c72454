# SPDX-License-Identifier: BSD-3-Clause
# Installed: both libraries, the public headers, bramble.pc and a CMake package. All paths in them are
# relative to the files themselves, so that the tree may be moved.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/bramble DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS bramble EXPORT bramble-shared)
install(TARGETS bramble_static EXPORT bramble-static)

# libbramble.a stands on shared libraries, so their own private needs (libudev, libgfortran, ...) are none of
# ours: the list goes into Libs.private as it is linked here, not into Requires.private, which would ask every
# user of the shared library for the development packages of all of them.
function(bramble_private_libs result)
    set(libs ${BRAMBLE_HDF5_LDFLAGS} ${BRAMBLE_SLEEF_LDFLAGS} ${BRAMBLE_DEFLATE_LDFLAGS}
             ${BRAMBLE_LZ4_LDFLAGS} ${BRAMBLE_ZSTD_LDFLAGS} ${BRAMBLE_BLOSC_LDFLAGS} ${BRAMBLE_BLAS_LDFLAGS} ${MPI_C_LIBRARIES} ${CMAKE_THREAD_LIBS_INIT} -lm ${CMAKE_DL_LIBS})
    list(TRANSFORM libs REPLACE "^([a-z]+)$" "-l\\1")
    list(JOIN libs " " libs)
    set(${result} "${libs}" PARENT_SCOPE)
endfunction()

set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bramble)
bramble_private_libs(BRAMBLE_PC_LIBS_PRIVATE)
file(RELATIVE_PATH BRAMBLE_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" BRAMBLE_PC_PREFIX "${BRAMBLE_PC_PREFIX}")

configure_file(${PROJECT_SOURCE_DIR}/cmake/bramble.pc.in ${PROJECT_BINARY_DIR}/bramble.pc @ONLY)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bramble-config.cmake.in
    ${PROJECT_BINARY_DIR}/bramble-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bramble-config-version.cmake COMPATIBILITY SameMinorVersion)

install(FILES ${PROJECT_BINARY_DIR}/bramble.pc DESTINATION ${pkgconfig_dir})
install(FILES ${PROJECT_BINARY_DIR}/bramble-config.cmake ${PROJECT_BINARY_DIR}/bramble-config-version.cmake
        DESTINATION ${package_dir})
install(EXPORT bramble-shared NAMESPACE bramble:: DESTINATION ${package_dir})
install(EXPORT bramble-static NAMESPACE bramble:: DESTINATION ${package_dir})
