# SPDX-License-Identifier: BSD-3-Clause
# The library: everything is compiled once, as position-independent objects, and then linked twice.
set(layers
    runtime array/expr array/ops array/ops/text array/plan array/io
    scheduler scheduler/futures scheduler/graph scheduler/threads scheduler/mpi
    scheduler/workers)
set(library_sources)
foreach(layer IN LISTS layers)
    file(GLOB layer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${layer}/*.c)
    list(APPEND library_sources ${layer_sources})
endforeach()

# The kernels are compiled once for each instruction set: BRI_KERNEL_OBJECTS are those objects,
# BRI_KERNEL_SOURCES the files that stand outside of that.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_C_STANDARD 11)
add_subdirectory(array/kernels)
get_directory_property(kernel_targets DIRECTORY array/kernels BUILDSYSTEM_TARGETS)
foreach(target IN LISTS kernel_targets)
    bri_common(${target})
    target_compile_options(${target} PRIVATE ${BRAMBLE_KERNEL_FLAGS})
    if(CMAKE_C_COMPILER_ID STREQUAL GNU AND BRAMBLE_SANITIZE MATCHES address)
        # gcc 12 puts arrays of vectors on a stack of its own, where they are not aligned.
        target_compile_options(${target} PRIVATE --param=asan-use-after-return=0)
    endif()
endforeach()

add_library(bri_objects OBJECT ${library_sources} ${BRI_KERNEL_SOURCES})
bri_common(bri_objects)
target_include_directories(bri_objects PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(bri_objects PRIVATE ${BRAMBLE_PRIVATE_LIBRARIES})

# Where the library finds its helper programs (runtime/child.c): from its own directory, and as installed.
set(BRAMBLE_LIBEXEC ${CMAKE_INSTALL_LIBEXECDIR}/bramble)
cmake_path(APPEND CMAKE_INSTALL_FULL_LIBEXECDIR bramble OUTPUT_VARIABLE libexec_full)
file(RELATIVE_PATH libexec_from_lib ${CMAKE_INSTALL_FULL_LIBDIR} ${libexec_full})
set_source_files_properties(${PROJECT_SOURCE_DIR}/runtime/child.c PROPERTIES COMPILE_DEFINITIONS
    "BRI_LIBEXEC=\"${libexec_full}\";BRI_LIBEXEC_FROM_LIB=\"/${libexec_from_lib}\"")

set(bramble_objects $<TARGET_OBJECTS:bri_objects> ${BRI_KERNEL_OBJECTS})
add_library(bramble SHARED ${bramble_objects})
add_library(bramble_static STATIC ${bramble_objects})
add_library(bramble::bramble ALIAS bramble)
add_library(bramble::bramble_static ALIAS bramble_static)

foreach(target bramble bramble_static)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME bramble LINKER_LANGUAGE C)
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE ${BRAMBLE_PRIVATE_LIBRARIES} $<BUILD_INTERFACE:bri_flags>)
endforeach()

set_target_properties(bramble PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# clang leaves the sanitizers' own symbols to the program.
if(NOT (BRAMBLE_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES Clang))
    target_link_options(bramble PRIVATE -Wl,--no-undefined)
endif()
