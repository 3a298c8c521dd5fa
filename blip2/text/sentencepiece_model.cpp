// Just enough of the protobuf wire format for sentencepiece_model.proto.
#include "blip2/text/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/vocabulary.h"

namespace blip2 {
namespace {

/// One field of a message: its number, and its value by wire type.
struct Field {
  uint64_t number = 0;
  uint64_t integer = 0;    // wire types 0 (variable length), 1 and 5 (fixed)
  std::string_view bytes;  // wire type 2
  int wire_type = 0;
};

/// Walks the fields of a message. `where` names it; positions in messages count from its start.
class Message {
 public:
  Message(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  // The next field, or nothing at the end.
  std::optional<Field> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    start_ = at_;
    const uint64_t tag = variable_length();
    Field field;
    field.number = tag >> 3;
    field.wire_type = static_cast<int>(tag & 7);
    switch (field.wire_type) {
      case 0:
        field.integer = variable_length();
        break;
      case 1:
        field.integer = fixed(8);
        break;
      case 2:
        field.bytes = take(variable_length());
        break;
      case 5:
        field.integer = fixed(4);
        break;
      default:
        refuse(fmt::format("expected wire type 0, 1, 2 or 5, found {}", field.wire_type));
    }
    if (field.number == 0) refuse("expected a field number, found 0");
    return field;
  }

  // The values of a field that must have one wire type.
  std::string_view text(const Field& field, const char* name) {
    need(field, 2, name);
    return field.bytes;
  }
  uint64_t integer(const Field& field, const char* name) {
    need(field, 0, name);
    return field.integer;
  }
  float number(const Field& field, const char* name) {
    need(field, 5, name);
    return std::bit_cast<float>(static_cast<uint32_t>(field.integer));
  }

  const std::string& where() const { return where_; }

  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::kCorruptData, "{}: byte {}: {}", where_, start_, why);
  }

 private:
  void need(const Field& field, int wire_type, const char* name) const {
    if (field.wire_type == wire_type) return;
    refuse(fmt::format("{}: expected wire type {}, found {}", name, wire_type, field.wire_type));
  }

  uint64_t variable_length() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1)[0]);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse("expected a number of at most 10 bytes");
  }

  uint64_t fixed(size_t size) {
    const std::string_view bytes = take(size);
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  }

  std::string_view take(uint64_t size) {
    const size_t left = bytes_.size() - at_;
    if (size > left) refuse(fmt::format("expected {} more bytes, found {}", size, left));
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }

  std::string_view bytes_;
  std::string where_;
  size_t at_ = 0;
  size_t start_ = 0;
};

SentencePieceModel::Piece read_piece(std::string_view bytes, const std::string& where) {
  SentencePieceModel::Piece piece;
  Message message(bytes, where);
  while (const auto field = message.next()) {
    if (field->number == 1) piece.text = message.text(*field, "piece");
    if (field->number == 2) piece.score = message.number(*field, "score");
    if (field->number == 3) {
      const uint64_t type = message.integer(*field, "type");
      if (type < 1 || type > 6)
        message.refuse(fmt::format("expected a type 1 to 6, found {}", type));
      piece.type = static_cast<SentencePieceModel::PieceType>(type);
    }
  }
  if (!std::isfinite(piece.score)) {
    message.refuse(fmt::format("expected a finite score, found {}", piece.score));
  }
  if (piece.text.empty() || !is_valid_utf8(piece.text)) {
    message.refuse("expected a piece in UTF-8, found " + quote(piece.text));
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& where, SentencePieceModel& model) {
  Message message(bytes, where);
  while (const auto field = message.next()) {
    if (field->number == 3) {
      const uint64_t kind = message.integer(*field, "model_type");
      if (kind < 1 || kind > 4) {
        message.refuse(fmt::format("expected a model_type 1 to 4, found {}", kind));
      }
      model.kind = static_cast<SentencePieceModel::Kind>(kind);
    }
    if (field->number == 40) {
      model.unknown_id = static_cast<int64_t>(message.integer(*field, "unk_id"));
    }
    if (field->number == 45) model.unknown = message.text(*field, "unk_piece");
  }
}

void read_normalizer(std::string_view bytes, const std::string& where, SentencePieceModel& model) {
  Message message(bytes, where);
  while (const auto field = message.next()) {
    if (field->number == 2) model.charsmap = message.text(*field, "precompiled_charsmap");
  }
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& source) {
  SentencePieceModel model;
  bool has_trainer = false, has_normalizer = false;
  Message message(bytes, source);
  while (const auto field = message.next()) {
    if (field->number == 1) {
      const std::string where = fmt::format("{}: piece {}", source, model.pieces.size());
      model.pieces.push_back(read_piece(message.text(*field, "pieces"), where));
      if (static_cast<int64_t>(model.pieces.size()) > Vocabulary::kMaxSize) {
        message.refuse(fmt::format("expected at most {} pieces", Vocabulary::kMaxSize));
      }
    } else if (field->number == 2) {
      read_trainer(message.text(*field, "trainer_spec"), source + ": trainer_spec", model);
      has_trainer = true;
    } else if (field->number == 3) {
      read_normalizer(message.text(*field, "normalizer_spec"), source + ": normalizer_spec", model);
      has_normalizer = true;
    }
  }
  if (model.pieces.empty() || !has_trainer || !has_normalizer) {
    fail(ErrorCode::kCorruptData,
         "{}: expected pieces, a trainer_spec and a normalizer_spec, found {} pieces, {} and {}",
         source, model.pieces.size(), has_trainer ? "one" : "none",
         has_normalizer ? "one" : "none");
  }
  return model;
}

SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path) {
  return parse_sentencepiece_model(read_file(path), path.string());
}

std::vector<MergePair> merges_of(const std::vector<SentencePieceModel::Piece>& pieces) {
  PieceMap ids;
  ids.reserve(pieces.size());
  for (size_t id = 0; id < pieces.size(); ++id) {
    ids.insert_or_assign(pieces[id].text, static_cast<int64_t>(id));
  }
  struct Merge {
    float score;
    size_t left_length, right_length;  // in characters
    int64_t left, right;
  };
  std::vector<Merge> merges;
  for (const SentencePieceModel::Piece& piece : pieces) {
    const size_t first = merges.size();
    const size_t length = to_code_points(piece.text).size();
    size_t left_length = 1;
    for (size_t cut = 0; next_code_point(piece.text, cut), cut < piece.text.size(); ++left_length) {
      const auto left = ids.find(std::string_view(piece.text).substr(0, cut));
      const auto right = ids.find(std::string_view(piece.text).substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back(
          {piece.score, left_length, length - left_length, left->second, right->second});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
              [](const Merge& a, const Merge& b) {
                return std::tie(a.left, a.right) < std::tie(b.left, b.right);
              });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  std::vector<MergePair> pairs;
  pairs.reserve(merges.size());
  for (const Merge& merge : merges) {
    pairs.push_back({pieces[static_cast<size_t>(merge.left)].text,
                     pieces[static_cast<size_t>(merge.right)].text});
  }
  return pairs;
}

}  // namespace blip2
