# What `cmake --install` puts where: the library, its header, deconvnet.pc, a CMake package, the man
# pages and the text of the licence. The command installs itself beside its target.
include(CMakePackageConfigHelpers)

set(DCN_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/deconvnet)
target_include_directories(deconvnet INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS deconvnet EXPORT deconvnetTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/deconvnet.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT deconvnetTargets NAMESPACE deconvnet:: DESTINATION ${DCN_CMAKE_DIR})

configure_package_config_file(cmake/deconvnetConfig.cmake.in
    ${CMAKE_BINARY_DIR}/deconvnetConfig.cmake INSTALL_DESTINATION ${DCN_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/deconvnetConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/deconvnetConfig.cmake
    ${CMAKE_BINARY_DIR}/deconvnetConfigVersion.cmake DESTINATION ${DCN_CMAKE_DIR})

# `cmake --install --prefix X` moves the prefix after this file was read: the .pc file is therefore
# made at install time.
install(CODE "
  cmake_path(IS_ABSOLUTE CMAKE_INSTALL_PREFIX absolute)
  if(NOT absolute)
    get_filename_component(CMAKE_INSTALL_PREFIX \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
  endif()
  set(PROJECT_VERSION ${PROJECT_VERSION})
  set(DCN_PC_INCLUDEDIR \"\\\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}\")
  set(DCN_PC_LIBDIR \"\\\${prefix}/${CMAKE_INSTALL_LIBDIR}\")
  configure_file(${CMAKE_SOURCE_DIR}/cmake/deconvnet.pc.in ${CMAKE_BINARY_DIR}/deconvnet.pc @ONLY)
  file(INSTALL ${CMAKE_BINARY_DIR}/deconvnet.pc
      DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\")")

file(GLOB DCN_MAN CONFIGURE_DEPENDS docs/man/*.1)
if(DCN_MAN)
  install(FILES ${DCN_MAN} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
