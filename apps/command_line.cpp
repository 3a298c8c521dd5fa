// Declares options with the parsing library, and turns what it says of a command line into our
// messages.
#include "apps/command_line.h"

#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

/// Most values of an option. The library splits "[a,b]" in lists without a limit only.
constexpr int kMany = 1 << 20;
/// Added after a "]" at the end, so that the library does not read "[SEP]" as a list.
constexpr char kBracketEnd = '\x01';

/// Usage lines that show "IMAGE..." as it was declared.
class Format : public CLI::Formatter {
 public:
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name = option->get_name(true) + option->get_option_text();
    return option->get_required() ? name : "[" + name + "]";
  }
};

[[noreturn]] void refuse(const std::string& name, const std::string& expected,
                         const std::string& found) {
  fail(ErrorCode::kInvalidArgument, "{}: expected {}, found {}", name, expected, quote(found));
}

template <typename Number>
Number parse_number(const std::string& name, const std::string& text, const Limit& limit) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_read = error == std::errc() && end == text.data() + text.size();
  if (!is_read || !admits(limit, static_cast<double>(number))) {
    refuse(name, limit_text(limit, std::is_integral_v<Number> ? "an integer" : "a number"), text);
  }
  return number;
}

void check_choice(const std::string& name, const std::string& text, const Limit& limit) {
  if (!admits(limit, text)) refuse(name, choices_text(limit), text);
}

bool parse_bool(const std::string& name, const std::string& text) {
  for (const char* word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (const char* word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  refuse(name, "true or false", text);
}

/// Whether the values of an option are paths, by what --help calls them.
bool names_paths(std::string_view form) {
  for (const char* word : {"DIR", "FILE", "IMAGE", "CONFIG", "SHARD", "RUN", "SOURCE"}) {
    if (form.find(word) != std::string_view::npos) return true;
  }
  return false;
}

/// Assigns the values of an option to its variable.
struct Assign {
  const std::string& name;
  const std::vector<std::string>& values;
  const Limit& limit;

  void operator()(std::monostate) const {}
  void operator()(bool* to) const { *to = parse_bool(name, values.back()); }
  void operator()(int64_t* to) const { *to = parse_number<int64_t>(name, values.back(), limit); }
  void operator()(double* to) const { *to = parse_number<double>(name, values.back(), limit); }
  void operator()(std::string* to) const {
    check_choice(name, values.back(), limit);
    *to = values.back();
  }
  void operator()(std::vector<std::string>* to) const { *to = values; }
  template <typename T>
  void operator()(std::optional<T>* to) const {
    T value{};
    (*this)(&value);
    *to = value;
  }
};

/// The default of an option, for --help; "" for none.
struct Default {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const bool*) const { return ""; }
  std::string operator()(const std::vector<std::string>* list) const {
    return fmt::format("{}", fmt::join(*list, " "));
  }
  template <typename T>
  std::string operator()(const std::optional<T>*) const {
    return "";
  }
  template <typename T>
  std::string operator()(const T* value) const {
    return fmt::format("{}", *value);
  }
};

std::string described(std::string_view help, const Limit& limit, const std::string& fallback) {
  std::string text(help);
  if (!limit.choices.empty()) text += fmt::format(": {}", fmt::join(limit.choices, ", "));
  if (!fallback.empty()) text += fmt::format(" [{}]", fallback);
  return text;
}

}  // namespace

struct Options::State {
  CLI::App app;
  std::string heading = "Options";
  std::vector<std::string> names;  // of options, for the nearest one

  /// Throws for the first argument that no option takes.
  void refuse_unknown() const {
    std::vector<std::string> left = app.remaining();
    std::erase(left, "--");
    if (left.empty()) return;
    const std::string name = left.front().substr(0, left.front().find('='));
    if (!name.starts_with("-") || name == "-") {
      fail(ErrorCode::kInvalidArgument, "unexpected argument '{}'", left.front());
    }
    fail(ErrorCode::kInvalidArgument, "unknown option '{}'{}", name, did_you_mean(name, names));
  }

