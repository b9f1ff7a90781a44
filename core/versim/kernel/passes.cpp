// Passes over the instances of a graph, for steps without a queue and for checks of what ran. Each function has its
// reference in Python, named beside it; answers are equal.

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "heard.hpp"

namespace {

using versim::Heard;
using versim::Told;

using u8 = std::uint8_t;
using u64 = std::uint64_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

constexpr i32 NONE = -1;

}  // namespace

extern "C" {

// An order in which everything follows what it waits for, and each device takes its rows as they stand: instances, and
// each meeting, as ~meeting, behind the last of its parts. Rows of each device are a CSR pair. Returns how many entries
// there are: fewer than instances and meetings where there is no such order.
i64 versim_straight_order(i64 count, i64 meetings, i64 devices, const i64* device_start, const i32* device_row,
                          const i32* meeting, const i64* dependency_start, const i32* dependency,
                          const i64* part_start, i32* order, Told told) try {
  Heard heard(told);
  std::vector<i32> absent(static_cast<std::size_t>(meetings));
  for (i64 met = 0; met < meetings; ++met) absent[met] = static_cast<i32>(part_start[met + 1] - part_start[met]);
  std::vector<u8> passed(static_cast<std::size_t>(count));
  std::vector<i64> next(device_start, device_start + devices);
  const auto waits = [&](i32 row) {
    for (i64 edge = dependency_start[row]; edge < dependency_start[row + 1]; ++edge) {
      const i32 on = dependency[edge];
      if (meeting[on] == NONE ? !passed[on] : absent[meeting[on]] != 0) return true;
    }
    return false;
  };
  i64 ordered = 0, before = -1;
  while (ordered != before) {
    before = ordered;
    for (i64 device = 0; device < devices; ++device) {
      for (i64& at = next[device]; at < device_start[device + 1] && !waits(device_row[at]); ++at) {
        if (const i64 answer = heard.stops()) return answer;
        const i32 row = device_row[at], met = meeting[row];
        order[ordered++] = row;
        passed[row] = 1;
        if (met != NONE && --absent[met] == 0) order[ordered++] = ~met;
      }
    }
  }
  return ordered;
} catch (const std::bad_alloc&) {
  return -1;
}

// When each instance runs if none waits for its device, see schedule.replay: it starts once everything it waits for has
// ended. Returns 0; 1 where a device may have been asked for by two at once, or something ends after `longest`.
i64 versim_straight_run(i64 entries, i64 devices, const i32* order, const i32* node, const i32* device,
                        const i32* meeting, const i64* dependency_start, const i32* dependency, const i64* part_start,
                        const i32* part, const i64* compute, const i64* lasts, i64 longest, i64* start, i64* end,
                        Told told) try {
  Heard heard(told);
  struct Last {
    i64 start = -1, end = 0;
  };
  std::vector<Last> last(static_cast<std::size_t>(devices));
  for (i64 at = 0; at < entries; ++at) {
    if (const i64 answer = heard.stops()) return answer;
    const i32 row = order[at];
    if (row >= 0) {
      i64 ready = 0;
      for (i64 edge = dependency_start[row]; edge < dependency_start[row + 1]; ++edge)
        ready = std::max(ready, end[dependency[edge]]);
      start[row] = ready;
      if (meeting[row] != NONE) continue;
      Last& before = last[device[row]];
      // Of two that begin in one tick, the order of their rows decides: that is for the event loop.
      if (ready < before.end || ready <= before.start) return 1;
      const i64 ended = ready + compute[node[row]];
      if (ended > longest) return 1;
      end[row] = ended;
      before = {ready, ended};
    } else {
      const i32 met = ~row;
      i64 latest = 0;
      for (i64 each = part_start[met]; each < part_start[met + 1]; ++each)
        latest = std::max(latest, start[part[each]]);
      latest += lasts[met];
      if (latest > longest) return 1;
      for (i64 each = part_start[met]; each < part_start[met + 1]; ++each) end[part[each]] = latest;
    }
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}

// The largest value of each group, given the groups as a CSR pair; `otherwise` where it is empty, see distinct.largest.
void versim_largest(i64 groups, const i64* start, const i32* row, const i64* value, i64 otherwise, i64* found) {
  for (i64 group = 0; group < groups; ++group) {
    if (start[group] == start[group + 1]) {
      found[group] = otherwise;
      continue;
    }
    i64 largest = value[row[start[group]]];
    for (i64 at = start[group] + 1; at < start[group + 1]; ++at) largest = std::max(largest, value[row[at]]);
    found[group] = largest;
  }
}

// How many instances start before something they wait for has ended, see comparison.checks.
i64 versim_started_early(i64 count, const i64* dependency_start, const i32* dependency, const i64* start,
                         const i64* end) {
  i64 early = 0;
  for (i64 row = 0; row < count; ++row)
    for (i64 edge = dependency_start[row]; edge < dependency_start[row + 1]; ++edge)
      early += start[row] < end[dependency[edge]];
  return early;
}

// How many instances start before the one that is listed before them has ended, of those on the same processor as it.
i64 versim_overlaps(i64 listed, const i32* row, const u8* on_same, const i64* start, const i64* end) {
  i64 overlaps = 0;
  for (i64 at = 1; at < listed; ++at) overlaps += on_same[at - 1] && start[row[at]] < end[row[at - 1]];
  return overlaps;
}

// How many instances that compute did not last as long as their node's nanoseconds, of those that are known.
i64 versim_other_durations(i64 count, const i32* node, const i32* meeting, const i64* compute_ns, i64 ps_per_ns,
                           const i64* start, const i64* end) {
  i64 others = 0;
  for (i64 row = 0; row < count; ++row) {
    if (meeting[row] != NONE) continue;
    const i64 ns = compute_ns[node[row]];
    others += ns >= 0 && end[row] - start[row] != ns * ps_per_ns;
  }
  return others;
}

// When each instance begins to make progress where every meeting is posted before a part of it ends, see
// comparison.align: a meeting with the last of its parts. Returns how many parts end before; then it says nothing.
// `active` may be null.
i64 versim_active(i64 count, i64 meetings, const i32* meeting, const i64* start, const i64* end, i64* posted,
                  i64* active) {
  std::fill(posted, posted + meetings, 0);
  for (i64 row = 0; row < count; ++row)
    if (meeting[row] != NONE) posted[meeting[row]] = std::max(posted[meeting[row]], start[row]);
  i64 before = 0;
  for (i64 row = 0; row < count; ++row) {
    const i64 begins = meeting[row] == NONE ? start[row] : posted[meeting[row]];
    if (active) active[row] = begins;
    before += meeting[row] != NONE && end[row] < begins;
  }
  return before;
}

// Whether spans begin at 0 or later, end no earlier than they begin, and no later than `longest`, see
// comparison.contract; how many do not.
i64 versim_senseless(i64 count, i64 longest, const i64* start, const i64* end) {
  i64 senseless = 0;
  for (i64 row = 0; row < count; ++row) senseless += (start[row] < 0) | (end[row] < start[row]) | (end[row] > longest);
  return senseless;
}

// The words of a column by weight, those of every block of weights by the place of the block, too, modulo 2^64; see
// inputs._sum.
u64 versim_weighted(i64 words, const u64* word, i64 weights, const u64* weight) {
  u64 total = 0;
  for (i64 start = 0; start < words; start += weights) {
    u64 block = 0;
    const i64 length = std::min(weights, words - start);
    for (i64 at = 0; at < length; ++at) block += word[start + at] * weight[at];
    total += (2 * static_cast<u64>(start) + 1) * block;
  }
  return total;
}

// Of each row the number of its pair of values, in order of appearance, and of each number its first row; returns how
// many there are, see distinct.pairs.
i64 versim_distinct_pairs(i64 rows, const i64* one, const i64* other, i32* number, i32* first, Told told) try {
  Heard heard(told);
  u64 slots = 1024, mask = slots - 1;
  std::vector<i32> table(slots, NONE);
  i64 found = 0;
  const auto hashed = [&](i64 row) {
    u64 mixed = (static_cast<u64>(one[row]) ^ static_cast<u64>(other[row]) * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return mixed ^ mixed >> 32;
  };
  for (i64 row = 0; row < rows; ++row) {
    if (const i64 answer = heard.stops()) return answer;
    // Neighbours are often alike.
    if (row && one[row] == one[row - 1] && other[row] == other[row - 1]) {
      number[row] = number[row - 1];
      continue;
    }
    u64 slot = hashed(row) & mask;
    while (table[slot] != NONE && (one[first[table[slot]]] != one[row] || other[first[table[slot]]] != other[row]))
      slot = (slot + 1) & mask;
    if (table[slot] == NONE) {
      table[slot] = static_cast<i32>(found);
      first[found++] = static_cast<i32>(row);
      number[row] = table[slot];
      if (2 * found > static_cast<i64>(slots)) {
        slots *= 4, mask = slots - 1;
        table.assign(slots, NONE);
        for (i64 each = 0; each < found; ++each) {
          u64 free = hashed(first[each]) & mask;
          while (table[free] != NONE) free = (free + 1) & mask;
          table[free] = static_cast<i32>(each);
        }
      }
    } else {
      number[row] = table[slot];
    }
  }
  return found;
} catch (const std::bad_alloc&) {
  return -1;
}
}
