// Landmarks only: the whole tables are what oracle_test and tools/compare_tokenizers.py check.
#include "blip2/text/unicode_classes.h"

#include <gtest/gtest.h>

#include "blip2/text/canonical_form.h"

namespace blip2 {
namespace {

TEST(UnicodeClasses, Landmarks) {
  EXPECT_EQ(character_class(U'a'), CharacterClass::kLetter);
  EXPECT_EQ(character_class(U'中'), CharacterClass::kLetter);
  EXPECT_EQ(character_class(0x1c89), CharacterClass::kLetter);  // new in Unicode 16
  EXPECT_EQ(character_class(U'½'), CharacterClass::kNumber);
  EXPECT_EQ(character_class(0x10d40), CharacterClass::kNumber);  // new in Unicode 16
  EXPECT_EQ(character_class(0x85), CharacterClass::kSpace);
  EXPECT_EQ(character_class(0x200b), CharacterClass::kOther);
  EXPECT_EQ(character_class(0x301), CharacterClass::kOther);
  EXPECT_TRUE(is_word_character(U'_'));
  EXPECT_TRUE(is_word_character(0x24b6));
  EXPECT_FALSE(is_word_character(U'²'));
  EXPECT_TRUE(is_bert_punctuation(U'$'));  // a symbol to Unicode, punctuation to BERT
  EXPECT_FALSE(is_bert_punctuation(U'€'));
  EXPECT_TRUE(is_bert_control(0xfffd));
  EXPECT_FALSE(is_bert_control(U'\n'));
  EXPECT_TRUE(is_bert_ideograph(0x4e00));
  EXPECT_FALSE(is_bert_ideograph(0x3042));  // hiragana
}

TEST(UnicodeClasses, AccentsAndCase) {
  EXPECT_EQ(strip_accents(U"Éệñ"), U"Een");
  EXPECT_EQ(strip_accents(U"한"), U"\u1112\u1161\u11ab");
  // U+302E (class 224) is kept and comes behind U+1B44 (class 9), even with a stripped mark
  // between.
  EXPECT_EQ(strip_accents(U"a\u302e\u0301\u1b44"), U"a\u1b44\u302e");
  EXPECT_EQ(to_form(U"e\u0301a\u0300\u0323", UnicodeForm::kNfc), U"é\u1ea1\u0300");
  EXPECT_EQ(to_form(U"\u1112\u1161\u11ab\u212b\u0958", UnicodeForm::kNfc), U"한Å\u0915\u093c");
  const auto lower = [](char32_t c) {
    std::u32string out;
    append_lower_case(out, c);
    return out;
  };
  EXPECT_EQ(lower(U'Σ'), U"σ");
  EXPECT_EQ(lower(0x130), U"i\u0307");
  EXPECT_EQ(lower(0x1e9e), U"ß");
  EXPECT_EQ(lower(0x10d50), std::u32string(1, 0x10d70));
}

}  // namespace
}  // namespace blip2
