# The libraries that the rooms are linked with. The build includes this file, and so does the installed
# blip2Config.cmake: whoever links the rooms needs the same targets.
find_package(LibTorchCPU REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
# torch's wheel carries the headers of another fmt; the system's must be found first, or nothing links.
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/system_fmt)
file(CREATE_LINK ${fmt_include}/fmt ${CMAKE_BINARY_DIR}/system_fmt/fmt SYMBOLIC)
target_include_directories(LibTorch::c10 BEFORE INTERFACE $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/system_fmt>)

# Operators on tensors without the header of every operator there is.
target_compile_definitions(LibTorch::c10 INTERFACE AT_PER_OPERATOR_HEADERS)
pkg_check_modules(IMAGE_CODECS REQUIRED IMPORTED_TARGET libjpeg libpng libwebp libwebpdemux zlib)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(ONIGURUMA REQUIRED IMPORTED_TARGET oniguruma)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SHARDS REQUIRED IMPORTED_TARGET libarchive zlib)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
