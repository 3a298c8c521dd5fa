// Typed reading of JSON objects: what is taken, and the message for everything else.
#include "blip2/base/json_fields.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "blip2/base/error.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& read, ErrorCode code = ErrorCode::kCorruptData) {
  try {
    read();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "none";
}

class JsonFieldsTest : public ::testing::Test {
 protected:
  std::string error_of_member(const json& value, const std::function<void(const JsonFields&)>& read,
                              ErrorCode code = ErrorCode::kCorruptData) {
    const json object = {{"key", value}};
    return error_of([&] { read(JsonFields(object, "a.json")); }, code);
  }
};

TEST_F(JsonFieldsTest, MembersAreReadByTheirTypes) {
  const json object = {{"size", 3},      {"number", 0.5},       {"flag", true},   {"text", "x"},
                       {"list", {1, 2}}, {"inner", {{"a", 1}}}, {"null", nullptr}};
  const JsonFields fields(object, "a.json");
  EXPECT_EQ(fields.size("size", 1), 3);
  EXPECT_EQ(fields.integer("size"), 3);
  EXPECT_EQ(fields.number("number"), 0.5);
  EXPECT_EQ(fields.number("size"), 3.0);
  EXPECT_EQ(fields.positive("number", 1), 0.5);
  EXPECT_TRUE(fields.flag("flag", false));
  EXPECT_EQ(fields.text("text"), "x");
  EXPECT_EQ(fields.array("list").size(), 2u);
  EXPECT_EQ(fields.first_integer("list", 7), 1);
  EXPECT_EQ(fields.first_integer("size", 7), 3);
  EXPECT_EQ(fields.fields("inner").integer("a"), 1);
  EXPECT_EQ(fields.fields("inner").where(), "a.json: inner");
  EXPECT_EQ(fields.object("inner").size(), 1u);
}

TEST_F(JsonFieldsTest, MissingAndNullMembersGiveTheFallback) {
  const json object = {{"null", nullptr}};
  const JsonFields fields(object, "a.json");
  for (const char* key : {"null", "missing"}) {
    EXPECT_FALSE(fields.has(key));
    EXPECT_EQ(fields.integer(key, 7), 7);
    EXPECT_EQ(fields.first_integer(key, 7), 7);
    EXPECT_EQ(fields.number(key, 0.5), 0.5);
    EXPECT_EQ(fields.flag(key, true), true);
    EXPECT_EQ(fields.optional_flag(key), std::nullopt);
    EXPECT_EQ(fields.text(key, "x"), "x");
    EXPECT_TRUE(fields.object(key).empty());
    EXPECT_EQ(error_of([&] { fields.need(key); }),
              std::string("a.json: expected \"") + key + "\", found none");
    EXPECT_EQ(error_of([&] { fields.integer(key); }),
              std::string("a.json: ") + key + ": expected an integer, found nothing");
  }
}

TEST_F(JsonFieldsTest, AnotherTypeIsRefusedWithWhatWasFound) {
  EXPECT_EQ(error_of_member("3", [](auto& f) { f.integer("key", 1); }),
            "a.json: key: expected an integer, found \"3\"");
  EXPECT_EQ(error_of_member(2.5, [](auto& f) { f.integer("key", 1); }),
            "a.json: key: expected an integer, found 2.5");
  EXPECT_EQ(error_of_member(UINT64_MAX, [](auto& f) { f.integer("key", 1); }),
            "a.json: key: expected an integer, found 18446744073709551615");
  EXPECT_EQ(error_of_member({3}, [](auto& f) { f.integer("key", 1); }),
            "a.json: key: expected an integer, found [3]");
  EXPECT_EQ(error_of_member({2.5}, [](auto& f) { f.first_integer("key", 1); }),
            "a.json: key: expected an integer, found [2.5]");
  EXPECT_EQ(error_of_member(1, [](auto& f) { f.flag("key", true); }),
            "a.json: key: expected true or false, found 1");
  EXPECT_EQ(error_of_member(1, [](auto& f) { f.text("key"); }),
            "a.json: key: expected a string, found 1");
  EXPECT_EQ(error_of_member(1, [](auto& f) { f.array("key"); }),
            "a.json: key: expected an array, found 1");
  EXPECT_EQ(error_of_member(1, [](auto& f) { f.fields("key"); }),
            "a.json: key: expected an object, found 1");
}

