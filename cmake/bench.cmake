# SPDX-License-Identifier: BSD-3-Clause
# bench/*.c make one program, bramble-bench. The limits it measures stand on the same libraries as ours do.
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.c)
file(GLOB bench_limits CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/limits_*.c)
if(bench_sources)
    add_executable(bramble-bench ${bench_sources})
    bri_common(bramble-bench)
    target_include_directories(bramble-bench PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(bramble-bench PRIVATE bramble ${BRAMBLE_PRIVATE_LIBRARIES})
    set_target_properties(bramble-bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    # Only when compiling: linking with -ffast-math would flush subnormal numbers in the whole process.
    set(limit_options -O3 -ffast-math -march=native)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
        list(APPEND limit_options -mprefer-vector-width=512)
    endif()
    set_source_files_properties(${bench_limits} PROPERTIES COMPILE_OPTIONS "${limit_options}")
endif()
