// Core's part of the kernel: schedules, orders and longest paths over CSR columns. Each function has its reference in
// Python (schedule.py, graph/order.py, comparison/attribution); answers are equal.

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "heard.hpp"

namespace {

using versim::Heard;
using versim::Told;
using versim::TOLD_EVERY;

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

constexpr i64 NO_TIME = -1;
constexpr i32 NONE = -1;

// Why a token waits, see attribution/waits.py.
constexpr i8 DEPENDENCY = 0;
constexpr i8 ORDER = 1;
constexpr i8 ARRIVAL = 2;

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

// Where told, if given, says so, functions stop, and what they return and have written means nothing.
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

// Stable order of rows by key, then start, then end.
i64 versim_order_by_start(i64 rows, const i32* key, i64 keys, const i64* start, const i64* end, i32* order,
                          Told told) try {
  struct Span {
    i64 start, end;
    i32 row;
  };
  struct Stopped {
    i64 answer;
  };
  Heard heard(told);
  std::vector<i64> begin(static_cast<std::size_t>(keys) + 1);
  if (versim_counting_sort(rows, key, keys, begin.data(), order)) return -1;
  std::vector<Span> spans;
  for (i64 each = 0; each < keys; ++each) {
    spans.clear();
    for (i64 at = begin[each]; at < begin[each + 1]; ++at) spans.push_back({start[order[at]], end[order[at]], order[at]});
    const auto before = [&heard](const Span& one, const Span& other) {
      if (const i64 answer = heard.stops()) throw Stopped{answer};
      return one.start != other.start ? one.start < other.start : one.end < other.end;
    };
    try {
      std::stable_sort(spans.begin(), spans.end(), before);
    } catch (const Stopped& stopped) {
      return stopped.answer;
    }
    for (i64 at = begin[each]; at < begin[each + 1]; ++at) order[at] = spans[at - begin[each]].row;
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}

// What held each row's lane before it, see attribution/lanes.py; order is by lane or finer, then start.
i64 versim_held_before(i64 rows, const i32* order, const i32* lane, i64 lanes, const i64* start, const i64* end,
                       i32* before) try {
  std::vector<i32> last(static_cast<std::size_t>(lanes), NONE);
  std::fill(before, before + rows, NONE);
  for (i64 at = 0; at < rows; ++at) {
    const i32 row = order[at];
    if (lane[row] == NONE) continue;
    i32& holder = last[lane[row]];
    if (holder != NONE && end[holder] <= start[row]) before[row] = holder;
    holder = row;
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
}

// Signs of serial service per lane, see attribution/lanes.py: whether it is used, whether two overlap, and whether one
// waits its turn. unlike: a turn counts only between computation and communication.
i64 versim_lane_signs(i64 rows, const i32* order, const i32* lane, i64 lanes, const i64* start, const i64* end,
                      const i64* ready, const i32* meeting, i64 unlike, u8* used, u8* overlaps, u8* shown) try {
  std::vector<i32> last(static_cast<std::size_t>(lanes), NONE);
  for (i64 at = 0; at < rows; ++at) {
    const i32 row = order[at];
    if (lane[row] == NONE) continue;
    const i32 holder = last[lane[row]];
    last[lane[row]] = row;
    used[lane[row]] = 1;
    if (holder == NONE) continue;
    if (start[row] < end[holder]) overlaps[lane[row]] = 1;
    if (start[row] == end[holder] && ready[row] < start[row] &&
        (!unlike || (meeting[row] == NONE) != (meeting[holder] == NONE)))
      shown[lane[row]] = 1;
  }
  return 0;
} catch (const std::bad_alloc&) {
  return -1;
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
// waits for. `told`, unless null, hears now and then how many have ended; what it returns is returned if it is not 0.
// Returns 0; 1 where something ends after `longest`; -1 where there is not enough memory.
i64 versim_event_loop(i64 count, i64 devices, i64 meetings, const i32* device, const i32* meeting, const i32* waits,
                      const i64* follower_start, const i32* follower, const i64* part_start, const i32* part,
                      const i64* duration, i64 longest, i64* start, i64* end, Told told) try {
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
  std::vector<i32> finished, arriving;
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

  const auto replace_top = [&](Event event) {
    const std::size_t size = events.size();
    std::size_t hole = 0;
    while (true) {
      std::size_t child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && events[child + 1].time < events[child].time) ++child;
      if (events[child].time >= event.time) break;
      events[hole] = events[child];
      hole = child;
    }
    events[hole] = event;
  };

  for (i64 row = 0; row < count; ++row)
    if (missing[row] == 0) arrive(static_cast<i32>(row), 0);
  for (i64 place = 0; place < devices; ++place) serve(static_cast<i32>(place), 0);
  i64 ended = 0, untold = 0;
  while (!events.empty()) {
    const i64 now = events.front().time;
    if (now > longest) return 1;
    if (untold >= TOLD_EVERY && told) {
      ended += untold;
      untold = 0;
      if (const i64 answer = told(ended)) return answer;
    }
    const i32 first = events.front().what;
    const std::size_t top = events.size();
    if (first >= 0 && meeting[first] == NONE && !(top > 1 && events[1].time == now) &&
        !(top > 2 && events[2].time == now)) {
      // Most events are a computation that ends by itself. What it sets free is on its rank, in row order; the next of
      // its device takes its place in the heap.
      end[first] = now;
      ++untold;
      bool on_top = true;
      for (i64 edge = follower_start[first]; edge < follower_start[first + 1]; ++edge) {
        const i32 row = follower[edge];
        if (--missing[row]) continue;
        if (meeting[row] != NONE && on_top) {
          std::pop_heap(events.begin(), events.end(), Later());
          events.pop_back();
          on_top = false;
        }
        arrive(row, now);
      }
      const i32 place = device[first];
      Line& line = lines[place];
      busy[place] = 0;
      if (!on_top) {
        serve(place, now);
      } else if (line.first == NONE) {
        std::pop_heap(events.begin(), events.end(), Later());
        events.pop_back();
      } else {
        const i32 row = line.first;
        line.first = behind[row];
        busy[place] = 1;
        start[row] = now;
        replace_top({now + duration[row], row});
      }
      continue;
    }
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
    untold += static_cast<i64>(finished.size());
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
                         const i32* follower, const i64* part_start, const i32* part, const i64* duration,
                         Told told) try {
  Heard heard(told);
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
    if (const i64 answer = heard.stops()) return answer;
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

// The waits of a timeline, see comparison/attribution/waits.py: where the edges of each token begin. Returns their number.
i64 versim_count_waits(i64 count, i64 meetings, const i64* dependency_start, const i32* meeting, const u8* late,
                       const i32* device_before, const i32* lane_before, i64* edge_start) {
  const i64 tokens = count + meetings + 1;
  std::fill(edge_start, edge_start + tokens + 1, 0);
  for (i64 row = 0; row < count; ++row) {
    i64 edges = dependency_start[row + 1] - dependency_start[row];
    edges += (device_before[row] != NONE) + (lane_before[row] != NONE);
    edge_start[row + 1] = std::max<i64>(edges, 1) + (late[row] ? 1 : 0);
    if (meeting[row] != NONE && !late[row]) ++edge_start[count + meeting[row] + 1];
  }
  for (i64 token = count; token < tokens - 1; ++token) edge_start[token + 1] = std::max<i64>(edge_start[token + 1], 1);
  for (i64 token = 0; token < tokens; ++token) edge_start[token + 1] += edge_start[token];
  return edge_start[tokens];
}

// The waits themselves, by token, then kind. Every token but the last has one that is no arrival. next is scratch for
// the meetings.
i64 versim_waits(i64 count, i64 meetings, const i64* dependency_start, const i32* dependency, const i32* meeting,
                 const u8* late, const i32* device_before, const i32* lane_before, const i64* edge_start, i64* next,
                 i32* source, i32* adds, i32* owner, i8* kind, Told told) {
  Heard heard(told);
  const i32 none = static_cast<i32>(count), begin = static_cast<i32>(count + meetings);
  const auto put = [&](i64 edge, i32 from, i32 added, i32 owned, i8 why) {
    source[edge] = from;
    adds[edge] = added;
    owner[edge] = owned;
    kind[edge] = why;
  };
  const auto from_end = [&](i64 edge, i32 before, i8 why) {
    const bool met = meeting[before] != NONE && !late[before];
    put(edge, met ? none + meeting[before] : before, late[before] ? none : before, before, why);
  };
  for (i64 met = 0; met < meetings; ++met) next[met] = edge_start[count + met];
  for (i64 row = 0; row < count; ++row) {
    if (const i64 answer = heard.stops()) return answer;
    const i32 token = static_cast<i32>(row);
    i64 edge = edge_start[row];
    for (i64 at = dependency_start[row]; at < dependency_start[row + 1]; ++at)
      from_end(edge++, dependency[at], DEPENDENCY);
    if (device_before[row] != NONE) from_end(edge++, device_before[row], ORDER);
    if (lane_before[row] != NONE) from_end(edge++, lane_before[row], ORDER);
    if (edge == edge_start[row]) put(edge++, begin, none, NONE, DEPENDENCY);
    if (late[row])
      put(edge, none + meeting[row], token, NONE, ARRIVAL);
    else if (meeting[row] != NONE)
      put(next[meeting[row]]++, token, none, NONE, DEPENDENCY);
  }
  for (i64 met = 0; met < meetings; ++met)
    if (next[met] == edge_start[count + met])
      put(next[met], begin, none, NONE, DEPENDENCY);
  return 0;
}

// An order of tokens in which sources come first, from the edges that lead to each; how many could be ordered before a
// circle was met.
i64 versim_sources_first(i64 tokens, const i64* edge_start, const i32* source, i32* order, Told told) try {
  Heard heard(told);
  std::vector<i64> next(edge_start, edge_start + tokens);
  std::vector<u8> state(static_cast<std::size_t>(tokens));  // 1: on the way, 2: in order
  std::vector<i32> way;
  i64 count = 0;
  for (i64 each = 0; each < tokens; ++each) {
    if (state[each]) continue;
    way.push_back(static_cast<i32>(each));
    state[each] = 1;
    while (!way.empty()) {
      if (const i64 answer = heard.stops()) return answer;
      const i32 token = way.back();
      if (next[token] == edge_start[token + 1]) {
        state[token] = 2;
        order[count++] = token;
        way.pop_back();
        continue;
      }
      const i32 from = source[next[token]++];
      if (state[from] == 1) return count;
      if (state[from] == 2) continue;
      state[from] = 1;
      way.push_back(from);
    }
  }
  return count;
} catch (const std::bad_alloc&) {
  return -1;
}

// Longest paths, see comparison/attribution/chain.py. The edges of each token are a CSR slice; an edge adds the duration
// of an instance (none where adds is `count`), and the lag of its target unless it is an arrival. order is topological.

// lag: what is missing of each token's time to the latest of its edges but arrivals; that of the last token is 0.
i64 versim_lags(i64 tokens, i64 count, const i64* edge_start, const i32* source, const i32* adds, const i8* kind,
                const i64* duration, const i64* time, i64* lag, Told told) {
  Heard heard(told);
  for (i64 token = 0; token < tokens; ++token) {
    if (const i64 answer = heard.stops()) return answer;
    i64 latest = 0;
    bool first = true;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      if (kind[edge] == ARRIVAL) continue;
      const i64 reached = time[source[edge]] + (adds[edge] < count ? duration[adds[edge]] : 0);
      if (first || reached > latest) latest = reached;
      first = false;
    }
    lag[token] = token == tokens - 1 ? 0 : time[token] - latest;
  }
  return 0;
}

i64 versim_longest_path(i64 tokens, i64 count, const i32* order, const i64* edge_start, const i32* source,
                        const i32* adds, const i8* kind, const i64* lag, const i64* duration, i64* time, Told told) {
  Heard heard(told);
  for (i64 at = 0; at < tokens; ++at) {
    if (const i64 answer = heard.stops()) return answer;
    const i32 token = order[at];
    i64 latest = 0;
    bool first = true;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      i64 reached = time[source[edge]];
      if (adds[edge] < count) reached += duration[adds[edge]];
      if (kind[edge] != ARRIVAL) reached += lag[token];
      if (first || reached > latest) latest = reached;
      first = false;
    }
    time[token] = latest;
  }
  return 0;
}

// latest: when each token may happen at the latest; given with what ends of the step allow.
i64 versim_latest(i64 tokens, i64 count, const i32* order, const i64* edge_start, const i32* source, const i32* adds,
                  const i8* kind, const i64* lag, const i64* duration, i64* latest, Told told) {
  Heard heard(told);
  for (i64 at = tokens - 1; at >= 0; --at) {
    if (const i64 answer = heard.stops()) return answer;
    const i32 token = order[at];
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      i64 allowed = latest[token];
      if (adds[edge] < count) allowed -= duration[adds[edge]];
      if (kind[edge] != ARRIVAL) allowed -= lag[token];
      if (allowed < latest[source[edge]]) latest[source[edge]] = allowed;
    }
  }
  return 0;
}

// How much later each instance may end, by what waits for its end, given when each token may happen at the latest.
i64 versim_slack(i64 tokens, i64 count, const i64* edge_start, const i32* owner, const i64* lag, const i64* latest,
                 const i64* end, i64 makespan, i64* slack, Told told) {
  Heard heard(told);
  for (i64 row = 0; row < count; ++row) slack[row] = makespan - end[row];
  for (i64 token = 0; token < tokens; ++token) {
    if (const i64 answer = heard.stops()) return answer;
    const i64 allowed = latest[token] - lag[token];
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge)
      if (owner[edge] != NONE) slack[owner[edge]] = std::min(slack[owner[edge]], allowed - end[owner[edge]]);
  }
  return 0;
}

// The path that decides the end of `row`, last execution first: the row whose duration is on it, the part through which
// it is entered, the edge that decides its start, and whether it carries. Ties go to the first edge. Returns its length.
i64 versim_path(i64 count, i64 row, const i64* edge_start, const i32* source, const i32* adds, const i8* kind,
                const i64* lag, const i64* duration, const i64* time, const i32* owner, const i32* meeting,
                const u8* late, i32* rows, i32* entries, i32* edges, u8* carries) {
  const auto decides = [&](i64 token, bool with_arrivals) {
    i64 best = NONE, latest = 0;
    for (i64 edge = edge_start[token]; edge < edge_start[token + 1]; ++edge) {
      if (kind[edge] == ARRIVAL && !with_arrivals) continue;
      i64 reached = time[source[edge]];
      if (adds[edge] < count) reached += duration[adds[edge]];
      if (kind[edge] != ARRIVAL) reached += lag[token];
      if (best == NONE || reached > latest) {
        best = edge;
        latest = reached;
      }
    }
    return best;
  };
  i64 length = 0;
  while (row != NONE && length < count) {
    i64 entry = row;
    const bool carried = !late[row] || kind[decides(row, true)] == ARRIVAL;
    if (carried && meeting[row] != NONE) {
      entry = source[decides(count + meeting[row], true)];
      if (entry >= count) break;  // cut loose from its parts because they ran in a circle
    }
    const i64 edge = decides(entry, false);
    rows[length] = static_cast<i32>(row);
    entries[length] = static_cast<i32>(entry);
    edges[length] = static_cast<i32>(edge);
    carries[length++] = carried;
    row = owner[edge];
  }
  return length;
}
}
