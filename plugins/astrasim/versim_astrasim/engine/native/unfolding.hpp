// A folded simulation goes on with more ranks: between two ticks, what it knows of a class of ranks is taken over for each
// of its members, or for each of those that a coarser class still falls into.
//
// Until then all members did the same, each among its own, so a copy per member is what simulating them would have led to.
// What waits is scheduled anew in the order of all members, which its marks tell (FoldMark): tick by tick, run
// by run, in a run member by member, and for one member as it was scheduled. Axes that stay folded keep their marks; runs
// of an axis that lay within members of another one become runs of each of these.
#pragma once

#include <array>
#include <cstring>

#include "state.hpp"

namespace versim {

template <class New, class Old>
class Unfolding {
  static constexpr int MOST = Old::MOST;
  static constexpr bool FOLDED = New::FOLDED;
  using OldMark = typename Old::Mark;
  using NewMark = typename New::Mark;
  using Shift = const u32*;  // a permutation per axis of the folded run
  // Runs and, along the axes that are unfolded, places in them, outermost axis first.
  using Key = std::array<u32, 2 * MOST>;

  struct Turn {
    u64 tick;
    Key key;
    u64 number;
    u32 member;
    u64 what;  // or, of a link that comes free, its number
    OldMark mark;
    bool comes_free;

    bool operator<(const Turn& other) const {
      if (tick != other.tick) return tick < other.tick;
      if (key != other.key) return key < other.key;
      return number != other.number ? number < other.number : member < other.member;
    }
  };

 public:
  Unfolding(New& fresh, Old& folded) : new_(fresh), old_(folded), in_(fresh.in_) {}

  // Throws a handover where members turn out to differ.
  void run() {
    find_axes();
    find_ranks();
    new_.fired_ = true;
    new_.queue_.now = old_.queue_.now;
    new_.message_count = old_.message_count * members_;
    new_.ended_count = old_.ended_count * members_;
    const bool linked = old_.network_ != nullptr;
    if (linked) take_network();
    take_channels();
    take_work();
    if (linked) take_messages();
    collect_turns();
    number_runs();
    if (linked) take_links();
    schedule();
    tell_finished();
    tell_first_seen();
  }

 private:
  [[noreturn]] static void differ() { throw Handover{AMBIGUOUS_ORDER, -1, -1}; }
  static void hold(bool alike) {
    if (!alike) differ();
  }

  // Members along the axes that are unfolded, by number, and where each stands.

  void find_axes() {
    for (i64 axis = 0; axis < old_.axes(); ++axis) {
      i64 kept = 0;
      while (kept < new_.axes() && in_.axis_stride[kept] != old_.in_.axis_stride[axis]) ++kept;
      if (kept == new_.axes()) {
        unfolded_.push_back(static_cast<int>(axis));
        members_ *= static_cast<u32>(old_.in_.axis_size[axis]);
      } else {
        hold(in_.axis_size[kept] == old_.in_.axis_size[axis] && kept == static_cast<i64>(kept_.size()));
        kept_.push_back(static_cast<int>(axis));
      }
    }
    hold(static_cast<i64>(kept_.size()) == new_.axes() && !unfolded_.empty());
    places_.resize(members_ * unfolded_.size());
    offset_.resize(members_);
    for (u32 member = 0; member < members_; ++member) {
      u32 rest = member;
      for (size_t index = unfolded_.size(); index--;) {
        const i64 size = old_.in_.axis_size[unfolded_[index]];
        places_[member * unfolded_.size() + index] = rest % static_cast<u32>(size);
        offset_[member] += rest % static_cast<u32>(size) * old_.in_.axis_stride[unfolded_[index]];
        rest /= static_cast<u32>(size);
      }
    }
    if constexpr (FOLDED)
      for (size_t index = 0; index < kept_.size(); ++index) new_.permutations_[index] = permutations(kept_[index]);
  }
  Permutations& permutations(int axis) { return old_.permutations_[static_cast<size_t>(axis)]; }
  u32 place(u32 member, size_t index) const { return places_[member * unfolded_.size() + index]; }
  // The member onto which permutations map one.
  u32 image(Shift shift, u32 member) {
    u32 found = 0;
    for (size_t index = 0; index < unfolded_.size(); ++index) {
      const int axis = unfolded_[index];
      found = found * permutations(axis).size() + permutations(axis).image(shift[axis], place(member, index));
    }
    return found;
  }
  // The member that they map onto one.
  u32 origin(Shift shift, u32 member) {
    u32 found = 0;
    for (size_t index = 0; index < unfolded_.size(); ++index) {
      const int axis = unfolded_[index];
      found = found * permutations(axis).size() + before(axis, shift[axis], place(member, index));
    }
    return found;
  }
  u32 before(int axis, u32 shift, u32 place) {
    const Permutations& members = permutations(axis);
    if (shift < members.size()) return place >= shift ? place - shift : place + members.size() - shift;
    u32 found = 0;
    while (members.image(shift, found) != place) ++found;
    return found;
  }

