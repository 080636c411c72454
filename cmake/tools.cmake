# SPDX-License-Identifier: BSD-3-Clause
# tools/*.c are programs that the library starts (bramble-probe) or people use. They stand on libbramble.a, of which
# the linker takes the parts they need, so that they start in milliseconds.
set(BRAMBLE_TOOLS_DIR ${PROJECT_BINARY_DIR}/tools)
file(GLOB tool_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.c)
foreach(source IN LISTS tool_sources)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    bri_common(${name})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_options(${name} PRIVATE -Wl,--as-needed -Wl,--gc-sections)
    target_link_libraries(${name} PRIVATE bramble_static ${BRAMBLE_PRIVATE_LIBRARIES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${BRAMBLE_TOOLS_DIR})
    if(BRAMBLE_INSTALL)
        install(TARGETS ${name} RUNTIME DESTINATION ${BRAMBLE_LIBEXEC})
    endif()
endforeach()
