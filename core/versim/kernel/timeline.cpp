// What is read off a timeline row by row: when instances became ready, what held their resource, and for how long.

#include <algorithm>
#include <cstdint>
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
__extension__ using i128 = __int128;

constexpr i64 NO_TIME = -1;
constexpr i32 NONE = -1;
constexpr i8 ORDER = 1;

// Spans of one key on one resource, as they follow one another.
struct Held {
  std::vector<i64> start, end, total{0};  // total: held before each

  void clear() {
    start.clear();
    end.clear();
    total.resize(1);
  }
  void add(i64 begin, i64 until) {
    start.push_back(begin);
    end.push_back(until);
    total.push_back(total.back() + until - begin);
  }
  // For how long the key held the resource until a moment; most moments are near the last span.
  i64 until(i64 moment) const {
    i64 above = static_cast<i64>(start.size()), below = above;
    for (i64 step = 1; below > 0 && start[below - 1] > moment; step *= 2) {
      above = below - 1;
      below = std::max<i64>(0, below - step);
    }
    const i64 begun = std::upper_bound(start.begin() + below, start.begin() + above, moment) - start.begin();
    return begun ? total[begun] - std::max<i64>(end[begun - 1] - moment, 0) : 0;
  }
};

}  // namespace

extern "C" {

// When the last dependency of each row had ended, see schedule.ready_of.
i64 versim_ready(i64 count, const i64* dependency_start, const i32* dependency, const i64* end, i64* ready,
                 Told told) {
  Heard heard(told);
  for (i64 row = 0; row < count; ++row) {
    if (const i64 answer = heard.stops()) return answer;
    i64 latest = 0;
    bool never = false;
    for (i64 at = dependency_start[row]; at < dependency_start[row + 1]; ++at) {
      const i64 ended = end[dependency[at]];
      never = never || ended == NO_TIME;
      latest = std::max(latest, ended);
    }
    ready[row] = never ? NO_TIME : latest;
  }
  return 0;
}

// What held the resource of each row before it, by the last of its waits for an order; see comparison/slack.py.
void versim_ordered_behind(i64 count, const i64* edge_start, const i8* kind, const i32* owner, i32* held) {
  for (i64 row = 0; row < count; ++row) {
    held[row] = NONE;
    for (i64 edge = edge_start[row]; edge < edge_start[row + 1]; ++edge)
      if (kind[edge] == ORDER) held[row] = owner[edge];
  }
}

// When the token that each row's end leaves from may happen at the latest, as far as the end of the step goes.
void versim_allowed(i64 count, i64 tokens, const i32* meeting, const u8* late, const i64* duration, i64 makespan,
                    i64* latest) {
  std::fill(latest, latest + tokens, INT64_MAX / 2);
  for (i64 row = 0; row < count; ++row) {
    const i64 token = meeting[row] != NONE && !late[row] ? count + meeting[row] : row;
    latest[token] = std::min(latest[token], late[row] ? makespan : makespan - duration[row]);
  }
}

// For how long the resource of each row is held by each key while the row waits, from ready to start; see
// attribution/patterns.py. serial lists rows resource by resource, in the order in which each served them: what holds a
// row up stands before it. resource_start says where each begins. Of rows that are marked, which ascend in `claimed`, the
// waiting from claim_begin to claim_end, which is not after the start, is summed, too. found holds per pair of keys, of
// what waits and of what it waits behind, rows, their time as the upper and the lower half of a sum, and the same of what
// is claimed; seen which rank classes they are of.
i64 versim_held_within(i64 resources, const i64* resource_start, const i32* serial, const i64* start, const i64* end,
                       const i64* ready, const i32* key, i64 keys, const i32* rank_class, i64 classes, const u8* marked,
                       i64 claims, const i32* claimed, const i64* claim_begin, const i64* claim_end, i64* found,
                       u8* seen, Told told) try {
  Heard heard(told);
  const std::size_t pairs = static_cast<std::size_t>(keys * keys);
  std::vector<i128> waited(pairs), on_path(pairs);
  std::vector<Held> held(static_cast<std::size_t>(keys));
  for (i64 resource = 0; resource < resources; ++resource) {
    for (Held& one : held) one.clear();
    i64 added = resource_start[resource];
    for (i64 at = added; at < resource_start[resource + 1]; ++at) {
      if (const i64 answer = heard.stops()) return answer;
      const i32 row = serial[at];
      const i64 begun = start[row], first_pair = key[row] * keys;
      for (; added < resource_start[resource + 1] && start[serial[added]] <= begun; ++added)
        held[key[serial[added]]].add(start[serial[added]], end[serial[added]]);
      if (ready[row] < begun) {
        for (i64 behind = 0; behind < keys; ++behind) {
          if (held[behind].start.empty()) continue;
          const i64 within = held[behind].until(begun) - held[behind].until(ready[row]);
          if (within <= 0) continue;
          ++found[5 * (first_pair + behind)];
          waited[first_pair + behind] += within;
          seen[(first_pair + behind) * classes + rank_class[row]] = 1;
        }
      }
      if (marked[row]) {
        const i64 claim = std::lower_bound(claimed, claimed + claims, row) - claimed;
        for (i64 behind = 0; behind < keys; ++behind) {
          const i64 within = held[behind].until(claim_end[claim]) - held[behind].until(claim_begin[claim]);
          if (within > 0) on_path[first_pair + behind] += within;
        }
      }
    }
  }
  const i128 half = (static_cast<i128>(1) << 62) - 1;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    i64* const sums = found + 5 * pair + 1;
    sums[0] = static_cast<i64>(waited[pair] >> 62);
    sums[1] = static_cast<i64>(waited[pair] & half);
    sums[2] = static_cast<i64>(on_path[pair] >> 62);
    sums[3] = static_cast<i64>(on_path[pair] & half);
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}
}