  // Ranks: their programs are alike, node by node; columns that the run fills in are copied.

  u32 rank(u32 number, u32 member) const { return rank_[number * members_ + member]; }
  u32 at(u32 index, u32 member) const { return index == NONE ? NONE : index * members_ + member; }
  i64 node(u32 number, u32 member, u32 position) const { return new_.ranks_[rank(number, member)].node_start + position; }

  void find_ranks() {
    rank_.resize(old_.ranks_.size() * members_);
    done_.resize(static_cast<size_t>(in_.group_count), NONE);
    for (u32 number = 0; number < old_.ranks_.size(); ++number)
      for (u32 member = 0; member < members_; ++member) {
        const i64 world = old_.world_rank(number) + offset_[member];
        u32 found = static_cast<u32>(world);
        if constexpr (FOLDED) found = static_cast<u32>(in_.stands_in[world]);
        hold(new_.world_rank(found) == world);
        rank_[number * members_ + member] = found;
        take_rank(number, member);
      }
  }
  void take_rank(u32 number, u32 member) {
    const u32 found = rank(number, member);
    const Rank& from = old_.ranks_[number];
    Rank& to = new_.ranks_[found];
    const i64 count = old_.in_.instance_start[number + 1] - from.instance_start;
    hold(in_.instance_start[found + 1] - to.instance_start == count);
    hold_alike(in_.action, from.node_start, to.node_start, count);
    hold_alike(in_.size_bytes, from.node_start, to.node_start, count);
    hold_alike(in_.predecessor_count, from.node_start, to.node_start, count);
    const i64 node_start = to.node_start, instance_start = to.instance_start;
    to = from;
    to.node_start = node_start;
    to.instance_start = instance_start;
    to.open_batches = at(from.open_batches, member);
    copy(old_.in_.ready_ns, from.instance_start, in_.ready_ns, instance_start, count);
    copy(old_.in_.start_ns, from.instance_start, in_.start_ns, instance_start, count);
    copy(old_.in_.end_ns, from.instance_start, in_.end_ns, instance_start, count);
    copy(old_.waiting_for_.data(), from.instance_start, new_.waiting_for_.data(), instance_start, count);
    copy(old_.in_.finish_ns, number, in_.finish_ns, found, 1);
    copy(old_.in_.gpu_ns, number, in_.gpu_ns, found, 1);
    const i64 figures = 2 * STATISTICS_CLASSES, picks = in_.dimension_count;
    copy(old_.in_.class_figures, number * figures, in_.class_figures, found * figures, figures);
    copy(old_.picks_.data(), number * picks, new_.picks_.data(), found * picks, picks);
    copy(old_.turns_.data(), number * picks * 4, new_.turns_.data(), found * picks * 4, picks * 4);
    // Groups count their jobs for each member.
    const u32 mark = rank(number, member);
    for (i64 position = 0; position < count; ++position) {
      const i32 mine = in_.collective[from.node_start + position], theirs = in_.collective[to.node_start + position];
      hold((mine < 0) == (theirs < 0));
      const i64 group = mine < 0 ? -1 : in_.collective_group[mine];
      if (group < 0 || done_[static_cast<size_t>(group)] == mark) continue;
      done_[static_cast<size_t>(group)] = mark;
      const i64 other = in_.collective_group[theirs];
      hold(other >= 0);
      const i64 jobs = old_.group_jobs_[old_.member_entry(group, old_.world_rank(number))] - in_.first_job[group];
      new_.group_jobs_[new_.member_entry(other, new_.world_rank(found))] = in_.first_job[other] + jobs;
    }
  }
  template <class T>
  static void hold_alike(const T* column, i64 one, i64 other, i64 count) {
    hold(one == other || std::memcmp(column + one, column + other, static_cast<size_t>(count) * sizeof(T)) == 0);
  }
  template <class T>
  static void copy(const T* from, i64 begin, T* to, i64 at, i64 count) {
    std::copy(from + begin, from + begin + count, to + at);
  }