TEST_F(JsonFieldsTest, NumbersKeepTheirLimits) {
  EXPECT_EQ(error_of_member(0, [](auto& f) { f.size("key", 1); }),
            "a.json: key: expected an integer from 1 to 2147483647, found 0");
  EXPECT_EQ(error_of_member(0, [](auto& f) { f.positive("key", 1); }),
            "a.json: key: expected a number above 0, found 0");
  EXPECT_EQ(error_of_member(9, [](auto& f) { f.integer("key", 1, between(1, 8)); }),
            "a.json: key: expected an integer from 1 to 8, found 9");
}

TEST_F(JsonFieldsTest, OneSupportedValueIsRequired) {
  EXPECT_EQ(error_of_member(
                "relu", [](auto& f) { f.require_text("key", "gelu"); }, ErrorCode::kUnsupported),
            "a.json: key: only \"gelu\" is supported, found \"relu\"");
  EXPECT_EQ(error_of_member(
                false, [](auto& f) { f.require_flag("key", true); }, ErrorCode::kUnsupported),
            "a.json: key: only true is supported, found false");
  EXPECT_EQ(error_of_member("gelu", [](auto& f) { f.require_text("key", "gelu"); }), "none");
}

TEST_F(JsonFieldsTest, WhatWasFoundStaysOnALineAndIsShort) {
  const auto read = [](const JsonFields& fields) { fields.integer("key", 1); };
  EXPECT_THAT(error_of_member("a\n\xff", read), HasSubstr("found \"a\\n\\ufffd\""));
  EXPECT_LT(error_of_member(std::string(10'000, 'x'), read).size(), 200u);
  EXPECT_THAT(error_of_member(json(std::vector<int>(17)), read), HasSubstr("found an array"));
  // Writing it out would take a frame of the stack for each bracket.
  const std::string brackets = std::string(100'000, '[') + std::string(100'000, ']');
  const json deep = json::parse("{\"key\": " + brackets + "}");
  EXPECT_THAT(error_of([&] { read(JsonFields(deep, "a.json")); }), HasSubstr("found an array"));
}

TEST_F(JsonFieldsTest, FilesAndTextsMustHoldOneObject) {
  const auto parse = [](const char* text) {
    return error_of([&] { parse_json_object<json>(text, "a.json"); });
  };
  EXPECT_EQ(parse("{\"a\": 1}"), "none");
  EXPECT_EQ(parse("[]"), "a.json: expected a JSON object, found []");
  EXPECT_EQ(parse("{"), "a.json: expected a JSON object, found text that is not JSON");
  EXPECT_EQ(parse(""), "a.json: expected a JSON object, found text that is not JSON");
  const testing::TemporaryFolder folder;
  folder.write("a.json", "{\"b\": 1, \"a\": 2}");
  EXPECT_EQ(read_json_object<nlohmann::ordered_json>(folder / "a.json").dump(),
            "{\"b\":1,\"a\":2}");
  EXPECT_THAT(error_of([&] { read_json_object<json>(folder / "none"); }, ErrorCode::kNotFound),
              HasSubstr("none"));
}

TEST_F(JsonFieldsTest, ElementsAreOfAType) {
  EXPECT_EQ(as_text(json("x"), "a.json"), "x");
  EXPECT_EQ(as_integer(json(3), "a.json"), 3);
  EXPECT_EQ(error_of([] { as_text(json(3), "a.json"); }), "a.json: expected a string, found 3");
  EXPECT_EQ(error_of([] { as_integer(json("3"), "a.json"); }),
            "a.json: expected an integer, found \"3\"");
  EXPECT_EQ(error_of([] { as_array(json(3), "a.json"); }), "a.json: expected an array, found 3");
}

}  // namespace
}  // namespace blip2
