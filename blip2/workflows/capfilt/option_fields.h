// The configuration of a CapFilt job as options of a command line: each field is an option of its
// name, except those that every verb has.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "blip2/base/config.h"
#include "blip2/workflows/capfilt/config.h"

namespace blip2 {

/// Holds what the options are bound to, and stays where it is.
class CapFiltOptionFields {
 public:
  struct Field {
    std::string name;   ///< "--num-kept"
    std::string form;   ///< "--num-kept N"
    std::string group;  ///< the group of the configuration, "" for none
    std::string path;   ///< of the configuration: "generation.top_p"
    std::string help;
    ConfigSlot slot;  ///< where the value goes; it holds the default
    Limit limit;
  };

  CapFiltOptionFields();
  CapFiltOptionFields(const CapFiltOptionFields&) = delete;
  CapFiltOptionFields& operator=(const CapFiltOptionFields&) = delete;

  const std::vector<Field>& fields() const { return fields_; }

  /// The values of the options that were given.
  std::vector<ConfigOverride> overrides(
      const std::function<bool(const std::string& name)>& is_given) const;

 private:
  void add(const ConfigNode& group, const std::string& prefix);

  CapFiltConfig config_;
  std::list<std::string> switches_;  // values of fields that are on by default
  std::vector<Field> fields_;
};

}  // namespace blip2