  // What is numbered by group or by collective is a member's own.

  u32 tag(u32 number, u32 position, u32 member, u32 tag) const {
    const i64 mine = node(number, 0, position), theirs = node(number, member, position);
    if (in_.collective[mine] < 0) return static_cast<u32>(in_.tag[theirs]);
    const i64 group = in_.collective_group[in_.collective[mine]], other = in_.collective_group[in_.collective[theirs]];
    if (group < 0) return tag;
    const i64 tags = static_cast<i64>(COLLECTIVE_TAGS);
    const i64 job = (tag - tags + in_.first_job[other] - in_.first_job[group]) % tags;
    return static_cast<u32>(tags + (job + tags) % tags);
  }
  u32 step(const Op& op, u32 member, u32 step) const {
    const i32 mine = in_.collective[node(op.rank, 0, op.position)];
    const i32 theirs = in_.collective[node(op.rank, member, op.position)];
    const i64 place = step - in_.step_start[mine];
    hold(in_.step_start[theirs] + place < in_.step_start[theirs + 1]);
    return static_cast<u32>(in_.step_start[theirs] + place);
  }
  u32 lane(u32 lane, u32 member) const {
    const u32 lanes = static_cast<u32>(in_.dimension_count * in_.queues_per_dimension);
    return lane == NONE ? NONE : rank(lane / lanes, member) * lanes + lane % lanes;
  }
  u32 delay_queue(u32 queue) { return new_.queue_.delay_queue(old_.queue_.delay_of(queue)); }

  // What a member does.
  u64 act(u64 what, u32 member) const {
    const What kind = kind_of(what);
    if (kind == COMPLETE) return complete_of(rank(rank_of(what), member), index_of(what));
    return what_of(kind, at(index_of(what), member));
  }
  Actions act(const Actions& actions, u32 member) {
    Actions made;
    u32 next = actions.rest;
    for (u32 left = actions.count; left; --left) {
      new_.append(made, act(left == actions.count ? actions.first : old_.linked_[next].what, member));
      if (left < actions.count) next = old_.linked_[next].next;
    }
    return made;
  }

  // One copy per member of all that is in use.
  template <class To, class From, class Take>
  void copies(Pool<To>& made, Pool<From>& from, Take take) {
    std::vector<bool> free(from.items.size());
    for (const u32 index : from.released) free[index] = true;
    made.items.resize(from.items.size() * members_);
    for (u32 index = 0; index < from.items.size(); ++index)
      for (u32 member = 0; member < members_; ++member)
        if (free[index])
          made.give_back(at(index, member));
        else
          take(made.items[at(index, member)], from.items[index], index, member);
  }

