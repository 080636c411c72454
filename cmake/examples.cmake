# SPDX-License-Identifier: BSD-3-Clause
# Each examples/NN_name.c is one program against the shared library and the public headers, as a user's is.
file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/[0-9][0-9]_*.c)
foreach(source IN LISTS example_sources)
    cmake_path(GET source STEM name)
    add_executable(example_${name} ${source})
    bri_common(example_${name})
    target_link_libraries(example_${name} PRIVATE bramble m)
    set_target_properties(example_${name} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
endforeach()
