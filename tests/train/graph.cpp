// A walk over autograd's nodes.
#include "tests/train/graph.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <unordered_set>
#include <vector>

namespace blip2::testing {
namespace {

using torch::autograd::Node;

std::unordered_set<Node*> nodes_behind(const at::Tensor& output) {
  std::unordered_set<Node*> seen;
  std::vector<Node*> left = {output.grad_fn().get()};
  while (!left.empty()) {
    Node* node = left.back();
    left.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    for (const torch::autograd::Edge& edge : node->next_edges())
      left.push_back(edge.function.get());
  }
  return seen;
}

}  // namespace

int64_t count_nodes(const at::Tensor& output, const std::string& name) {
  int64_t count = 0;
  for (const Node* node : nodes_behind(output))
    count += node->name().find(name) != std::string::npos;
  return count;
}

int64_t count_uses(const at::Tensor& output, const at::Tensor& parameter) {
  const auto leaf = torch::autograd::impl::grad_accumulator(parameter);
  int64_t count = 0;
  for (const Node* node : nodes_behind(output)) {
    for (const torch::autograd::Edge& edge : node->next_edges()) {
      count += edge.function == leaf;
    }
  }
  return count;
}

}  // namespace blip2::testing
