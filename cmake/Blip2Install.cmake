# `cmake --install`: the program, the rooms' static libraries and headers, and a CMake package. Who writes
# find_package(blip2) links blip2::blip2 (all rooms) or single rooms (blip2::text). See examples/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY BLIP2_ROOMS)
add_library(blip2_library INTERFACE)
add_library(blip2::blip2 ALIAS blip2_library)
set_property(TARGET blip2_library PROPERTY EXPORT_NAME blip2)
target_link_libraries(blip2_library INTERFACE ${rooms})

# torch's wheel stays where it is: the installed program finds its libraries there.
get_filename_component(torch_libraries ${LibTorchCPU_LIBRARY} DIRECTORY)
set_property(TARGET blip2 PROPERTY INSTALL_RPATH ${torch_libraries})

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/blip2)
install(TARGETS blip2 RUNTIME)
install(TARGETS ${rooms} blip2_library EXPORT blip2Targets ARCHIVE)
install(DIRECTORY blip2 DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT blip2Targets NAMESPACE blip2:: DESTINATION ${package_directory})
configure_package_config_file(cmake/blip2Config.cmake.in ${CMAKE_BINARY_DIR}/blip2Config.cmake
  INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/blip2ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/blip2Config.cmake ${CMAKE_BINARY_DIR}/blip2ConfigVersion.cmake
  cmake/Blip2Dependencies.cmake cmake/FindLibTorchCPU.cmake DESTINATION ${package_directory})
if(TARGET blip2_parquet)  # the program looks for it in its own folder
  install(TARGETS blip2_parquet LIBRARY DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
