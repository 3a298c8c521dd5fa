// Tar files for tests, written by the system's tar: not by what reads them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "tests/support/temporary_folder.h"

namespace blip2::testing {

struct NamedBytes {
  std::string name;
  std::string bytes;
};

/// Packs files below `folder`, in this order, into `tar`. `format`: ustar, gnu or pax. Symbolic
/// links are followed.
inline void pack(const std::filesystem::path& tar, const std::filesystem::path& folder,
                 const std::vector<std::string>& names, const std::string& format = "ustar") {
  const std::filesystem::path list = tar.string() + ".list";
  std::string lines;
  for (const std::string& name : names) lines += name + "\n";
  write_file_atomic(list, lines);
  const std::string command =
      fmt::format("tar --format={} -chf '{}' -C '{}' --no-recursion -T '{}'", format, tar.string(),
                  folder.string(), list.string());
  BLIP2_CHECK(std::system(command.c_str()) == 0);
  std::filesystem::remove(list);
}

/// Writes `members` and packs them as `folder`/`name`; returns its path.
inline std::filesystem::path write_tar(const TemporaryFolder& folder, const std::string& name,
                                       const std::vector<NamedBytes>& members,
                                       const std::string& format = "ustar") {
  const TemporaryFolder loose;
  std::vector<std::string> names;
  for (const NamedBytes& member : members) {
    loose.write(member.name, member.bytes);
    names.push_back(member.name);
  }
  const std::filesystem::path tar = folder / name;
  std::filesystem::create_directories(tar.parent_path());
  pack(tar, loose.path(), names, format);
  return tar;
}

}  // namespace blip2::testing
