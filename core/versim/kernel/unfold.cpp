// A graph's nodes as instances, see graph/instances.py.

#include <cstdint>

#include "heard.hpp"

namespace {

using versim::Heard;
using versim::Told;

using i32 = std::int32_t;
using i64 = std::int64_t;

constexpr i32 NONE = -1;

}  // namespace

extern "C" {

// What instances wait for: those of a node's dependencies on the same class. partner tells, from partner_start on per pair
// of placements, where each class of the first stands among those of the second. Returns how many there are; counts them
// into start, unless found is given.
i64 versim_unfolded_dependencies(i64 nodes, i64 placements, const i64* dependency_start, const i32* dependency,
                                 const i32* placement, const i64* partner_start, const i32* partner, const i64* first,
                                 i64* start, i32* found, Told told) {
  Heard heard(told);
  i64 count = 0;
  for (i64 node = 0; node < nodes; ++node)
    for (i64 row = first[node]; row < first[node + 1]; ++row) {
      if (const i64 answer = heard.stops()) return answer;
      if (!found) start[row] = count;
      for (i64 at = dependency_start[node]; at < dependency_start[node + 1]; ++at) {
        const i64 needed = dependency[at], pair = placement[node] * placements + placement[needed];
        const i32 place = partner[partner_start[pair] + row - first[node]];
        if (place == NONE) continue;
        if (found) found[count] = static_cast<i32>(first[needed] + place);
        ++count;
      }
    }
  if (!found) start[first[nodes]] = count;
  return count;
}
}
