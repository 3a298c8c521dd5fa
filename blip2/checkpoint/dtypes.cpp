// The table.
#include "blip2/checkpoint/dtypes.h"

#include <array>

namespace blip2 {
namespace {

constexpr std::array kDtypes = {
    DtypeNames{at::ScalarType::Bool, "bool", "BOOL", "BoolStorage"},
    DtypeNames{at::ScalarType::Byte, "uint8", "U8", "ByteStorage"},
    DtypeNames{at::ScalarType::Char, "int8", "I8", "CharStorage"},
    DtypeNames{at::ScalarType::Float8_e5m2, "float8_e5m2", "F8_E5M2", ""},
    DtypeNames{at::ScalarType::Float8_e4m3fn, "float8_e4m3fn", "F8_E4M3", ""},
    DtypeNames{at::ScalarType::Float8_e8m0fnu, "float8_e8m0fnu", "F8_E8M0", ""},
    DtypeNames{at::ScalarType::Float8_e4m3fnuz, "float8_e4m3fnuz", "F8_E4M3FNUZ", ""},
    DtypeNames{at::ScalarType::Float8_e5m2fnuz, "float8_e5m2fnuz", "F8_E5M2FNUZ", ""},
    DtypeNames{at::ScalarType::Short, "int16", "I16", "ShortStorage"},
    DtypeNames{at::ScalarType::UInt16, "uint16", "U16", ""},
    DtypeNames{at::ScalarType::Half, "float16", "F16", "HalfStorage"},
    DtypeNames{at::ScalarType::BFloat16, "bfloat16", "BF16", "BFloat16Storage"},
    DtypeNames{at::ScalarType::Int, "int32", "I32", "IntStorage"},
    DtypeNames{at::ScalarType::UInt32, "uint32", "U32", ""},
    DtypeNames{at::ScalarType::Float, "float32", "F32", "FloatStorage"},
    DtypeNames{at::ScalarType::ComplexFloat, "complex64", "C64", "ComplexFloatStorage"},
    DtypeNames{at::ScalarType::Double, "float64", "F64", "DoubleStorage"},
    DtypeNames{at::ScalarType::Long, "int64", "I64", "LongStorage"},
    DtypeNames{at::ScalarType::UInt64, "uint64", "U64", ""},
    DtypeNames{at::ScalarType::ComplexDouble, "complex128", "", "ComplexDoubleStorage"},
};

}  // namespace

std::span<const DtypeNames> dtypes() { return kDtypes; }

std::string_view dtype_name(at::ScalarType dtype) {
  for (const DtypeNames& known : kDtypes) {
    if (known.dtype == dtype) return known.name;
  }
  return c10::toString(dtype);
}

}  // namespace blip2
