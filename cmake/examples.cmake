# SPDX-License-Identifier: BSD-3-Clause
# Each examples/NN_name.c is one program against the shared library and the public headers, as a user's is;
# a directory of the same name holds further files of it. Those that draw share svg.c.
add_library(example_svg STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/examples/svg.c)
bri_common(example_svg)
file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/[0-9][0-9]_*.c)
foreach(source IN LISTS example_sources)
    cmake_path(GET source STEM name)
    file(GLOB further_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/${name}/*.c)
    add_executable(example_${name} ${source} ${further_sources})
    bri_common(example_${name})
    target_link_libraries(example_${name} PRIVATE example_svg bramble m)
    set_target_properties(example_${name} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
endforeach()

# It names the axes of its files by HDF5's own calls; bramble's users need no HDF5 headers otherwise.
find_library(BRAMBLE_HDF5_HL hdf5_serial_hl REQUIRED HINTS ${BRAMBLE_HDF5_LIBRARY_DIRS})
target_link_libraries(example_04_climate PRIVATE ${BRAMBLE_HDF5_HL} PkgConfig::BRAMBLE_HDF5)
