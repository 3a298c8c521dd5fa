// The data's part of a snapshot's state.json, and the comparison of two of them.
#include "blip2/train/records/data_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kHashDigits = 16;

std::string digits_of_hash(uint64_t hash) { return fmt::format("{:0{}x}", hash, kHashDigits); }

[[noreturn]] void fail_state(const std::string& where) {
  fail(ErrorCode::kCorruptData, "{}: data: expected the state of a run's data", where);
}

uint64_t parse_hash(std::string_view digits, const std::string& where) {
  uint64_t hash = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hash, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) fail_state(where);
  return hash;
}

OrderedJson json_of(const DataList& set) {
  std::string blocks;
  for (const uint64_t block : set.list.blocks) blocks += digits_of_hash(block);
  return {{"name", set.name},
          {"records", set.list.records},
          {"entries", set.list.entries},
          {"any_order", digits_of_hash(set.list.any_order)},
          {"block", set.list.block},
          {"blocks", blocks}};
}

DataList list_of(const OrderedJson& json, const std::string& where) {
  DataList set{.name = json.at("name").get<std::string>(), .list = {}};
  set.list.records = json.at("records");
  set.list.entries = json.at("entries");
  set.list.any_order = parse_hash(json.at("any_order").get<std::string>(), where);
  set.list.block = json.at("block");
  const auto blocks = json.at("blocks").get<std::string>();
  for (size_t i = 0; i < blocks.size(); i += kHashDigits) {
    set.list.blocks.push_back(parse_hash(std::string_view(blocks).substr(i, kHashDigits), where));
  }
  const bool is_power_of_two = set.list.block > 0 && (set.list.block & (set.list.block - 1)) == 0;
  if (!is_power_of_two) fail_state(where);
  return set;
}

/// Throws unless a plan can start there.
void check_position(const DataState& state, const std::string& where) {
  const EpochShape& shape = state.shape;
  bool is_good = shape.places > 0 && shape.batch_size > 0 && shape.num_ranks > 0 &&
                 state.position.epoch >= 0 && state.position.batches >= 0;
  int64_t end = 0;
  for (const PlaceRange& range : state.position.ranges) {
    is_good = is_good && range.begin >= end && range.end > range.begin;
    end = range.end;
  }
  if (!is_good || end > shape.places) fail_state(where);
}

}  // namespace

DataState data_state_of(const PositionInBatches& position, int64_t batch_size,
                        const EpochShape& now) {
  DataState state;
  state.shape = now;
  state.shape.batch_size = batch_size;
  state.shape.num_ranks = position.num_ranks;
  int64_t per_epoch = state.shape.batches_per_epoch();
  if (position.batches_per_epoch > 0 && per_epoch != position.batches_per_epoch) {
    per_epoch = position.batches_per_epoch;
    state.shape.places = per_epoch * batch_size * position.num_ranks;
  }
  if (position.batches == 0 || per_epoch < 1) return state;
  state.position.epoch = (position.batches - 1) / per_epoch;
  state.position.batches = (position.batches - 1) % per_epoch + 1;
  if (now.is_sharded && position.num_ranges > 0 && position.num_ranges != position.num_ranks) {
    // The ranks took turns at the ranges; of an incomplete round some samples come again.
    state.position.batches = state.position.batches * position.num_ranks / position.num_ranges;
    state.shape.num_ranks = position.num_ranges;
  }
  return state;
}

std::string to_json(const DataState& state) {
  OrderedJson ranges = OrderedJson::array(), lists = OrderedJson::array();
  for (const PlaceRange& range : state.position.ranges) {
    ranges.push_back(OrderedJson::array({range.begin, range.end}));
  }
  for (const DataList& set : state.lists) lists.push_back(json_of(set));
  return OrderedJson{{"epoch", state.position.epoch},        {"ranges", ranges},
                     {"batches", state.position.batches},    {"batch_size", state.shape.batch_size},
                     {"num_ranks", state.shape.num_ranks},   {"places", state.shape.places},
                     {"is_sharded", state.shape.is_sharded}, {"lists", lists}}
      .dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
}

DataState parse_data_state(std::string_view text, const std::string& where) {
  try {
    const OrderedJson json = OrderedJson::parse(text);
    DataState state;
    state.position.epoch = json.at("epoch");
    for (const OrderedJson& range : json.at("ranges")) {
      state.position.ranges.push_back({range.at(0).get<int64_t>(), range.at(1).get<int64_t>()});
    }
    state.position.batches = json.at("batches");
    state.shape = {.places = json.at("places"),
                   .is_sharded = json.at("is_sharded"),
                   .batch_size = json.at("batch_size"),
                   .num_ranks = json.at("num_ranks")};
    for (const OrderedJson& set : json.at("lists")) state.lists.push_back(list_of(set, where));
    check_position(state, where);
    return state;
  } catch (const OrderedJson::exception&) {
    fail_state(where);
  }
}

std::vector<std::string> differences(const std::vector<DataList>& before,
                                     const std::vector<DataList>& now) {
  std::vector<std::string> found;
  for (const DataList& set : now) {
    const auto known = std::ranges::find(before, set.name, &DataList::name);
    if (known == before.end()) {
      found.push_back(
          fmt::format("datasets.{} is new, with {} records", set.name, set.list.records));
    } else if (const std::string text = difference(known->list, set.list); !text.empty()) {
      found.push_back(fmt::format("datasets.{} has {}", set.name, text));
    }
  }
  for (const DataList& set : before) {
    if (std::ranges::find(now, set.name, &DataList::name) != now.end()) continue;
    found.push_back(
        fmt::format("datasets.{}, with {} records, is gone", set.name, set.list.records));
  }
  return found;
}

}  // namespace blip2