  void take_channels() {
    using Channel = typename New::Channel;
    std::vector<bool> known(old_.channels_.items.size());
    for (const u32 index : old_.channel_by_key_.values)
      if (index != NONE) known[index] = true;
    new_.asked_.resize(FOLDED ? old_.channels_.items.size() * members_ : 0);
    copies(new_.channels_, old_.channels_, [&](Channel& made, const typename Old::Channel& from, u32 index, u32 member) {
      hold(known[index]);
      const u32 receiver = image(from.away, member);
      const typename Old::Asked& asked = old_.asked_[index];
      const u32 asking = asked.by_sender ? member : receiver;
      if constexpr (FOLDED) {
        for (size_t axis = 0; axis < kept_.size(); ++axis) made.away[axis] = from.away[kept_[axis]];
        new_.asked_[at(index, member)] = {rank(asked.rank, asking), asked.position, asked.by_sender};
      }
      made.size_bytes = from.size_bytes;
      made.tag = tag(asked.rank, asked.position, asking, from.tag);
      made.source = rank(from.source, member);
      made.destination = rank(from.destination, receiver);
      made.uses = from.uses;
      made.arrived = from.arrived;
      made.pending = act(from.pending, receiver);
      made.sent = act(from.sent, member);
      const u64 hash = New::channel_hash(made.tag, made.source, made.destination, made.size_bytes, made);
      const u32 other = new_.channel_by_key_.find(hash, [&](u32 other) {
        const Channel& there = new_.channels_[other];
        return there.tag == made.tag && there.source == made.source && there.destination == made.destination &&
               there.size_bytes == made.size_bytes && static_cast<const typename Channel::Distance&>(there) == made;
      });
      hold(other == NONE);
      new_.channel_by_key_.insert(hash, at(index, member));
    });
  }

  void take_work() {
    std::vector<bool> waits(old_.jobs_.items.size());  // for its lane
    for (const Lane& lane : old_.lanes_)
      for (u32 job = lane.first_waiting; job != NONE; job = old_.jobs_[job].after) waits[job] = true;
    copies(new_.ops_, old_.ops_, [&](Op& made, const Op& from, u32, u32 member) {
      made = from;
      made.rank = rank(from.rank, member);
    });
    copies(new_.planned_, old_.planned_, [&](PlannedPhase& made, const PlannedPhase& from, u32, u32 member) {
      made = from;
      made.lane = lane(from.lane, member);
      made.next = at(from.next, member);
    });
    copies(new_.jobs_, old_.jobs_, [&](Job& made, const Job& from, u32 index, u32 member) {
      const Op& op = old_.ops_[from.op];
      made = from;
      made.op = at(from.op, member);
      made.tag = tag(op.rank, op.position, member, from.tag);
      made.next_phase = at(from.next_phase, member);
      made.current = at(from.current, member);
      made.lane = lane(from.lane, member);
      made.before = at(from.before, member);
      made.after = at(from.after, member);
      const auto own_step = [&](u32 planned) {
        PlannedPhase& phase = new_.planned_[at(planned, member)];
        phase.step = step(op, member, phase.step);
      };
      if (waits[index]) own_step(from.current);
      for (u32 next = from.next_phase; next != NONE; next = old_.planned_[next].next) own_step(next);
    });
    copies(new_.phases_, old_.phases_, [&](Phase& made, const Phase& from, u32, u32 member) {
      take_phase(made, from, member);
    });
    copies(new_.steps_, old_.steps_, [&](Steps& made, const Steps& from, u32, u32 member) {
      made = from;
      made.phase = at(from.phase, member);
    });
    copies(new_.batches_, old_.batches_, [&](Batch& made, const Batch& from, u32, u32 member) {
      made = from;
      made.newest = act(from.newest, member);
      made.actions = act(from.actions, member);
      made.rank = rank(from.rank, member);
      made.next = at(from.next, member);
    });
    for (u32 index = 0; index < old_.lanes_.size(); ++index)
      for (u32 member = 0; member < members_; ++member) {
        const Lane& from = old_.lanes_[index];
        new_.lanes_[lane(index, member)] = {at(from.first, member), at(from.last, member),
                                            at(from.first_waiting, member), from.running};
      }
  }
  void take_phase(Phase& made, const Phase& from, u32 member) {
    made = from;
    made.job = at(from.job, member);
    made.rank = rank(from.rank, member);
    made.step = step(old_.ops_[old_.jobs_[from.job].op], member, from.step);
    made.delay_queue = delay_queue(from.delay_queue);
    made.reduction_queue = delay_queue(from.reduction_queue);
    made.steps = at(from.steps, member);
    const i64* fields = new_.step(made.step);
    hold(from.members == fields[STEP_MEMBERS] && static_cast<i64>(from.message_bytes) == fields[STEP_BYTES]);
    new_.find_place(made);
    switch (fields[STEP_ALGORITHM]) {
      case RING_ALGORITHM:
        made.outgoing = at(from.outgoing, member);
        made.incoming = at(from.incoming, origin(old_.channels_[from.incoming].away, member));
        return;
      case DOUBLE_BINARY_TREE:  // parent and children are ranks
        if (from.outgoing != NONE) made.outgoing = from.outgoing + static_cast<u32>(offset_[member]);
        for (u32 child = 0; child < from.children; ++child)
          made.child[child] = from.child[child] + static_cast<u32>(offset_[member]);
    }
  }

