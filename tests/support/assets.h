// Where the real models, pictures and labels lie that tools/fetch_assets gets.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace blip2::testing {

/// $BLIP2_ASSETS, else ~/.cache/blip2.
inline std::filesystem::path assets() {
  const char* given = std::getenv("BLIP2_ASSETS");
  if (given != nullptr && *given != '\0') return given;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "" : home) / ".cache" / "blip2";
}

/// A file or folder below assets(); its absence fails the test.
inline std::filesystem::path asset(const std::string& name) {
  const std::filesystem::path path = assets() / name;
  EXPECT_TRUE(std::filesystem::exists(path)) << path << " is missing: run tools/fetch_assets";
  return path;
}

}  // namespace blip2::testing
