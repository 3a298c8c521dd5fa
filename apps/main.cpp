// The entry of the program: finds the verb, reads its options, runs it, and turns an error into one
// line and an exit status. Every verb is a file of its own beside this one.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "apps/output.h"
#include "apps/verb.h"
#include "apps/version.h"
#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/log.h"

namespace blip2 {
namespace {

enum ExitStatus { kDone = 0, kFailed = 1, kWrongCommandLine = 2, kStopped = 130 };

std::vector<Verb> all_verbs() {
  return {demo_verb(),           train_verb(),       config_show_verb(), caption_verb(),
          answer_verb(),         match_verb(),       zero_shot_verb(),   embed_verb(),
          index_build_verb(),    search_verb(),      evaluate_verb(),    capfilt_verb(),
          capfilt_status_verb(), report_verb(),      inspect_verb(),     convert_verb(),
          tokenize_verb(),       data_inspect_verb()};
}

/// Verbs of later versions.
const std::vector<std::string>& later_verbs() {
  static const std::vector<std::string> names = {"score", "quantize", "serve", "bench"};
  return names;
}

std::string overview(const std::vector<Verb>& verbs) {
  std::string text =
      "BLIP-2: training, captioning and search with a frozen image encoder and a frozen language "
      "model\n\n"
      "Usage: blip2 VERB [OPTIONS] ...      blip2 VERB --help      blip2 --version\n\n";
  for (const Verb& verb : verbs) text += fmt::format("  {:14} {}\n", verb.name, verb.summary);
  return text +
         "\nExit status: 0 all done; 1 failed; 2 the command line or configuration is wrong; 3 "
         "some inputs\n"
         "failed, the others were done; 130 interrupted. Results go to stdout, everything else to "
         "stderr.\n";
}

/// The verb that the arguments start with; removes its words from them. Throws kInvalidArgument for
/// an unknown one.
const Verb& take_verb(const std::vector<Verb>& verbs, std::vector<std::string>& arguments) {
  const std::string first = arguments.at(0);
  const std::string second = arguments.size() > 1 ? arguments[1] : "";
  const bool asks_for_help = second == "--help" || second == "-h";
  for (const std::string& name : {first + " " + second, first}) {  // "capfilt status", "capfilt"
    for (const Verb& verb : verbs) {
      if (verb.name != name) continue;
      arguments.erase(arguments.begin(), arguments.begin() + (name == first ? 1 : 2));
      return verb;
    }
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs) {
    if (verb.name.starts_with(first + " ")) {
      if (asks_for_help) {  // "index --help": the first verb of that name
        arguments.erase(arguments.begin());
        return verb;
      }
      fail(ErrorCode::kInvalidArgument, "'{}{}{}': did you mean '{}'?", first,
           second.empty() ? "" : " ", second, verb.name);
    }
    names.push_back(verb.name);
  }
  const std::vector<std::string>& later = later_verbs();
  if (std::find(later.begin(), later.end(), first) != later.end()) {
    fail(ErrorCode::kInvalidArgument, "{}: not in this version", first);
  }
  if (first.starts_with("-")) {
    fail(ErrorCode::kInvalidArgument, "expected a verb before '{}'; see blip2 --help", first);
  }
  const std::string hint = did_you_mean(first, names);
  fail(ErrorCode::kInvalidArgument, "unknown verb '{}'{}", first,
       hint.empty() ? "; see blip2 --help" : hint);
}

int run(std::vector<std::string> arguments, GeneralOptions& general) {
  const std::vector<Verb> verbs = all_verbs();
  if (!arguments.empty() && arguments[0] == "help") {  // "help caption" is "caption --help"
    arguments.erase(arguments.begin());
    arguments.push_back("--help");
  }
  if (arguments.empty()) {  // no verb, no result
    std::fputs(overview(verbs).c_str(), stderr);
    return kWrongCommandLine;
  }
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    print(overview(verbs));
    return kDone;
  }
  if (arguments[0] == "--version") {
    print(version_text());
    return kDone;
  }
  const Verb& verb = take_verb(verbs, arguments);
  Options options("blip2 " + verb.name, verb.summary);
  verb.add(options);
  options.group("Options of every verb");
  general.add(options);
  if (!options.parse(arguments)) {
    print(options.help());
    return kDone;
  }
  general.apply();
  return verb.run(general);
}

int exit_status(ErrorCode code) {
  if (code == ErrorCode::kInvalidArgument) return kWrongCommandLine;
  return code == ErrorCode::kInterrupted ? kStopped : kFailed;
}

constexpr const char* kOutOfMemory = "out of memory; a smaller --batch-size needs less";

/// Whether a message is that of torch's allocator, for memory or for a GPU.
bool tells_no_memory(const std::string& what) {
  return what.find("can't allocate memory") != std::string::npos ||
         what.find("CUDA out of memory") != std::string::npos;
}

/// Runs the command line and reports errors. Returns the exit status.
int guarded_run(std::vector<std::string> arguments) {
  GeneralOptions general;
  const bool asks_for_json =
      std::find(arguments.begin(), arguments.end(), "--log-json") != arguments.end();
  try {
    return run(std::move(arguments), general);
  } catch (const Error& error) {
    if (asks_for_json) {  // the command line may not have been parsed to its end
      general.log_json = true;
      set_log_options({.json = true, .prefix = general.line_prefix()});
    }
    // All ranks are interrupted together; rank 0 reports it.
    const bool is_said = error.code() == ErrorCode::kInterrupted && general.launch.rank > 0;
    if (is_said) return exit_status(error.code());
    const auto* faults = dynamic_cast<const ConfigFaults*>(&error);
    const std::vector<std::string> one = {error.what()};
    for (const std::string& line : faults == nullptr ? one : faults->lines()) {
      report_error(general, line);
    }
    return exit_status(error.code());
  } catch (const std::bad_alloc&) {
    report_error(general, kOutOfMemory);
  } catch (const std::exception& error) {  // of a library; a stack trace follows the first line
    const std::string what = error.what();
    report_error(general, tells_no_memory(what) ? kOutOfMemory : what.substr(0, what.find('\n')));
  }
  return kFailed;
}

}  // namespace
}  // namespace blip2

int main(int argc, char** argv) {
  // Every step of training allocates and frees the same gigabyte. By default malloc returns large
  // pieces to the system each time, and a fifth of the time is spent on zeroed pages again.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
  blip2::install_interrupt_handlers();
  // A closed stdout becomes an error of print(), so that incomplete folders are removed.
  std::signal(SIGPIPE, SIG_IGN);
  const int status = blip2::guarded_run({argv + 1, argv + argc});
  std::fflush(nullptr);
  std::_Exit(status);  // everything is written, and torch's own cleanup takes 0.1 s
}
