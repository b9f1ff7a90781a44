// Simulated time: entries in the order (tick, number), where numbers are given out as entries are scheduled.
//
// That is the specification's map from ticks to lists, first in, first out. Few distinct delays occur, and time never
// runs backwards, so entries of one delay are in order by themselves: each delay has a queue, and a heap holds only
// their heads. A number may also be reserved for an entry that is perhaps never needed, and be used later.
#pragma once

#include <stdexcept>

#include "containers.hpp"

namespace versim {

// What the engine leaves to the readable implementation, which says what is wrong.
struct Handover {
  int reason;
  i64 rank;
  i64 position;
};

enum Reason {
  AT_TICK_0 = 1,
  BEYOND_EXACT_TICKS,
  EMPTY_MESSAGE,
  UNREACHABLE,
  NOT_A_MEMBER,
  OUT_OF_MEMORY,
  AMBIGUOUS_ORDER,
  CONTACT,
};

constexpr u64 EXACT_TICKS = 1ull << 53;

// What an entry carries besides: nothing, unless one rank stands for several.
struct NoMark {};

template <class Mark>
struct Entry : Mark {
  u64 tick;
  u64 number;
  u64 what;
};

template <class Mark>
class EventQueue {
 public:
  using Entry = versim::Entry<Mark>;

  u64 now = 0;
  Mark popped;      // mark of the entry that is being worked off
  u64 current = 0;  // its number
  Mark mark;        // what is scheduled now gets this one

  u32 delay_queue(u64 delay) {
    if (delay >= EXACT_TICKS) throw Handover{BEYOND_EXACT_TICKS, -1, -1};
    const u64 hash = mixed(delay);
    u32 found = by_delay_.find(hash, [&](u32 index) { return queues_[index].delay == delay; });
    if (found == NONE) {
      found = static_cast<u32>(queues_.size());
      queues_.push_back({delay, {}, 0, 0});
      by_delay_.insert(hash, found);
    }
    return found;
  }
  u64 delay_of(u32 queue) const { return queues_[queue].delay; }

  void push(u32 queue, u64 what) {
    Delayed& delayed = queues_[queue];
    const u64 tick = now + delayed.delay, number = ++last_;
    if (delayed.count == 0) heap_push({}, tick, number, what, queue);
    delayed.push(mark, tick, number, what);
  }
  // What another queue has scheduled, in order.
  void take_over(u64 tick, u64 what, const Mark& kept) {
    if (taken_over_ == NONE) {
      taken_over_ = static_cast<u32>(queues_.size());
      queues_.push_back({EXACT_TICKS, {}, 0, 0});
    }
    Delayed& delayed = queues_[taken_over_];
    const u64 number = ++last_;
    if (delayed.count == 0) heap_push({}, tick, number, what, taken_over_);
    delayed.push(kept, tick, number, what);
  }
  // Tick, number, what and mark of everything that is scheduled.
  template <class Visit>
  void visit(Visit visit) const {
    for (const Head& head : heap_)
      if (head.queue == NONE) visit(head.tick, head.number, head.what, static_cast<const Mark&>(head));
    for (const Delayed& delayed : queues_)
      for (u32 index = 0; index < delayed.count; ++index) {
        const Entry& entry = delayed.ring[(delayed.begin + index) & static_cast<u32>(delayed.ring.size() - 1)];
        visit(entry.tick, entry.number, entry.what, static_cast<const Mark&>(entry));
      }
  }
  u64 reserve() { return ++last_; }
  void push_reserved(u64 tick, u64 number, u64 what, const Mark& kept) {
    heap_push(kept, tick, number, what, NONE);
  }
  bool has_passed(u64 tick, u64 number) const { return tick < now || (tick == now && number <= current); }

  bool empty() const { return heap_.empty(); }
  u64 next_tick() const { return heap_[0].tick; }

  u64 pop() {
    const Head& head = heap_[0];
    const u64 what = head.what;
    const u32 queue = head.queue;
    now = head.tick;
    current = head.number;
    if (queue == NONE) {
      popped = head;
      drop_top();
    } else {
      Delayed& delayed = queues_[queue];
      popped = delayed.first();
      delayed.pop();
      if (delayed.count) {
        const Entry& next = delayed.first();
        sift({}, next.tick, next.number, next.what, queue);
      } else {
        drop_top();
      }
    }
    return what;
  }

 private:
  struct Delayed {
    u64 delay;
    std::vector<Entry> ring;
    u32 begin;
    u32 count;

    const Entry& first() const { return ring[begin]; }
    void pop() {
      begin = (begin + 1) & static_cast<u32>(ring.size() - 1);
      --count;
    }
    // Field by field, as everywhere here: an entry that is put together first and then copied in wider pieces waits for
    // its own stores.
    void push(const Mark& mark, u64 tick, u64 number, u64 what) {
      if (count == ring.size()) {
        std::vector<Entry> wider(ring.empty() ? 4 : 2 * ring.size());
        for (u32 index = 0; index < count; ++index) wider[index] = ring[(begin + index) & (ring.size() - 1)];
        ring.swap(wider);
        begin = 0;
      }
      Entry& entry = ring[(begin + count++) & static_cast<u32>(ring.size() - 1)];
      static_cast<Mark&>(entry) = mark;
      entry.tick = tick;
      entry.number = number;
      entry.what = what;
    }
  };
  struct Head : Mark {  // which only what stands in no queue has of its own
    u64 tick;
    u64 number;
    u64 what;
    u32 queue;

    u128 key() const { return key_of(tick, number); }
  };

  static u128 key_of(u64 tick, u64 number) { return static_cast<u128>(tick) << 64 | number; }

  void place(u64 at, const Mark& mark, u64 tick, u64 number, u64 what, u32 queue) {
    Head& head = heap_[at];
    static_cast<Mark&>(head) = mark;
    head.tick = tick;
    head.number = number;
    head.what = what;
    head.queue = queue;
  }
  void heap_push(const Mark& mark, u64 tick, u64 number, u64 what, u32 queue) {
    const u128 key = key_of(tick, number);
    u64 at = heap_.size();
    heap_.emplace_back();
    while (at) {
      const u64 parent = (at - 1) / 2;
      if (heap_[parent].key() <= key) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    place(at, mark, tick, number, what, queue);
  }
  void drop_top() {
    const Head& last = heap_.back();
    const Mark mark = last;
    const u64 tick = last.tick, number = last.number, what = last.what;
    const u32 queue = last.queue;
    heap_.pop_back();
    if (!heap_.empty()) sift(mark, tick, number, what, queue);
  }
  void sift(const Mark& mark, u64 tick, u64 number, u64 what, u32 queue) {  // puts an entry in the place of the top
    const u128 key = key_of(tick, number);
    const u64 size = heap_.size();
    u64 at = 0;
    for (u64 child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && heap_[child + 1].key() < heap_[child].key()) ++child;
      if (key <= heap_[child].key()) break;
      heap_[at] = heap_[child];
      at = child;
    }
    place(at, mark, tick, number, what, queue);
  }

  std::vector<Delayed> queues_;
  std::vector<Head> heap_;
  Table by_delay_;
  u32 taken_over_ = NONE;  // the queue of what was
  u64 last_ = 0;
};

}  // namespace versim
