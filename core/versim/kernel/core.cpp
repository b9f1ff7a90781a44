// Core's part of the kernel: schedules, orders and longest paths over CSR columns. Each function has its reference in
// Python (schedule.py, graph/order.py, comparison/attribution); answers are equal.

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

namespace {

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

constexpr i64 NO_TIME = -1;
constexpr i32 NONE = -1;

struct Event {
  i64 time;
  i32 what;  // an instance, or ~meeting
};

struct Later {
  bool operator()(const Event& one, const Event& other) const { return one.time > other.time; }
};

// First in, first out, over rows that are linked through one array.
struct Line {
  i32 first = NONE;
  i32 last = NONE;
};

}  // namespace

extern "C" {

const char* versim_core_digest() { return VERSIM_PART_DIGEST; }

// Stable order of rows by key, and where each key begins; start has (keys + 1) entries.
i64 versim_counting_sort(i64 rows, const i32* key, i64 keys, i64* start, i32* order) {
  std::fill(start, start + keys + 1, 0);
  for (i64 row = 0; row < rows; ++row) {
    if (key[row] < 0 || key[row] >= keys) return -1;
    ++start[key[row] + 1];
  }
  for (i64 each = 0; each < keys; ++each) start[each + 1] += start[each];
  std::vector<i64> next;
  try {
    next.assign(start, start + keys);
  } catch (const std::bad_alloc&) {
    return -1;
  }
  for (i64 row = 0; row < rows; ++row) order[next[key[row]]++] = static_cast<i32>(row);
  return 0;
}

// Kahn's algorithm over followers: rows in order, those that wait for nothing first, ascending; how many could be
// ordered. missing counts what each row waits for, and is used up. depth, if given, is the most edges on a path to it.
i64 versim_topological_order(i64 rows, const i64* start, const i32* follower, i32* missing, i32* order, i32* depth) {
  i64 count = 0;
  for (i64 row = 0; row < rows; ++row)
    if (missing[row] == 0) order[count++] = static_cast<i32>(row);
  for (i64 at = 0; at < count; ++at) {
    const i32 row = order[at];
    for (i64 edge = start[row]; edge < start[row + 1]; ++edge) {
      const i32 next = follower[edge];
      if (depth) depth[next] = std::max(depth[next], depth[row] + 1);
      if (--missing[next] == 0) order[count++] = next;
    }
  }
  return count;
}

// When each instance runs, see schedule.EventLoop. Followers and parts are CSR pairs; missing is what each instance
// waits for. Returns 0; 1 where something ends after `longest`; -1 where there is not enough memory.
i64 versim_event_loop(i64 count, i64 devices, i64 meetings, const i32* device, const i32* meeting, const i32* waits,
                      const i64* follower_start, const i32* follower, const i64* part_start, const i32* part,
                      const i64* duration, i64 longest, i64* start, i64* end) try {
  std::vector<i32> missing(waits, waits + count);
  std::vector<i32> absent(static_cast<std::size_t>(meetings));
  std::vector<u8> even(static_cast<std::size_t>(meetings));
  for (i64 met = 0; met < meetings; ++met) {
    absent[met] = static_cast<i32>(part_start[met + 1] - part_start[met]);
    even[met] = 1;
    for (i64 at = part_start[met]; at < part_start[met + 1]; ++at)
      if (duration[part[at]] != duration[part[part_start[met]]]) even[met] = 0;
  }
  std::vector<Line> lines(static_cast<std::size_t>(devices));
  std::vector<i32> behind(static_cast<std::size_t>(count), NONE);
  std::vector<u8> busy(static_cast<std::size_t>(devices));
  std::vector<Event> events;
  std::vector<i32> finished, arriving, served;
  std::fill(start, start + count, NO_TIME);
  std::fill(end, end + count, NO_TIME);

  const auto push = [&](i64 time, i32 what) {
    events.push_back({time, what});
    std::push_heap(events.begin(), events.end(), Later());
  };
  const auto arrive = [&](i32 row, i64 now) {
    const i32 met = meeting[row];
    if (met == NONE) {
      Line& line = lines[device[row]];
      (line.first == NONE ? line.first : behind[line.last]) = row;
      line.last = row;
      return;
    }
    start[row] = now;
    if (--absent[met]) return;
    if (even[met]) {
      push(now + duration[row], ~met);
    } else {
      for (i64 at = part_start[met]; at < part_start[met + 1]; ++at) push(now + duration[part[at]], part[at]);
    }
  };
  const auto serve = [&](i32 place, i64 now) {
    Line& line = lines[place];
    if (busy[place] || line.first == NONE) return;
    const i32 row = line.first;
    line.first = behind[row];
    busy[place] = 1;
    start[row] = now;
    push(now + duration[row], row);
  };

  for (i64 row = 0; row < count; ++row)
    if (missing[row] == 0) arrive(static_cast<i32>(row), 0);
  for (i64 place = 0; place < devices; ++place) serve(static_cast<i32>(place), 0);
  while (!events.empty()) {
    const i64 now = events.front().time;
    if (now > longest) return 1;
    finished.clear();
    while (!events.empty() && events.front().time == now) {
      const i32 what = events.front().what;
      std::pop_heap(events.begin(), events.end(), Later());
      events.pop_back();
      if (what >= 0) {
        if (meeting[what] == NONE) busy[device[what]] = 0;
        finished.push_back(what);
      } else {
        finished.insert(finished.end(), part + part_start[~what], part + part_start[~what + 1]);
      }
    }
    arriving.clear();
    for (const i32 row : finished) {
      end[row] = now;
      for (i64 edge = follower_start[row]; edge < follower_start[row + 1]; ++edge)
        if (--missing[follower[edge]] == 0) arriving.push_back(follower[edge]);
    }
    if (arriving.size() > 1) std::sort(arriving.begin(), arriving.end());
    for (const i32 row : arriving) arrive(row, now);
    for (const i32 row : finished) serve(device[row], now);
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}

// The longest chain through dependencies and meetings, see schedule.longest_chain_ps; -1 without memory.
i64 versim_longest_chain(i64 count, i64 meetings, const i32* meeting, const i32* waits, const i64* follower_start,
                         const i32* follower, const i64* part_start, const i32* part, const i64* duration) try {
  std::vector<i32> missing(waits, waits + count), queue;
  std::vector<i32> absent(static_cast<std::size_t>(meetings));
  std::vector<i64> ready(static_cast<std::size_t>(count));
  for (i64 met = 0; met < meetings; ++met) absent[met] = static_cast<i32>(part_start[met + 1] - part_start[met]);
  i64 longest = 0;
  const auto finish = [&](i32 ended, i64 end) {
    for (i64 edge = follower_start[ended]; edge < follower_start[ended + 1]; ++edge) {
      const i32 next = follower[edge];
      ready[next] = std::max(ready[next], end);
      if (--missing[next] == 0) queue.push_back(next);
    }
  };
  for (i64 row = 0; row < count; ++row)
    if (missing[row] == 0) queue.push_back(static_cast<i32>(row));
  while (!queue.empty()) {
    const i32 row = queue.back();
    queue.pop_back();
    const i32 met = meeting[row];
    if (met == NONE) {
      const i64 end = ready[row] + duration[row];
      longest = std::max(longest, end);
      finish(row, end);
    } else if (--absent[met] == 0) {
      i64 end = 0;
      for (i64 at = part_start[met]; at < part_start[met + 1]; ++at) end = std::max(end, ready[part[at]]);
      longest = std::max(longest, end);
      for (i64 at = part_start[met]; at < part_start[met + 1]; ++at) finish(part[at], end);
    }
  }
  return longest;
} catch (const std::bad_alloc&) {
  return -1;
}

// Longest paths, see comparison/attribution/chain.py. The edges of each token are a CSR slice; an edge adds the duration
// of an instance (none where adds is `count`), and the lag of its target unless it is an arrival. order is topological.

void versim_longest_path(i64 tokens, i64 count, const i32* order, const i64* edge_start, const i32* source,
                         const i32* adds, const u8* arrival, const i64* lag, const i64* duration, i64* time) {
  for (i64 at = 0; at < tokens; ++at) {
    const i32 token = order[at];
    i64 latest = 0;
    bool first = true;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      i64 reached = time[source[edge]];
      if (adds[edge] < count) reached += duration[adds[edge]];
      if (!arrival[edge]) reached += lag[token];
      if (first || reached > latest) latest = reached;
      first = false;
    }
    time[token] = latest;
  }
}

// latest: when each token may happen at the latest; given with what ends of the step allow.
void versim_latest(i64 tokens, i64 count, const i32* order, const i64* edge_start, const i32* source, const i32* adds,
                   const u8* arrival, const i64* lag, const i64* duration, i64* latest) {
  for (i64 at = tokens - 1; at >= 0; --at) {
    const i32 token = order[at];
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      i64 allowed = latest[token];
      if (adds[edge] < count) allowed -= duration[adds[edge]];
      if (!arrival[edge]) allowed -= lag[token];
      if (allowed < latest[source[edge]]) latest[source[edge]] = allowed;
    }
  }
}

// The edge that decides the time of each token, arrivals left out or not; ties go to the first.
void versim_binding(i64 tokens, i64 count, const i64* edge_start, const i32* source, const i32* adds, const u8* arrival,
                    const i64* lag, const i64* duration, const i64* time, i64 with_arrivals, i32* binding) {
  for (i64 token = 0; token < tokens; ++token) {
    i32 best = NONE;
    i64 latest = 0;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      if (arrival[edge] && !with_arrivals) continue;
      i64 reached = time[source[edge]];
      if (adds[edge] < count) reached += duration[adds[edge]];
      if (!arrival[edge]) reached += lag[token];
      if (best == NONE || reached > latest) {
        best = static_cast<i32>(edge);
        latest = reached;
      }
    }
    binding[token] = best;
  }
}
}
