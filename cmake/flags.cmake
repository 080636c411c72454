# SPDX-License-Identifier: BSD-3-Clause
# bri_flags: the flags of every target of ours, the library's as well as the programs'.
add_library(bri_flags INTERFACE)

target_compile_definitions(bri_flags INTERFACE _GNU_SOURCE)
target_compile_options(bri_flags INTERFACE
    -Wall -Wextra "$<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes;-Wstrict-prototypes>" $<$<BOOL:${BRAMBLE_WERROR}>:-Werror>
    # gcc contracts a*b+c into one rounding where the CPU can (aarch64): bits would depend on it.
    -ffp-contract=off)
# A C function travels between ranks as (build-id of its module, offset); not every linker makes one by itself.
target_link_options(bri_flags INTERFACE -Wl,--build-id=sha1)

if(BRAMBLE_SANITIZE)
    target_compile_options(bri_flags INTERFACE
        -fsanitize=${BRAMBLE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
        # gcc's manual: instrumented code makes it see uninitialised variables where there are none.
        $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(bri_flags INTERFACE -fsanitize=${BRAMBLE_SANITIZE})
endif()

if(BRAMBLE_FUZZ)
    target_compile_options(bri_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What the sources of a target of ours see: C11 with GNU extensions, the internal headers.
function(bri_common target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS ON
        C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${target} PRIVATE bri_flags)
endfunction()
