// Autograd's part is done by hooks on tensors: the backward pass calls them on all ranks in the
// same order.
#include "blip2/ranks/gather.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// Which own rows are sent to which rank, and the order of the received rows.
struct FetchPlan {
  Communicator::RowCounts counts;
  at::Tensor sent;   // [S] int64: own rows, ordered by the rank that wants them
  at::Tensor place;  // [M] int64: the index of each wanted row in the received rows
};

FetchPlan plan_fetch(const at::Tensor& wanted, int64_t num_own, Communicator& communicator) {
  const int64_t num_ranks = communicator.world_size(), num_wanted = wanted.size(0);
  const at::Tensor all = communicator.all_gather(wanted.cpu().contiguous());  // [W*M]
  const int64_t* rows = all.const_data_ptr<int64_t>();
  FetchPlan plan;
  plan.counts.send.assign(static_cast<size_t>(num_ranks), 0);
  plan.counts.receive.assign(static_cast<size_t>(num_ranks), 0);
  std::vector<int64_t> sent;
  std::vector<std::pair<int64_t, int64_t>> by_owner;  // (owner, place in `wanted`)
  for (int64_t i = 0; i < num_ranks * num_wanted; ++i) {
    const int64_t asking = i / num_wanted, owner = rows[i] / num_own;
    BLIP2_CHECK(rows[i] >= 0 && owner < num_ranks);
    if (owner == communicator.rank()) {
      sent.push_back(rows[i] % num_own);
      ++plan.counts.send[static_cast<size_t>(asking)];
    }
    if (asking == communicator.rank()) {
      by_owner.emplace_back(owner, i % num_wanted);
      ++plan.counts.receive[static_cast<size_t>(owner)];
    }
  }
  std::sort(by_owner.begin(), by_owner.end());
  std::vector<int64_t> places(by_owner.size());
  for (size_t i = 0; i < by_owner.size(); ++i) {
    places[static_cast<size_t>(by_owner[i].second)] = static_cast<int64_t>(i);
  }
  const auto there = [&](const std::vector<int64_t>& numbers) {
    return at::tensor(at::ArrayRef<int64_t>(numbers), at::kLong).to(wanted.device());
  };
  plan.sent = there(sent);
  plan.place = there(places);
  return plan;
}

/// The gradient of fetch_rows(): sends the gradient of each fetched row to its owner, which sums
/// what it receives in the order of the ranks.
at::Tensor return_gradients(const at::Tensor& gradient, const FetchPlan& plan, int64_t num_own,
                            Communicator& communicator) {
  std::vector<int64_t> shape = gradient.sizes().vec();
  const at::Tensor by_owner = at::zeros(shape, gradient.options());
  by_owner.index_copy_(0, plan.place, gradient);
  const at::Tensor returned =
      communicator.exchange_rows(by_owner, {plan.counts.receive, plan.counts.send});
  shape[0] = num_own;
  return at::zeros(shape, gradient.options()).index_add_(0, plan.sent, returned);
}

/// Sums the ranks' gradients [W*B, ...] of a gathered tensor for the own rows; the other rows,
/// which this rank does not need, are zero.
at::Tensor sum_of_own_rows(const at::Tensor& gradient, int64_t num_own,
                           Communicator& communicator) {
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> counts(static_cast<size_t>(communicator.world_size()), num_own);
  const at::Tensor parts = communicator.exchange_rows(gradient.contiguous(), {counts, counts});
  const at::Tensor sum = at::zeros(gradient.sizes(), gradient.options());
  at::Tensor own = sum.narrow(0, communicator.rank() * num_own, num_own);
  for (int64_t rank = 0; rank < communicator.world_size(); ++rank) {
    own.add_(parts.narrow(0, rank * num_own, num_own));
  }
  return sum;
}

}  // namespace

at::Tensor gather_with_gradient(const at::Tensor& own, Communicator& communicator) {
  if (communicator.world_size() == 1) return own;
  const int64_t rows = own.size(0), first = communicator.rank() * rows;
  const at::Tensor all = communicator.all_gather(own.detach().contiguous());  // [W*B, ...]
  const at::Tensor gathered = at::cat(
      {all.narrow(0, 0, first), own, all.narrow(0, first + rows, all.size(0) - first - rows)});
  if (gathered.requires_grad()) {
    gathered.register_hook([&communicator, rows](const at::Tensor& gradient) {
      return sum_of_own_rows(gradient, rows, communicator);
    });
  }
  return gathered;
}

at::Tensor fetch_rows(const at::Tensor& own, const at::Tensor& wanted, Communicator& communicator) {
  if (communicator.world_size() == 1) return own.index_select(0, wanted);
  const auto plan =
      std::make_shared<const FetchPlan>(plan_fetch(wanted, own.size(0), communicator));
  const at::Tensor received = communicator.exchange_rows(
      own.detach().index_select(0, plan->sent).contiguous(), plan->counts);
  const at::Tensor fetched = received.index_select(0, plan->place);  // [M, ...]
  if (!own.requires_grad()) return fetched;

  // An empty sum over `own` links the fetched rows to it in the graph and adds 0 to their values.
  // When the gradient of the fetched rows is complete, the first hook sends it to the owners. The
  // second hook then replaces the link's own gradient, which is 0, by what this rank has received.
  const at::Tensor link = own.view_as(own);
  const auto returned = std::make_shared<at::Tensor>();
  const at::Tensor linked = fetched + link.narrow(0, 0, 0).sum();
  linked.register_hook([=, &communicator, rows = own.size(0)](const at::Tensor& gradient) {
    const at::NoGradGuard no_grad;
    *returned = return_gradients(gradient.contiguous(), *plan, rows, communicator);
  });
  link.register_hook([returned](const at::Tensor&) { return *returned; });
  return linked;
}

at::Tensor gather_padded(const at::Tensor& own, int64_t padding, Communicator& communicator) {
  if (communicator.world_size() == 1) return own;
  const at::Tensor lengths = communicator.all_gather(at::full({1}, own.size(1), at::kLong));  // [W]
  const int64_t longest = lengths.max().item<int64_t>();
  const at::Tensor filler = at::full({own.size(0), longest - own.size(1)}, padding, own.options());
  return communicator.all_gather(at::cat({own.detach(), filler}, 1).contiguous());
}

double global_mean_factor(int64_t count, Communicator& communicator) {
  if (communicator.world_size() == 1) return 1;
  at::Tensor total = at::full({1}, count, at::kLong);
  communicator.all_reduce_sum_(total);
  return static_cast<double>(count * communicator.world_size()) /
         static_cast<double>(total.item<int64_t>());
}

}  // namespace blip2
