// Loops over millions of rows ask now and then whether somebody wants them to stop.

#pragma once

#include <cstdint>

namespace versim {

constexpr std::int64_t TOLD_EVERY = 1 << 18;  // rows, some hundredths of a second's worth

// Told how many rows are done; may be null. A function that gets anything but 0 back returns that at once, whatever else
// it would return: who called it knows.
using Told = std::int64_t (*)(std::int64_t);

class Heard {
 public:
  explicit Heard(Told told) : told_(told) {}

  // Asked once per row; 0 to go on.
  std::int64_t stops() { return ++done_ % TOLD_EVERY || !told_ ? 0 : told_(done_); }

 private:
  Told told_;
  std::int64_t done_ = 0;
};

}  // namespace versim
