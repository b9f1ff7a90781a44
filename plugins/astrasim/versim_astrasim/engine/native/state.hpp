// What the state of a run consists of: what its entries do, channels, collectives at work, ranks; and what tells the order
// of all ranks where one stands for several.
#pragma once

#include <algorithm>

#include "input.hpp"
#include "permutations.hpp"

namespace versim {

constexpr u64 QUICK_ENDPOINT_DELAY_NS = 10;
constexpr u64 COLLECTIVE_TAGS = 500000000;
constexpr u32 SECOND_OF_TWO = NONE;  // links left of a message whose second and last link is written into it

// What an entry of the queue, or an action of a rank's calendar, does.
enum What : u32 {
  COMPLETE,
  RING_RECEIVE,
  RING_REDUCE,
  RING_PROCEED,
  DIRECT_RECEIVED,
  DIRECT_STEPS,
  EXCHANGE_PREPARE,
  EXCHANGE_REDUCE,
  EXCHANGE_PROCEED,
  TREE_CHILD_RECEIVED,
  TREE_CHILD_REDUCE,
  TREE_CHILD_REDUCED,
  TREE_SEND_UP,
  TREE_PARENT_RECEIVED,
  TREE_DOWN_REDUCE,
  TREE_SEND_DOWN,
  TREE_END,
  ARRIVE,
  HOP,
  RELEASE,
  BATCH,
};

constexpr u64 what_of(What kind, u32 index) { return static_cast<u64>(kind) << 56 | index; }
constexpr u64 complete_of(u32 rank, u32 position) {
  return static_cast<u64>(COMPLETE) << 56 | static_cast<u64>(rank) << 32 | position;
}
constexpr What kind_of(u64 what) { return static_cast<What>(what >> 56); }
constexpr u32 index_of(u64 what) { return static_cast<u32>(what); }
constexpr u32 rank_of(u64 what) { return static_cast<u32>(what >> 32) & 0xffffffu; }

struct Linked {
  u64 what = 0;
  u32 next = NONE;
  u32 load = NONE;
};

// Actions in order; nearly always one at most, which lies here.
struct Actions {
  u64 first = 0;
  u32 count = 0;
  u32 rest = NONE;
  u32 last = NONE;
};

// All of one rank's actions of one tick, which run back to back.
struct Batch {
  u64 tick = 0;
  u64 newest = 0;
  Actions actions;
  u32 rank = 0;
  u32 next = NONE;
};

// Where one simulated rank stands for several ("members", which differ along the folded axes), everything about them is
// alike but the order in which they act within a tick. Two things tell that order of all of them:
//
// * Runs. What is scheduled while one stretch of entries is worked off comes up together, too. In truth every member has
//   its own copy of the stretch, and the copies stand one behind the other: a run.
// * Shifts. In a run copies are in the order of the members who began it. What acts at member x was begun by member
//   x + shift: 0 where members keep to themselves, and less by the distance with every message to another member. Where
//   members exchange with a partner of their own, it is another permutation of them, see Permutations.
//
// Entries of different runs are in the order of their runs, whoever looks; entries of one run and one shift in the order in
// which they were scheduled. But of two that act on one rank in one tick, in one run with different shifts, some members
// see the one first and others the other: then the members are not alike (AMBIGUOUS_ORDER), and the run is given up.
// Several folded axes nest: a run of an inner axis lies within one member of an outer one.
constexpr int MOST_FOLDED_AXES = 4;

// Of so many axes at most: nearly always one is folded, and a mark stands in every entry.
template <int MOST_>
struct FoldMark {
  static constexpr int MOST = MOST_;
  u32 run[MOST] = {};
  u32 shift[MOST] = {};
};

// Where a destination is, along each folded axis: so many members away, or another permutation of them.
template <int MOST>
struct Away {
  u32 away[MOST] = {};
  bool operator==(const Away& other) const { return std::equal(away, away + MOST, other.away); }
  bool any() const {
    return std::any_of(away, away + MOST, [](u32 steps) { return steps != 0; });
  }
  u64 hash() const {
    u64 sum = 0;
    for (const u32 steps : away) sum = mixed(sum + steps);
    return sum;
  }
};

// The same where every rank is simulated.
struct NotAway {
  bool operator==(const NotAway&) const { return true; }
  static bool any() { return false; }
  static u64 hash() { return 0; }
};

constexpr u32 NO_STEPS[MOST_FOLDED_AXES] = {};

// The link that one stands for, and whose it is: a member, or of a hop the permutation of the senders.
template <int MOST>
struct LinkPlace : Away<MOST> {
  u32 link = NONE;
  LinkPlace() = default;
  LinkPlace(u32 link, const Away<MOST>& away) : Away<MOST>(away), link(link) {}
};

// What a simulation without folded ranks has of all this.
template <class Mark>
struct Folds {
  static constexpr int MOST = 1;
  static constexpr bool FOLDED = false;
  using Distance = NotAway;
};
template <int MOST_>
struct Folds<FoldMark<MOST_>> {
  static constexpr int MOST = MOST_;
  static constexpr bool FOLDED = true;
  using Distance = Away<MOST_>;
};

// Messages of one tag, source, destination and size.
template <class Distance_>
struct ChannelOf : Distance_ {
  using Distance = Distance_;
  u64 size_bytes = 0;
  u32 tag = 0;
  u32 source = 0;
  u32 destination = 0;
  u32 uses = 0;  // unmatched sends and receives, and holders
  u32 arrived = 0;
  u32 load = NONE;  // or the queue of its delay
  Way way;
  Actions pending;
  Actions sent;
};

// A message on a way of several links, with all that a hop needs: its channel is far away.
struct Message {
  u32 channel = NONE;
  u32 load = NONE;
  u32 next = 0;  // where the rest of its way begins among the network's paths; of a way of two links, the second link
  u32 left = 0;  // links it has still to enter
};

struct Lane {
  u32 first = NONE;
  u32 last = NONE;
  u32 first_waiting = NONE;
  u32 running = 0;
};

struct DimensionLanes {
  u32 any = 0;
  u32 first_half = 0;
  u32 last_half = 0;
};

struct Op {
  u32 rank = 0;
  u32 position = 0;
  i64 left = 0;
};

struct PlannedPhase {
  u32 step = 0;
  u32 lane = NONE;
  u32 next = NONE;
  i8 direction = 1;
  u8 turn = 0;
};

struct Job {
  u32 op = NONE;
  u32 tag = 0;
  u32 next_phase = NONE;
  u32 current = NONE;
  u32 lane = NONE;
  u32 before = NONE;
  u32 after = NONE;
};

// One algorithm at work for one job.
struct Phase {
  u32 job = NONE;
  u32 rank = 0;
  u32 step = 0;
  u32 delay_queue = 0;
  u32 reduction_queue = 0;
  // The ring of members: explicit ones, or base + place * stride.
  const i32* explicit_members = nullptr;
  i32 base = 0;
  i32 stride = 1;
  i32 members = 0;
  i32 place = 0;
  i32 direction = 1;
  u64 message_bytes = 0;
  // Ring: the two channels. Tree: parent and children.
  u32 outgoing = NONE;
  u32 incoming = NONE;
  u32 child[2] = {NONE, NONE};
  u32 children = 0;
  i64 left = 0;
  i64 reductions_left = 0;
  // Direct.
  i64 second_half = 0;
  i64 window = 0;
  i64 others_in_cycle = 0;
  i64 free = 0;
  i64 prepared = 0;
  i64 sent = 0;
  i64 received = 0;
  u32 steps = NONE;

  i32 member(i64 index) const {
    const i64 round = index % members;
    const i64 at = round < 0 ? round + members : round;
    return explicit_members ? explicit_members[at] : static_cast<i32>(base + at * stride);
  }
};

// Endpoint steps of a direct algorithm that are due back to back.
struct Steps {
  u32 phase = NONE;
  i64 count = 0;
  bool reduces = false;
};

struct Rank {
  i64 node_start = 0;
  i64 instance_start = 0;
  i64 next_job = 0;
  u32 open_batches = NONE;
  u32 running = 0;
  bool busy[4] = {false, false, false, false};
  bool scanning = false;
  bool finished = false;
  u32 open[STATISTICS_CLASSES] = {0, 0};
  i64 since_ns[STATISTICS_CLASSES] = {0, 0};
  std::vector<u32> ready[4];
  std::vector<u32> late;
};

}  // namespace versim
