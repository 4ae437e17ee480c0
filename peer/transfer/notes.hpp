// A bounded list of sentences with an exact count.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "peer/transfer/limits.hpp"

namespace rondo::peer {

class Notes {
 public:
  void add(std::string sentence) {
    if (sentences_.size() < limits::kNotes)
      sentences_.push_back(std::move(sentence));
    else
      ++more_;
  }

  [[nodiscard]] std::vector<std::string> take() {
    if (more_ != 0) sentences_.push_back("and " + std::to_string(more_) + " more of the kind");
    more_ = 0;
    return std::exchange(sentences_, {});
  }

 private:
  std::vector<std::string> sentences_;
  std::size_t more_ = 0;
};

}  // namespace rondo::peer
