# Apache Parquet's C++ library as PyPI's pyarrow carries it: headers, and libraries named with their version alone.
# PYARROW_ROOT is the folder of the Python package; else it is looked for in .venv.
set(PYARROW_ROOT "$ENV{PYARROW_ROOT}" CACHE PATH "folder of Python's pyarrow, for the parquet plug-in")
file(GLOB _roots "${PYARROW_ROOT}" "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow")
foreach(_root ${_roots})
  file(GLOB _arrow "${_root}/libarrow.so.*")
  file(GLOB _parquet "${_root}/libparquet.so.*")
  if(NOT ArrowParquet_INCLUDE_DIR AND _arrow AND _parquet AND EXISTS "${_root}/include/parquet/api/reader.h")
    set(ArrowParquet_INCLUDE_DIR "${_root}/include")
    set(ArrowParquet_LIBRARIES ${_parquet} ${_arrow})
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowParquet REQUIRED_VARS ArrowParquet_LIBRARIES ArrowParquet_INCLUDE_DIR)
