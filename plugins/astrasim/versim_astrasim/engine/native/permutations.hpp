// Permutations of a folded axis' members, by number: member ─▶ member. Those below the size are shifts by that many, which
// is what nearly all are; the others come of exchanges, in which partners' places differ in one bit.
#pragma once

#include <algorithm>
#include <unordered_map>

#include "containers.hpp"

namespace versim {

class Permutations {
 public:
  // Beyond, following who stands where costs more than it saves.
  static constexpr u32 MOST_OTHERS = 4096;

  explicit Permutations(i64 size = 1) : size_(static_cast<u32>(size)) {}

  u32 size() const { return size_; }
  u32 image(u32 number, u32 member) const {
    if (number >= size_) return others_[number - size_][member];
    return member + number < size_ ? member + number : member + number - size_;
  }
  // Its number; NONE if it is none, or one too many.
  u32 number_of(const std::vector<u32>& images) {
    bool shifts = true;
    for (u32 member = 0; member < size_; ++member) shifts = shifts && images[member] == image(images[0], member);
    if (shifts) return images[0];
    const auto known = std::find(others_.begin(), others_.end(), images);
    if (known != others_.end()) return size_ + static_cast<u32>(known - others_.begin());
    std::vector<bool> reached(size_);
    for (const u32 member : images) reached[member] = true;
    if (others_.size() == MOST_OTHERS || std::find(reached.begin(), reached.end(), false) != reached.end()) return NONE;
    others_.push_back(images);
    return size_ + static_cast<u32>(others_.size()) - 1;
  }
  // Partners whose places differ by these bits; NONE where some have none.
  u32 exchange(u32 bits) {
    if ((bits | (size_ - 1)) >= size_ || (size_ & (size_ - 1))) return bits ? NONE : 0;
    return remembered(static_cast<u64>(NONE) << 32 | bits, [&](std::vector<u32>& images) {
      for (u32 member = 0; member < size_; ++member) images[member] = member ^ bits;
    });
  }
  // First the second, then the first.
  u32 composed(u32 first, u32 second) {
    if (first < size_ && second < size_) return image(first, second);
    return remembered(static_cast<u64>(first) << 32 | second, [&](std::vector<u32>& images) {
      for (u32 member = 0; member < size_; ++member) images[member] = image(first, image(second, member));
    });
  }
  u32 inverse(u32 number) {
    if (number < size_) return number ? size_ - number : 0;
    return remembered(static_cast<u64>(number) << 32 | NONE, [&](std::vector<u32>& images) {
      for (u32 member = 0; member < size_; ++member) images[image(number, member)] = member;
    });
  }

 private:
  template <class Fill>
  u32 remembered(u64 key, Fill fill) {
    const auto known = memory_.find(key);
    if (known != memory_.end()) return known->second;
    std::vector<u32> images(size_);
    fill(images);
    return memory_[key] = number_of(images);
  }

  u32 size_;
  std::vector<std::vector<u32>> others_;
  std::unordered_map<u64, u32> memory_;
};

}  // namespace versim