  /// Throws for an option without its value. The library's message starts with the option's name.
  [[noreturn]] void refuse_missing(const std::string& message) const {
    const std::string name = message.substr(0, message.find(':'));
    const CLI::Option* option = app.get_option_no_throw(name);
    std::string value = option == nullptr ? "" : option->get_option_text();
    if (value.ends_with("...")) value.resize(value.size() - 3);
    fail(ErrorCode::kInvalidArgument, "{}: expected {}, found nothing", name,
         value.empty() ? "a value" : value);
  }
};

Options::Options(const std::string& command, const std::string& summary)
    : state_(std::make_unique<State>()) {
  CLI::App& app = state_->app;
  app.name(command);
  app.description(summary);
  app.formatter(std::make_shared<Format>());
  app.get_formatter()->column_width(34);
  app.set_help_flag("-h,--help", "this text");
  app.allow_extras();
  state_->names.push_back("--help");
}

Options::~Options() = default;

void Options::group(const std::string& heading) { state_->heading = heading; }

void Options::footer(const std::string& text) { state_->app.footer(text); }

void Options::declare(std::string_view form, ConfigSlot slot, std::string_view help,
                      const Limit& limit, Presence presence) {
  const size_t space = form.find(' ');
  std::string name(form.substr(0, space));
  std::string value(space == std::string_view::npos ? "" : form.substr(space + 1));
  const bool is_option = name.starts_with("--");
  const bool takes_many = form.ends_with("...");
  if (!is_option && takes_many) {
    name.resize(name.size() - 3);
    value = "...";
  }
  Limit shown = limit;
  if (value.find('|') != std::string::npos) shown.choices.clear();  // the form names them
  std::string text = described(help, shown, std::visit(Default{}, slot));
  if (is_option && presence == Presence::kRequired) text += " (required)";
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(slot);
  const bool is_switch = std::holds_alternative<bool*>(slot);
  const bool is_path = names_paths(form);
  const auto assign = [name, slot, limit, is_list, is_switch,
                       is_path](const std::vector<std::string>& values) {
    if (is_path && std::ranges::find(values, "") != values.end()) refuse(name, "a path", "");
    std::vector<std::string> clean = values;
    for (std::string& one : clean) {
      if (one.ends_with(kBracketEnd)) one.pop_back();
    }
    if (clean.size() > 1 && !is_list && !is_switch) {
      fail(ErrorCode::kInvalidArgument, "{}: expected one value, found {}: '{}'", name,
           clean.size(), fmt::join(clean, "', '"));
    }
    std::visit(Assign{name, clean, limit}, slot);
    return true;
  };
  CLI::Option* option = state_->app.add_option(name, assign, text);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (is_switch) {
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->expected(0);
  } else {
    option->type_size(1)->type_name(value)->option_text(value);
    if (is_list) {
      option->expected(1, is_option && takes_many ? kMany : CLI::detail::expected_max_vector_size);
      option->allow_extra_args(!is_option);
    }
  }
  option->group(is_option ? state_->heading : "");
  if (!is_option) option->group("Options");
  option->required(presence == Presence::kRequired);
  if (is_option) state_->names.push_back(name);
}

bool Options::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed;  // the order that the library expects
  for (auto argument = arguments.rbegin(); argument != arguments.rend(); ++argument) {
    if (argument->starts_with("--") && argument->find('=') + 1 == argument->size()) {
      reversed.insert(reversed.end(), {"", argument->substr(0, argument->size() - 1)});
      continue;  // "--model=": the library would take the next argument as the value
    }
    reversed.push_back(*argument);
    if (argument->ends_with(']')) reversed.back() += kBracketEnd;
  }
  try {
    state_->app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return false;
  } catch (const Error&) {  // a wrong value; an unknown option is reported first
    state_->refuse_unknown();
    throw;
  } catch (const CLI::ArgumentMismatch& error) {
    state_->refuse_unknown();
    state_->refuse_missing(error.what());
  } catch (const CLI::ParseError& error) {
    state_->refuse_unknown();
    fail(ErrorCode::kInvalidArgument, "{}", error.what());
  }
  state_->refuse_unknown();
  return true;
}

bool Options::given(const std::string& name) const {
  const CLI::Option* option = state_->app.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

std::string Options::help() const { return state_->app.help(); }

}  // namespace blip2