  // Links: the network is the same, and each link, or each that still stands for others, takes over what one stood for.

  void take_network() {
    new_.network_ = std::move(old_.network_);
    if constexpr (FOLDED) take_ways();
    old_.place_of_link_.resize(new_.network_->links.size());
    if constexpr (FOLDED) find_links();
  }
  // Ways that were used: what they lead over are the links that were.
  void take_ways() {
    for (size_t way = 0; way < old_.folded_ways_.size(); ++way) {
      const Ends& ends = old_.ends_of_ways_[way];
      const auto& away = old_.away_of_ways_[way].away;
      for (u32 member = 0; member < members_; ++member) {
        typename New::Channel channel;
        for (size_t axis = 0; axis < kept_.size(); ++axis) channel.away[axis] = away[kept_[axis]];
        channel.source = rank(static_cast<u32>(old_.in_.stands_in[ends.source]), member);
        channel.destination = rank(static_cast<u32>(old_.in_.stands_in[ends.destination]), image(away, member));
        new_.folded_way(channel);
      }
    }
  }
  // A link is the same member of those it stands for along axes that stay folded: marks that are relative to it stay so.
  void find_links() {
    first_link_.resize(new_.folded_links_.size(), NONE);
    for (u32 index = 0; index < new_.place_of_link_.size(); ++index) {
      const auto& place = new_.place_of_link_[index];
      if (place.link == NONE) continue;
      for (size_t axis = 0; axis < kept_.size(); ++axis)
        hold(place.away[axis] == old_.place_of_link_[index].away[kept_[axis]]);
      if (!place.any()) first_link_[place.link] = index;
    }
    for (const u32 first : first_link_) hold(first != NONE);
  }
  u32 links() const { return static_cast<u32>(FOLDED ? first_link_.size() : old_.place_of_link_.size()); }
  const auto& place_of(u32 link) const { return old_.place_of_link_[FOLDED ? first_link_[link] : link]; }

  // Who sends what enters or goes over a link.
  u32 sender(const Message& message, u32 member) { return origin(old_.hops_[message.next - 1].away, member); }
  void take_messages() {
    copies(new_.messages_, old_.messages_, [&](Message& made, const Message& from, u32, u32 member) {
      typename New::Channel& channel = new_.channels_[at(from.channel, member)];
      new_.find_way(channel);
      const Way& way = channel.way;
      hold(from.left < way.length);
      made.channel = at(from.channel, member);
      made.load = channel.load;
      made.left = from.left;
      made.next = way.begin + way.length - from.left;
      if (!FOLDED && way.length == 2 && from.left) {
        made.next = way.link[1];
        made.left = SECOND_OF_TWO;
      }
    });
  }
  // On a way of one link nothing but the channel is needed, where every rank is simulated.
  u64 arrival(u32 message, u32 member) {
    const u32 channel = new_.messages_[at(message, member)].channel;
    const bool short_way = !FOLDED && new_.channels_[channel].way.length == 1;
    return short_way ? what_of(ARRIVE, channel) : what_of(HOP, at(message, member));
  }
  void take_links() {
    for (u32 index = 0; index < links(); ++index) {
      const auto& place = place_of(index);
      if (place.link == NONE) continue;
      Link& made = new_.link(index);
      const u32 make = made.make;
      made = old_.folded_links_[place.link];
      hold(made.make == make);
      u32 next = made.first_waiting, last = NONE;
      made.first_waiting = made.last_waiting = NONE;
      const u32 member = number_of(place.away);
      for (; next != NONE; next = old_.linked_[next].next) {
        const u32 message = index_of(old_.linked_[next].what);
        const u32 from = sender(old_.messages_[message], member), added = new_.linked_.take();
        new_.linked_[added].what = arrival(message, from);
        new_.linked_[added].load = new_.messages_[at(message, from)].load;
        (last == NONE ? made.first_waiting : new_.linked_[last].next) = added;
        made.last_waiting = last = added;
      }
    }
  }
  u32 number_of(Shift places) {
    u32 found = 0;
    for (const int axis : unfolded_) found = found * permutations(axis).size() + places[axis];
    return found;
  }

