# SPDX-License-Identifier: BSD-3-Clause
# bench/*.c make one program, bramble-bench. The limits it measures stand on the same libraries as ours do.
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.c)
if(bench_sources)
    add_executable(bramble-bench ${bench_sources})
    bri_common(bramble-bench)
    target_include_directories(bramble-bench PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(bramble-bench PRIVATE bramble ${BRAMBLE_PRIVATE_LIBRARIES})
    set_target_properties(bramble-bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
endif()
