// A class for each collective, over MPI's non-blocking calls.
#include "blip2/ranks/mpi/operations.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// A sum of at most this many elements is one gather: one exchange of messages instead of two.
constexpr int64_t kSmallSum = 1024;

int as_count(int64_t count) {
  if (count > std::numeric_limits<int>::max()) {
    fail(ErrorCode::kUnsupported, "MPI: expected a message of at most {} elements, found {}",
         std::numeric_limits<int>::max(), count);
  }
  return static_cast<int>(count);
}

int size_of(MPI_Comm comm) {
  int size = 0;
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  return size;
}

/// An MPI type of `bytes` bytes, so that counts fit into an int.
class Block {
 public:
  explicit Block(int64_t bytes) {
    check_mpi(MPI_Type_contiguous(as_count(bytes), MPI_BYTE, &type_), "MPI_Type_contiguous");
    check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
  }
  ~Block() { MPI_Type_free(&type_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  MPI_Datatype type() const { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

int64_t row_bytes(const at::Tensor& tensor) {
  int64_t elements = 1;
  for (int64_t d = 1; d < tensor.dim(); ++d) elements *= tensor.size(d);
  return elements * static_cast<int64_t>(tensor.element_size());
}

bool is_done(MPI_Request& request) {
  int flag = 0;
  check_mpi(MPI_Test(&request, &flag, MPI_STATUS_IGNORE), "MPI_Test");
  return flag != 0;
}

/// a += b, in blocks of a fixed size, which the compiler vectorises.
template <typename T>
void add_to(T* __restrict a, const T* __restrict b, int64_t n) {
  constexpr int64_t kBlock = 16;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    for (int64_t j = 0; j < kBlock; ++j) a[i + j] += b[i + j];
  }
  for (; i < n; ++i) a[i] += b[i];
}

/// Adds the parts of `parts` [num_parts * n] to the first one, in order.
void add_parts(const at::Tensor& parts, int64_t num_parts, int64_t n) {
  const auto add = [&](auto* values) {
    for (int64_t part = 1; part < num_parts; ++part) add_to(values, values + part * n, n);
  };
  if (parts.scalar_type() == at::kFloat) {
    add(parts.mutable_data_ptr<float>());
  } else if (parts.scalar_type() == at::kDouble) {
    add(parts.mutable_data_ptr<double>());
  } else {
    add(parts.mutable_data_ptr<int64_t>());
  }
}

class SmallSum final : public MpiOperation {
 public:
  explicit SmallSum(at::Tensor tensor) : tensor_(std::move(tensor)) {}

  void start(MPI_Comm comm) override {
    num_ranks_ = size_of(comm);
    parts_ = at::empty({num_ranks_ * tensor_.numel()}, tensor_.options());
    const int bytes = as_count(static_cast<int64_t>(tensor_.nbytes()));
    check_mpi(MPI_Iallgather(tensor_.const_data_ptr(), bytes, MPI_BYTE, parts_.mutable_data_ptr(),
                             bytes, MPI_BYTE, comm, &request_),
              "MPI_Iallgather");
  }
  bool poll() override {
    if (!is_done(request_)) return false;
    add_parts(parts_, num_ranks_, tensor_.numel());
    std::copy_n(static_cast<const std::byte*>(parts_.const_data_ptr()), tensor_.nbytes(),
                static_cast<std::byte*>(tensor_.mutable_data_ptr()));
    return true;
  }

 private:
  at::Tensor tensor_, parts_;
  int64_t num_ranks_ = 0;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

class LargeSum final : public MpiOperation {
 public:
  explicit LargeSum(at::Tensor tensor)
      : tensor_(std::move(tensor)), element_(static_cast<int64_t>(tensor_.element_size())) {}

  void start(MPI_Comm comm) override {
    comm_ = comm;
    const int num_ranks = size_of(comm);
    int rank = 0;
    check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
    const int64_t n = tensor_.numel(), share = (n + num_ranks - 1) / num_ranks;
    for (int64_t r = 0; r < num_ranks; ++r) {
      const int64_t first = std::min(r * share, n);
      first_.push_back(as_count(first));
      counts_.push_back(as_count(std::min(share, n - first)));
    }
    own_count_ = counts_[static_cast<size_t>(rank)];
    parts_ = at::empty({num_ranks * own_count_}, tensor_.options());
    for (int64_t r = 0; r < num_ranks; ++r) {
      own_counts_.push_back(as_count(own_count_));
      own_first_.push_back(as_count(r * own_count_));
    }
    check_mpi(MPI_Ialltoallv(tensor_.const_data_ptr(), counts_.data(), first_.data(),
                             element_.type(), parts_.mutable_data_ptr(), own_counts_.data(),
                             own_first_.data(), element_.type(), comm, &request_),
              "MPI_Ialltoallv");
  }

  bool poll() override {
    if (!is_done(request_)) return false;
    if (gathering_) return true;
    add_parts(parts_, static_cast<int64_t>(counts_.size()), own_count_);
    gathering_ = true;
    check_mpi(MPI_Iallgatherv(parts_.const_data_ptr(), as_count(own_count_), element_.type(),
                              tensor_.mutable_data_ptr(), counts_.data(), first_.data(),
                              element_.type(), comm_, &request_),
              "MPI_Iallgatherv");
    return false;
  }

 private:
  at::Tensor tensor_, parts_;
  Block element_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  std::vector<int> counts_, first_;          // each rank's share of the elements
  std::vector<int> own_counts_, own_first_;  // received: this rank's share, from each rank
  int64_t own_count_ = 0;
  bool gathering_ = false;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

class Gather final : public MpiOperation {
 public:
  Gather(at::Tensor own, at::Tensor all)
      : own_(std::move(own)), all_(std::move(all)), row_(row_bytes(own_)) {}

  void start(MPI_Comm comm) override {
    const int rows = as_count(own_.size(0));
    check_mpi(MPI_Iallgather(own_.const_data_ptr(), rows, row_.type(), all_.mutable_data_ptr(),
                             rows, row_.type(), comm, &request_),
              "MPI_Iallgather");
  }
  bool poll() override { return is_done(request_); }

 private:
  at::Tensor own_, all_;
  Block row_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

class Exchange final : public MpiOperation {
 public:
  Exchange(at::Tensor rows, at::Tensor received, const Communicator::RowCounts& counts)
      : rows_(std::move(rows)), received_(std::move(received)), row_(row_bytes(rows_)) {
    lay_out(counts.send, send_counts_, send_first_);
    lay_out(counts.receive, receive_counts_, receive_first_);
  }

  void start(MPI_Comm comm) override {
    check_mpi(MPI_Ialltoallv(rows_.const_data_ptr(), send_counts_.data(), send_first_.data(),
                             row_.type(), received_.mutable_data_ptr(), receive_counts_.data(),
                             receive_first_.data(), row_.type(), comm, &request_),
              "MPI_Ialltoallv");
  }
  bool poll() override { return is_done(request_); }

 private:
  static void lay_out(const std::vector<int64_t>& rows, std::vector<int>& counts,
                      std::vector<int>& first) {
    int64_t sum = 0;
    for (const int64_t count : rows) {
      counts.push_back(as_count(count));
      first.push_back(as_count(sum));
      sum += count;
    }
  }

  at::Tensor rows_, received_;
  Block row_;
  std::vector<int> send_counts_, send_first_, receive_counts_, receive_first_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace

void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail(ErrorCode::kUnavailable, "{}: {}", what, std::string(text, static_cast<size_t>(length)));
}

std::unique_ptr<MpiOperation> make_sum(at::Tensor tensor) {
  if (tensor.numel() <= kSmallSum) return std::make_unique<SmallSum>(std::move(tensor));
  return std::make_unique<LargeSum>(std::move(tensor));
}

std::unique_ptr<MpiOperation> make_gather(at::Tensor own, at::Tensor all) {
  return std::make_unique<Gather>(std::move(own), std::move(all));
}

std::unique_ptr<MpiOperation> make_exchange(at::Tensor rows, at::Tensor received,
                                            const Communicator::RowCounts& counts) {
  return std::make_unique<Exchange>(std::move(rows), std::move(received), counts);
}

}  // namespace blip2