  // The order of everything that waits, and of what members did before.

  Key key_of(const OldMark& mark, u32 member) {
    Key key{};
    for (i64 axis = 0; axis < old_.axes(); ++axis) key[static_cast<size_t>(2 * axis)] = mark.run[axis];
    for (size_t index = 0; index < unfolded_.size(); ++index) {
      const int axis = unfolded_[index];
      key[static_cast<size_t>(2 * axis + 1)] = permutations(axis).image(mark.shift[axis], place(member, index));
    }
    return key;
  }
  void collect_turns() {
    old_.queue_.visit([&](u64 tick, u64 number, u64 what, const OldMark& mark) {
      const u32 index = index_of(what);
      if (kind_of(what) == RELEASE) {
        release_of(index) = {tick, number, mark};
        return;
      }
      for (u32 member = 0; member < members_; ++member) {
        u32 there = member;  // of a message the other end, or whose link is next
        u64 acts = 0;
        if (kind_of(what) == ARRIVE) {
          there = image(old_.channels_[index].away, member);
          acts = what_of(ARRIVE, at(index, member));
        } else if (kind_of(what) == HOP) {
          const Message& message = old_.messages_[index];
          there = image(message.left ? old_.hops_[message.next].away : old_.channels_[message.channel].away, member);
          acts = arrival(index, member);
        } else {
          acts = act(what, member);
        }
        add_turn(tick, number, mark, there, member, acts);
      }
    });
    for (u32 index = 0; index < links(); ++index) {
      const auto& place = place_of(index);
      if (place.link == NONE) continue;
      const Link& link = old_.folded_links_[place.link];
      const u32 member = number_of(place.away);
      if (link.release_is_due) {
        const Release& release = release_of(place.link);
        add_turn(release.tick, release.number, release.mark, member, member, what_of(RELEASE, index));
      } else if (link.free_number && link.free_tick > old_.queue_.now) {
        add_turn(link.free_tick, link.free_number, old_.marks_of_links_[place.link].free, member, member, index);
        turns_.back().comes_free = true;
      }
    }
    std::sort(turns_.begin(), turns_.end());
    for (i64 event = 0; event < old_.finished_count; ++event) {
      OldMark mark;
      for (i64 axis = 0; axis < old_.axes(); ++axis) {
        const i64* figures = old_.in_.finish_mark + 2 * (event * old_.axes() + axis);
        mark.run[axis] = static_cast<u32>(figures[0]);
        mark.shift[axis] = static_cast<u32>(figures[1]);
      }
      const u64 number = static_cast<u64>(old_.in_.finish_order[event]);
      for (u32 member = 0; member < members_; ++member)
        finished_.push_back({0, key_of(mark, member), static_cast<u64>(event), member, number, mark, false});
    }
    std::sort(finished_.begin(), finished_.end());
  }
  // What happens at one member, on behalf of another.
  void add_turn(u64 tick, u64 number, const OldMark& mark, u32 at, u32 member, u64 what) {
    turns_.push_back({tick, key_of(mark, at), number, member, what, mark, false});
  }
  struct Release {
    u64 tick = 0;
    u64 number = 0;
    OldMark mark;
  };
  Release& release_of(u32 link) {
    if (link >= releases_.size()) releases_.resize(link + 1);
    return releases_[link];
  }

