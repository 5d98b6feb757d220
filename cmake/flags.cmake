# What the compiler and the linker are told beyond the language: warnings, sanitisers, and what makes
# a released file harder to attack (script/check-hardening looks whether it is there).
include(CheckCCompilerFlag)

add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
    -Wvla -Wformat=2 -fno-math-errno -ffp-contract=off -fno-strict-aliasing)
if(DCN_WERROR)
  # What the optimiser guesses depends on the level and on the sanitisers: it warns, no more.
  add_compile_options(-Werror -Wno-error=maybe-uninitialized -Wno-error=alloc-size-larger-than=
      -Wno-error=stringop-overflow= -Wno-error=format-truncation=)
endif()

if(DCN_SANITIZE)
  add_compile_options(-fsanitize=${DCN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DCN_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  foreach(flag -fstack-clash-protection -fcf-protection=full)      # not on every machine
    string(MAKE_C_IDENTIFIER HAVE${flag} have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
      add_compile_options(${flag})
    endif()
  endforeach()
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,text -Wl,--as-needed)
endif()

# The linker gets the paths that are installed. CMake would write others, which end with an empty
# one, into a file that is not installed yet; and an empty one is whatever folder the user stands in.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
