// Rows have the fields and the order that users rely on, and failures stand in input order.
#include "blip2/tasks/rows.h"

#include <gmock/gmock.h>

#include "blip2/tasks/row_order.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;

TEST(Rows, OfCaptions) {
  const Row row = caption_row("a.png", {{"a cat", -0.5, {4, 9}}, {"a\tdog", -2, {4}}});
  EXPECT_EQ(row.json, R"({"image":"a.png","captions":["a cat","a\tdog"],"scores":[-0.5,-2.0],)"
                      R"("tokens":[[4,9],[4]]})");
  EXPECT_EQ(row.text, "a.png\ta cat\na.png\ta dog");
}

TEST(Rows, OfAnswers) {
  const Row row = answer_row("a.png", {"why", "\"x1\"", 3}, {"so", -1.5});
  EXPECT_EQ(row.json,
            R"({"image":"a.png","question":"why","question_id":"x1","answer":"so","score":-1.5})");
  EXPECT_EQ(row.text, "a.png\twhy\tso");
  EXPECT_EQ(answer_row("a.png", {"why", "", 0}, {"so", -1.5}).json,
            R"({"image":"a.png","question":"why","answer":"so","score":-1.5})");
}

TEST(Rows, OfQuestionsThatFail) {
  const Row refused = refused_question_row("a.png", {"why", "7", 3, 0, "q.jsonl:3"}, "too long");
  EXPECT_EQ(refused.error, "q.jsonl:3: too long");
  EXPECT_EQ(refused.json, R"({"image":"a.png","question":"why","question_id":7,"line":3,)"
                          R"("error":"q.jsonl:3: too long"})");
  const Row bad = bad_line_row({"", {"", "", 2}, "q.jsonl:2: expected"});
  EXPECT_EQ(bad.error, "q.jsonl:2: expected");
  EXPECT_EQ(bad.json, R"({"line":2,"error":"q.jsonl:2: expected"})");
  const Row partly = bad_line_row({"a.png", {"why", "\"x\""}, "q.json[1]: expected"});
  EXPECT_EQ(partly.json, R"({"image":"a.png","question":"why","question_id":"x",)"
                         R"("error":"q.json[1]: expected"})");
}

TEST(Rows, WaitForThoseBeforeThem) {
  RowOrder order;
  order.put(2, {Row{"2"}});
  order.put(1, {Row{"1a"}, Row{"1b"}});
  EXPECT_THAT(order.take(), ElementsAre());
  order.put(0, {Row{"0"}});
  std::vector<std::string> rows;
  for (const Row& row : order.take()) rows.push_back(row.json);
  EXPECT_THAT(rows, ElementsAre("0", "1a", "1b", "2"));
  order.put(3, {});
  EXPECT_THAT(order.take(), ElementsAre());
}

TEST(Rows, OfMatches) {
  const Match whole = {Match::Itm{0.75, {-1, 0.5}}, 0.25};
  EXPECT_EQ(match_row("a.png", "a cat", whole).json,
            R"({"image":"a.png","text":"a cat","itm":0.75,"itm_logits":[-1.0,0.5],"itc":0.25})");
  EXPECT_EQ(match_row("a.png", "a cat", whole).text, "a.png\ta cat\titm 0.7500\titc 0.2500");
  const Match without_head = {std::nullopt, 0.25};
  EXPECT_EQ(match_row("a.png", "a cat", without_head).json,
            R"({"image":"a.png","text":"a cat","itm":null,"itm_logits":null,"itc":0.25})");
}

TEST(Rows, OfClassifications) {
  const Row row = classification_row("a.png", {"cat", "dog"}, {1, {0.25, 0.75}});
  EXPECT_EQ(
      row.json,
      R"({"image":"a.png","label":"dog","probability":0.75,"labels":{"cat":0.25,"dog":0.75}})");
  EXPECT_EQ(row.text, "a.png\tdog\t0.7500");
}

TEST(Rows, OfFeaturesAndSearchesAndTokens) {
  const std::string text = "a cat";
  EXPECT_EQ(feature_row("a.png", nullptr, 3).json, R"({"image":"a.png","row":3})");
  EXPECT_EQ(feature_row("", &text, 0).json, R"({"image":null,"row":0,"text":"a cat"})");
  EXPECT_EQ(found_row("a cat", 1, {4, "a.png", 0.5}).json,
            R"({"query":"a cat","rank":1,"image":"a.png","score":0.5})");
  EXPECT_EQ(found_row("a cat", 1, {4, "a.png", 0.5}).text, "a cat\t1\t0.5000\ta.png");
  EXPECT_EQ(token_row("a cat", {4, 9}, {"a", "cat"}).json,
            R"({"text":"a cat","ids":[4,9],"pieces":["a","cat"]})");
}

TEST(Rows, AFailureNamesItsInputOnce) {
  EXPECT_EQ(failure_row("image", "a.png", "a.png: cannot open").error, "a.png: cannot open");
  EXPECT_EQ(failure_row("image", "a.png", "too large").error, "a.png: too large");
  EXPECT_EQ(failure_row("query", "a\n", "a\\n: too large").error, "a\\n: too large");
  EXPECT_EQ(failure_row("image", "a.png", "too large").json,
            R"({"image":"a.png","error":"too large"})");
}

TEST(Rows, AreInTheOrderOfTheInputs) {
  PictureBatch batch;
  batch.pictures = {{.input = 1, .path = "1", .pixels = {}},
                    {.input = 4, .path = "4", .pixels = {}}};
  batch.failures = {{0, "0", "no"}, {2, "2", "no"}, {3, "3", "no"}, {5, "5", "no"}};
  std::vector<std::string> order;
  const auto row_of = [](const char* json) { return Row{.json = json}; };
  const BatchRows of_pictures = {{row_of("1a"), row_of("1b")}, {row_of("4")}};
  for (const Row& row : rows_in_order(batch, of_pictures)) {
    order.push_back(row.error.empty() ? row.json : row.error);
  }
  EXPECT_THAT(order, ElementsAre("0: no", "1a", "1b", "2: no", "3: no", "4", "5: no"));
}

}  // namespace
}  // namespace blip2