  // Runs of axes that stay folded: within members of an outer axis that does not, each has its own.
  void number_runs() {
    if constexpr (FOLDED)
      for (size_t index = 0; index < kept_.size(); ++index) {
        std::vector<Key>& runs = runs_[index];
        for (const auto* turns : {&finished_, &turns_})
          for (const Turn& turn : *turns) runs.push_back(up_to(turn.key, kept_[index]));
        std::sort(runs.begin(), runs.end());
        runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
        new_.run_[index] = static_cast<u32>(runs.size());
      }
  }
  static Key up_to(Key key, int axis) {
    std::fill(key.begin() + 2 * axis + 1, key.end(), 0u);
    return key;
  }
  NewMark mark_of(const Turn& turn) {
    NewMark made{};
    if constexpr (FOLDED)
      for (size_t index = 0; index < kept_.size(); ++index) {
        const std::vector<Key>& runs = runs_[index];
        const auto found = std::lower_bound(runs.begin(), runs.end(), up_to(turn.key, kept_[index]));
        made.run[index] = static_cast<u32>(found - runs.begin());
        made.shift[index] = turn.mark.shift[kept_[index]];
      }
    return made;
  }
  void schedule() {
    for (const Turn& turn : turns_)
      if (turn.comes_free) {
        const u32 link = static_cast<u32>(turn.what);
        new_.link(link).free_number = new_.queue_.reserve();
        if constexpr (FOLDED) new_.marks_of_links_[link].free = mark_of(turn);
      } else {
        new_.queue_.take_over(turn.tick, turn.what, mark_of(turn));
      }
  }
  void tell_finished() {
    for (const Turn& turn : finished_) {
      const i64 event = new_.finished_count++;
      in_.finish_order[event] = rank(static_cast<u32>(turn.what), turn.member);
      if constexpr (FOLDED) {
        const NewMark mark = mark_of(turn);
        for (i64 axis = 0; axis < new_.axes(); ++axis) {
          in_.finish_mark[2 * (event * new_.axes() + axis)] = mark.run[axis];
          in_.finish_mark[2 * (event * new_.axes() + axis) + 1] = mark.shift[axis];
        }
      }
    }
  }
  // Which execution of a collective was the first: members in other groups executed another one.
  void tell_first_seen() {
    std::vector<Turn> turns;
    for (i64 collective = 0; collective < in_.collective_count; ++collective) {
      const i64* seen = old_.in_.first_seen + 4 * collective;
      if (!seen[3]) continue;
      const OldMark& mark = old_.first_marks_[static_cast<size_t>(collective)];
      for (u32 member = 0; member < members_; ++member)
        turns.push_back({0, key_of(mark, member), static_cast<u64>(seen[0]), member, static_cast<u64>(collective), mark, false});
    }
    std::sort(turns.begin(), turns.end());
    for (const Turn& turn : turns) {
      const i64* seen = old_.in_.first_seen + 4 * turn.what;
      const u32 number = static_cast<u32>(old_.in_.stands_in[seen[1]]);
      const i32 collective = in_.collective[node(number, turn.member, static_cast<u32>(seen[2]))];
      i64* told = in_.first_seen + 4 * collective;
      if (told[3] == 0) {
        told[0] = ++new_.seen_count_;
        told[1] = old_.world_rank(number) + offset_[turn.member];
        for (const int axis : kept_) told[1] += before(axis, turn.mark.shift[axis], 0) * old_.in_.axis_stride[axis];
        told[2] = seen[2];
      }
      told[3] += seen[3];
    }
  }

  New& new_;
  Old& old_;
  const Input& in_;
  std::vector<int> unfolded_, kept_;  // axes of the folded run
  u32 members_ = 1;
  std::vector<u32> places_;
  std::vector<i64> offset_;
  std::vector<u32> rank_;
  std::vector<u32> done_;
  std::vector<Turn> turns_, finished_;
  std::vector<Release> releases_;
  std::vector<u32> first_link_;  // of the network, of those that each link stands for
  std::array<std::vector<Key>, MOST> runs_;
};

}  // namespace versim
