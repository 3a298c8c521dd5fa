// The page about runs: well-formed, the right curves, and where configurations differ.
#include "blip2/train/records/report.h"

#include <gmock/gmock.h>

#include "blip2/train/records/event_log.h"
#include "tests/report/xml_check.h"
#include "tests/support/errors.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

class RunReport : public ::testing::Test {
 protected:
  std::filesystem::path run(const std::string& name, double rate, const std::string& loss) {
    std::string log;
    for (int step = 1; step <= 40; ++step) {
      LogRow row;
      row.step = step;
      row.samples = 10 * step;
      row.loss = 9.0 / step;
      row.lr = rate;
      row.values = {{loss, 8.0 / step}};
      row.elapsed_s = step;
      row.applied = step != 7;
      log += to_json(row) + "\n";
    }
    folder_.write(name + "/log.jsonl", log);
    folder_.write(name + "/config.yaml",
                  fmt::format("model: {{arch: blip2}}\nrun: {{init_lr: {}, seed: 42, "
                              "task: a <task>, output_dir: {}}}\n",
                              rate, name));
    return folder_ / name;
  }

  static std::string error_of(const std::vector<std::filesystem::path>& runs) {
    return testing::error_of([&] { run_report(runs); }).second;
  }

  const TemporaryFolder folder_;
};

TEST_F(RunReport, DrawsRunsSideBySideAndNamesWhatDiffers) {
  const std::string html = run_report({run("a", 1e-4, "loss_itc"), run("b", 3e-4, "loss_itc")});
  const MarkupCheck check = check_markup(std::string_view(html).substr(html.find('\n') + 1));
  EXPECT_EQ(check.error, "");
  // Total and ITC; rate, gradient, samples a second; beside LAVIS.
  EXPECT_EQ(check.elements.at("svg"), 6);
  EXPECT_THAT(html, HasSubstr("a &lt;task&gt;"));
  EXPECT_THAT(html, HasSubstr("LAVIS, ViT-g"));
  EXPECT_THAT(html, Not(HasSubstr("LAVIS, OPT")));
  EXPECT_THAT(html, HasSubstr("run.init_lr"));
  EXPECT_THAT(html, Not(HasSubstr("run.seed")));
  EXPECT_THAT(html, Not(HasSubstr("run.output_dir")));
}

TEST_F(RunReport, ASingleRunShowsItsWholeConfiguration) {
  const std::string html = run_report({run("alone", 1e-4, "loss_lm")});
  EXPECT_THAT(html, HasSubstr("run.seed"));
  EXPECT_THAT(html, HasSubstr("LAVIS, OPT"));
}

TEST_F(RunReport, RunsOfTheSameNameGetDifferentLabels) {
  const std::string html =
      run_report({run("one/run", 1e-4, "loss_itc"), run("two/run", 1e-4, "loss_itc")});
  EXPECT_THAT(html, HasSubstr("one/run"));
  EXPECT_THAT(html, HasSubstr("two/run"));
  EXPECT_THAT(html, HasSubstr("None: all runs have the same configuration"));
}

TEST_F(RunReport, SaysWhichFileIsBad) {
  const auto good = run("good", 1e-4, "loss_itc");
  EXPECT_THAT(error_of({}), HasSubstr("at least one run"));
  EXPECT_THAT(error_of({good, folder_ / "none"}), HasSubstr("none/log.jsonl"));
  folder_.write("empty/log.jsonl", "");
  folder_.write("empty/config.yaml", "run: {}");
  EXPECT_THAT(error_of({folder_ / "empty"}), HasSubstr("expected at least one row"));
  folder_.write("empty/config.yaml", "run: {");
  EXPECT_THAT(error_of({folder_ / "empty"}), HasSubstr("empty/config.yaml"));
}

}  // namespace
}  // namespace blip2
