// JSON as Python's json module takes it. Right values: what CPython 3.11's json.loads gives.
#include "blip2/base/python_json.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/utf8.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Json parse(std::string_view text) { return parse_json<Json>(text, "a.json", "JSON"); }

TEST(PythonJson, ValuesOfEveryType) {
  const Json json = parse(
      " {\"a\": [1, -2, 0.5, 1e3, -1E-2, true, false, null, \"x\"], \"b\": {}, \"c\": []}\n\t");
  EXPECT_EQ(json.dump(), R"({"a":[1,-2,0.5,1000.0,-0.01,true,false,null,"x"],"b":{},"c":[]})");
  EXPECT_TRUE(json["a"][0].is_number_integer());
  EXPECT_TRUE(json["a"][3].is_number_float());
  EXPECT_EQ(parse_json<nlohmann::ordered_json>(R"({"b": 1, "a": 2, "b": 3})", "a", "JSON").dump(),
            R"({"b":3,"a":2})");
}

TEST(PythonJson, NumbersThatAreNoJson) {
  const Json json = parse(R"([NaN, Infinity, -Infinity, 1e999, -1e999, 1e-999])");
  EXPECT_TRUE(std::isnan(json[0].get<double>()));
  EXPECT_EQ(json[1].get<double>(), HUGE_VAL);
  EXPECT_EQ(json[2].get<double>(), -HUGE_VAL);
  EXPECT_EQ(json[3].get<double>(), HUGE_VAL);
  EXPECT_EQ(json[4].get<double>(), -HUGE_VAL);
  EXPECT_EQ(json[5].get<double>(), 0);
}

TEST(PythonJson, IntegersOfAnySize) {
  const Json json = parse(
      "[9223372036854775807, -9223372036854775808, 18446744073709551615, 18446744073709551616]");
  EXPECT_EQ(json[0].get<int64_t>(), INT64_MAX);
  EXPECT_EQ(json[1].get<int64_t>(), INT64_MIN);
  EXPECT_EQ(json[2].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(json[3].get<double>(), 18446744073709551616.0);
}

TEST(PythonJson, EscapesAndSurrogates) {
  EXPECT_EQ(parse(R"("\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00")").get<std::string>(),
            "\"\\/\b\f\n\r\t\u00e9\u20ac\U0001F600");
  EXPECT_EQ(parse("\"h\xc3\xa9\"").get<std::string>(), "h\u00e9");
  for (const char* lone :
       {R"("\ud800")", R"("\udc00 x")", R"("\ud800\u0041")", R"("\ud800\ud800")"}) {
    EXPECT_FALSE(is_valid_utf8(parse(lone).get<std::string>())) << lone;
  }
}

TEST(PythonJson, WhatPythonRefuses) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\":1 \"b\":2}",
                           "'a'",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "nan",
                           "-NaN",
                           "infinity",
                           "Nan",
                           "tru",
                           "1 2",
                           "\"a\nb\"",
                           "[]]",
                           "\"\\"}) {
    EXPECT_FALSE(try_parse_json<Json>(text)) << text;
  }
  EXPECT_FALSE(try_parse_json<Json>(std::string_view("[1\0]", 4)));
  EXPECT_FALSE(try_parse_json<Json>(std::string(100'000, '[')));
  EXPECT_TRUE(try_parse_json<Json>(std::string(900, '[') + std::string(900, ']')));
}

TEST(PythonJson, AFaultNamesThePlace) {
  EXPECT_THAT(testing::error_of([] { parse(R"({"a": })"); }).second,
              "a.json: expected JSON, found a syntax error at byte 6 of 7");
  const auto [code, message] = testing::error_of([] { parse("{\"a\": \"caf\xe9\"}"); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, AllOf(HasSubstr("a.json: expected text in UTF-8"), HasSubstr("0xe9")));
}

}  // namespace
}  // namespace blip2
