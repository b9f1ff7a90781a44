// Makespans under many sets of durations at once, of a schedule whose order of service is known.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "heard.hpp"

namespace {

using versim::Heard;
using versim::Told;

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

constexpr i64 SETS = 4;  // sets of durations that one walk works off; their times lie side by side
constexpr i32 NONE = -1;
constexpr i8 DEPENDENCY = 0;

struct Times {
  i64 of[SETS];
};

Times latest(const Times& one, const Times& other) {
  Times found;
  for (i64 set = 0; set < SETS; ++set) found.of[set] = one.of[set] < other.of[set] ? other.of[set] : one.of[set];
  return found;
}

Times sum(const Times& one, const Times& other) {
  Times found;
  for (i64 set = 0; set < SETS; ++set) found.of[set] = one.of[set] + other.of[set];
  return found;
}

}  // namespace

extern "C" {

// The last end under each of SETS sets of durations, of a chain without lags, lanes and late parts
// (comparison/attribution/chain.py), if first come, first served serves every device in the chain's order. It does if
// whatever a device serves became ready after what it served before; that holds in time order, so by induction no other
// order is possible. `kept` says for which sets it does. A row lasts what the column chosen for its group and the set
// says; choice has SETS entries per group. device is NONE for parts of communications. Returns 1 where the chain does
// not give every device one order.
i64 versim_first_come(i64 tokens, i64 count, i64 devices, const i32* order, const i64* edge_start, const i32* source,
                      const i32* adds, const i32* owner, const i8* kind, const i32* device, const i32* group,
                      const i64* before, const i64* alone, const i64* after, const u8* choice, i64* last, u8* kept,
                      Told told) try {
  Heard heard(told);
  const i64* const columns[] = {before, alone, after};
  const auto lasts = [&](i64 row) {
    const u8* chosen = choice + SETS * group[row];
    Times found;
    for (i64 set = 0; set < SETS; ++set) found.of[set] = columns[chosen[set]][row];
    return found;
  };
  // Of a computation when it ends, of a part when it is posted, of a communication when it begins.
  const std::unique_ptr<Times[]> time(new Times[static_cast<std::size_t>(tokens)]);
  std::vector<Times> served(static_cast<std::size_t>(devices));  // when each device's last computation became ready
  std::vector<i32> holder(static_cast<std::size_t>(devices), NONE);
  Times longest{};
  std::fill(kept, kept + SETS, 1);
  for (i64 at = 0; at < tokens; ++at) {
    if (const i64 answer = heard.stops()) return answer;
    const i32 token = order[at];
    Times ready{};
    if (token >= count) {
      Times part{};
      for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
        ready = latest(ready, time[source[edge]]);
        if (source[edge] < count) part = latest(part, lasts(source[edge]));
      }
      time[token] = ready;
      longest = latest(longest, sum(ready, part));
      continue;
    }
    i32 previous = NONE;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      const i32 from = source[edge];
      if (kind[edge] != DEPENDENCY) {
        previous = owner[edge];
        continue;
      }
      ready = latest(ready, from >= count && adds[edge] < count ? sum(time[from], lasts(adds[edge])) : time[from]);
    }
    const i32 place = device[token];
    if (place == NONE) {
      time[token] = ready;
      continue;
    }
    if (previous != holder[place]) return 1;
    Times start = ready;
    if (previous != NONE) {
      for (i64 set = 0; set < SETS; ++set) kept[set] &= served[place].of[set] < ready.of[set];
      start = latest(ready, time[previous]);
    }
    holder[place] = token;
    served[place] = ready;
    time[token] = sum(start, lasts(token));
    longest = latest(longest, time[token]);
  }
  std::copy(longest.of, longest.of + SETS, last);
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}
}
