// The embedded engine, compiled: message by message, entry by entry what engine/*.py does, in the same order.
//
// Names follow the Python modules, which are the specification in code. Whatever can go wrong in the original is left
// to them: the run stops with a reason (Handover), and Python simulates and diagnoses.

#include <new>

#include "network.hpp"
#include "state.hpp"
#include "unfolding.hpp"

namespace versim {
namespace {

class AnySimulation {
 public:
  virtual ~AnySimulation() = default;
  virtual i64 run(i64 entries, u64 until) = 0;
  virtual i64 now_ns() const = 0;
  virtual i64 unclaimed() = 0;
  virtual i64 queueing_ns(const Link& link) = 0;
  virtual const Link& link_at(u64 index) const = 0;  // of the whole network
  virtual i64 began(i64 axis, i64 shift, i64 member) const = 0;  // the member who did, of a mark's shift
  LinkedNetwork* network() { return network_.get(); }

  i64 message_count = 0;
  i64 ended_count = 0;
  i64 finished_count = 0;
  Handover why{0, -1, -1};

 protected:
  std::unique_ptr<LinkedNetwork> network_;
};

// With a FoldMark, a simulated rank stands for all members of its class.
template <class Mark_>
class Simulation : public AnySimulation {
  template <class, class>
  friend class versim::Unfolding;
  using Mark = Mark_;
  static constexpr bool FOLDED = Folds<Mark>::FOLDED;
  static constexpr int MOST = Folds<Mark>::MOST;
  using Channel = ChannelOf<typename Folds<Mark>::Distance>;
  using Distance = Away<MOST>;
  using LinkPlace = versim::LinkPlace<MOST>;

  // The last entry that acted on a rank or a link.
  struct Seen {
    u64 tick = ~0ull;
    Mark mark;
  };
  struct LinkMarks {
    Mark free;  // of its release
    Seen seen;
  };
  // The node for whose sake a channel was made, at one of its ends.
  struct Asked {
    u32 rank = 0;
    u32 position = 0;
    bool by_sender = false;
  };

 public:
  explicit Simulation(const Input& input) : in_(input) {
    for (i64 index = 0; index < in_.dimension_count; ++index)
      dimensions_.push_back({static_cast<int>(in_.topology[index]),
                             in_.npus_count[index],
                             {in_.bytes_per_ns[index], in_.latency_ns[index]}});
    if (in_.congestion_aware) network_ = linked_network(dimensions_[0], in_.ask_way);
    for (i64 axis = 0; axis < axes(); ++axis) permutations_.emplace_back(in_.axis_size[axis]);
    endpoint_queue_ = queue_.delay_queue(static_cast<u64>(in_.endpoint_delay_ns));
    quick_queue_ = queue_.delay_queue(QUICK_ENDPOINT_DELAY_NS);
    now_queue_ = queue_.delay_queue(0);
    const i64 lanes = in_.rank_count * in_.dimension_count * in_.queues_per_dimension;
    lanes_.resize(static_cast<size_t>(lanes));
    DimensionLanes counters;
    counters.last_half = static_cast<u32>(in_.queues_per_dimension / 2);
    picks_.assign(static_cast<size_t>(in_.rank_count * in_.dimension_count), counters);
    turns_.assign(static_cast<size_t>(in_.rank_count * in_.dimension_count * 4), 0);
    group_jobs_.resize(static_cast<size_t>(in_.group_count ? in_.member_start[in_.group_count] : 0));
    for (i64 group = 0; group < in_.group_count; ++group)
      for (i64 entry = in_.member_start[group]; entry < in_.member_start[group + 1]; ++entry) {
        group_jobs_[static_cast<size_t>(entry)] = in_.first_job[group];
        membership_.insert(member_hash(group, in_.group_member[entry]), static_cast<u32>(entry));
      }
    waiting_for_.resize(static_cast<size_t>(in_.instance_start[in_.rank_count]));
    ranks_.resize(static_cast<size_t>(in_.rank_count));
    if constexpr (FOLDED) {
      seen_.resize(ranks_.size());
      first_marks_.resize(static_cast<size_t>(in_.collective_count));
    }
    for (i64 number = 0; number < in_.rank_count; ++number) {
      Rank& rank = ranks_[static_cast<size_t>(number)];
      rank.node_start = in_.node_start[in_.program_of_rank[number]];
      rank.instance_start = in_.instance_start[number];
      const i64 count = in_.instance_start[number + 1] - rank.instance_start;
      for (i64 position = 0; position < count; ++position) {
        const i32 waits = in_.predecessor_count[rank.node_start + position];
        waiting_for_[static_cast<size_t>(rank.instance_start + position)] = waits;
        if (!waits) make_ready(rank, static_cast<u32>(position));
      }
    }
  }

  // Works off so many entries at most, all before a tick. 0: there are more; 1: nothing more can happen before it;
  // negative: a handover.
  i64 run(i64 entries, u64 until) override {
    try {
      if (!fired_) {
        fired_ = true;
        for (u32 number = 0; number < ranks_.size(); ++number) {
          if constexpr (FOLDED) fire_in_run(number);
          scan(number);
          check_finished(number);
        }
        if (!queue_.empty() && queue_.next_tick() == 0) throw Handover{AT_TICK_0, -1, -1};
      }
      for (; entries && is_before(until); --entries) {
        const u64 what = queue_.pop();
        if (queue_.now >= EXACT_TICKS) throw Handover{BEYOND_EXACT_TICKS, -1, -1};
        if constexpr (FOLDED) follow_run(what);
        act(what);
      }
      return is_before(until) ? 0 : 1;
    } catch (const Handover& handover) {
      why = handover;
    } catch (const std::bad_alloc&) {
      why = {OUT_OF_MEMORY, -1, -1};
    }
    return -why.reason;
  }

  i64 now_ns() const override { return static_cast<i64>(queue_.now); }

  const Link& link_at(u64 index) const override {
    if constexpr (FOLDED) {
      static const Link unused{};
      const u32 folded = index < place_of_link_.size() ? place_of_link_[index].link : NONE;
      return folded == NONE ? unused : folded_links_[folded];
    }
    return network_->links[index];
  }

  i64 began(i64 axis, i64 shift, i64 member) const override {
    return permutations_[static_cast<size_t>(axis)].image(static_cast<u32>(shift), static_cast<u32>(member));
  }

  // Messages between nodes that arrived and that nobody received.
  i64 unclaimed() override {
    i64 count = 0;
    for (const u32 index : channel_by_key_.values)
      if (index != NONE && channels_[index].tag < COLLECTIVE_TAGS) count += channels_[index].arrived;
    return count;
  }

  // What links report of messages that still wait for them.
  i64 queueing_ns(const Link& link) override {
    i64 sum = link.queueing_ns;
    for (u32 at = link.first_waiting; at != NONE; at = linked_[at].next) sum += now_ns();
    return sum;
  }

 private:
  // Members: see FoldMark.

  bool is_before(u64 until) const { return !queue_.empty() && queue_.next_tick() < until; }
  i64 axes() const {
    if constexpr (MOST == 1) return FOLDED ? 1 : 0;
    return in_.folded_axes;
  }
  i64 world_rank(u32 number) const {
    if constexpr (FOLDED) return in_.representative[number];
    return number;
  }
  // A rank is the first to fire of each axis' run that begins with it; members fire in their order.
  void fire_in_run(u32 number) {
    for (i64 axis = 0; axis < axes(); ++axis) {
      if (in_.begins_run[number * axes() + axis]) ++run_[axis];
      queue_.mark.run[axis] = queue_.popped.run[axis] = run_[axis];
    }
  }
  // What is scheduled from now on belongs to the run of the entry that is worked off.
  void follow_run(u64 what) {
    bool other = queue_.now != run_tick_;
    run_tick_ = queue_.now;
    for (i64 axis = 0; axis < axes(); ++axis) {
      other = other || queue_.popped.run[axis] != run_of_[axis];
      run_of_[axis] = queue_.popped.run[axis];
      if (other && ++run_[axis] == 0) throw Handover{OUT_OF_MEMORY, -1, -1};
      queue_.mark.run[axis] = run_[axis];
      queue_.mark.shift[axis] = queue_.popped.shift[axis];
    }
    const u32 index = index_of(what);
    switch (kind_of(what)) {
      case COMPLETE:
        return serve(rank_of(what));
      case BATCH:
        return serve(batches_[index].rank);
      case ARRIVE:
        return serve_ends(index);
      case DIRECT_STEPS:
        return serve(phases_[steps_[index].phase].rank);
      case HOP:
        if (messages_[index].left == 0) serve_ends(messages_[index].channel);
        return;
      case RELEASE:
        return serve(marks_of_links_[index].seen);
      default:
        return serve(phases_[index].rank);
    }
  }
  void serve_ends(u32 channel) {
    serve(channels_[channel].destination);
    if (channels_[channel].sent.count) serve(channels_[channel].source);
  }
  void serve(u32 number) { serve(seen_[number]); }
  // An entry acts on a rank or a link, to which the present mark is relative.
  void serve(Seen& seen) {
    if (seen.tick == queue_.now) hold_apart(seen.mark);
    seen.tick = queue_.now;
    for (i64 axis = 0; axis < axes(); ++axis) {
      seen.mark.run[axis] = queue_.popped.run[axis];
      seen.mark.shift[axis] = queue_.mark.shift[axis];
    }
  }
  // Everybody sees the entry that is worked off and another one of this tick in the same order.
  void hold_apart(const Mark& other) const {
    for (i64 axis = 0; axis < axes() && other.run[axis] == queue_.popped.run[axis]; ++axis)
      if (other.shift[axis] != queue_.mark.shift[axis]) throw Handover{AMBIGUOUS_ORDER, -1, -1};
  }
  // The present mark becomes relative to something that lies so many members from what it is relative to.
  void look_from(const u32* here, const u32* there) {
    if constexpr (FOLDED)
      for (i64 axis = 0; axis < axes(); ++axis) {
        Permutations& members = permutations_[static_cast<size_t>(axis)];
        const u32 back = followed(members.inverse(there[axis]));
        const u32 moved = followed(members.composed(here[axis], back));
        queue_.mark.shift[axis] = followed(members.composed(queue_.mark.shift[axis], moved));
      }
  }
  static u32 followed(u32 permutation) {
    if (permutation == NONE) throw Handover{AMBIGUOUS_ORDER, -1, -1};
    return permutation;
  }
  i64 rank_at(u32 number, const u32* members) const {
    i64 rank = world_rank(number);
    for (i64 axis = 0; axis < axes(); ++axis) rank += members[axis] * in_.axis_stride[axis];
    return rank;
  }
  bool next_member(u32* steps) const {
    for (i64 axis = 0; axis < axes(); ++axis) {
      if (++steps[axis] < in_.axis_size[axis]) return true;
      steps[axis] = 0;
    }
    return false;
  }
  // The way between simulated ranks, as hops over links that one stands for, too: what maps members onto members maps
  // ways onto ways, and so links onto links. Where it does not, ranks are not alike.
  Way folded_way(const Channel& channel) {
    const i64 source = world_rank(channel.source), destination = other_end(channel);
    const u64 hash = mixed((static_cast<u64>(source) << 32 | static_cast<u64>(destination)) + channel.hash());
    u32 known = way_by_ends_.find(hash, [&](u32 index) {
      return ends_of_ways_[index].source == source && ends_of_ways_[index].destination == destination &&
             channel == away_of_ways_[index];
    });
    if (known == NONE) {
      known = static_cast<u32>(folded_ways_.size());
      const Way first = network_->way(source, destination);
      Way folded{first.length, static_cast<u32>(hops_.size()), {NONE, NONE}};
      hops_.resize(hops_.size() + first.length);
      // Of each hop and axis, whose link each sender uses.
      std::vector<std::vector<u32>> users(first.length * static_cast<size_t>(axes()));
      const u32 made_before = static_cast<u32>(folded_links_.size());
      Distance sender, receiver;
      do {
        for (i64 axis = 0; axis < axes(); ++axis)
          receiver.away[axis] = permutations_[static_cast<size_t>(axis)].image(channel.away[axis], sender.away[axis]);
        const Way way = network_->way(rank_at(channel.source, sender.away), rank_at(channel.destination, receiver.away));
        if (way.length != first.length) throw Handover{AMBIGUOUS_ORDER, source, -1};
        place_of_link_.resize(network_->links.size());
        for (u32 hop = 0; hop < way.length; ++hop)
          place_link(network_->link_on(way, hop), hops_[folded.begin + hop], sender, made_before,
                     &users[hop * static_cast<size_t>(axes())]);
      } while (next_member(sender.away));
      for (u32 hop = 0; hop < first.length; ++hop)
        for (i64 axis = 0; axis < axes(); ++axis)
          hops_[folded.begin + hop].away[axis] = followed(permutations_[static_cast<size_t>(axis)].number_of(
              users[hop * static_cast<size_t>(axes()) + static_cast<size_t>(axis)]));
      folded_ways_.push_back(folded);
      ends_of_ways_.push_back({source, destination});
      away_of_ways_.push_back(channel);
      way_by_ends_.insert(hash, known);
    }
    return folded_ways_[known];
  }
  void place_link(u32 link, LinkPlace& hop, const Distance& sender, u32 made_before, std::vector<u32>* users) {
    LinkPlace& place = place_of_link_[link];
    if (!sender.any()) {  // the first of all
      if (place.link == NONE) {
        place.link = static_cast<u32>(folded_links_.size());
        folded_links_.emplace_back();
        folded_links_.back().make = network_->links[link].make;
        marks_of_links_.emplace_back();
      }
      hop.link = place.link;
    } else if (place.link == NONE && hop.link >= made_before) {
      place = {hop.link, sender};
    }
    if (place.link != hop.link || network_->links[link].make != folded_links_[hop.link].make)
      throw Handover{AMBIGUOUS_ORDER, -1, -1};
    for (i64 axis = 0; axis < axes(); ++axis) {
      users[axis].resize(static_cast<size_t>(in_.axis_size[axis]), NONE);
      u32& user = users[axis][sender.away[axis]];
      if (user == NONE) user = place.away[axis];
      if (user != place.away[axis]) throw Handover{AMBIGUOUS_ORDER, -1, -1};
    }
  }
  // The rank of the world that was the first of all members to do what is being done.
  i64 first_to_act(u32 number) const {
    i64 rank = world_rank(number);
    if constexpr (FOLDED)
      for (i64 axis = 0; axis < axes(); ++axis) {
        const Permutations& members = permutations_[static_cast<size_t>(axis)];
        u32 first = 0;
        while (members.image(queue_.mark.shift[axis], first) != 0) ++first;
        rank += first * in_.axis_stride[axis];
      }
    return rank;
  }

  // Actions in order.

  void append(Actions& actions, u64 what) {
    if (actions.count++ == 0) {
      actions.first = what;
      return;
    }
    const u32 added = linked_.take();
    linked_[added].what = what;
    if (actions.rest == NONE)
      actions.rest = added;
    else
      linked_[actions.last].next = added;
    actions.last = added;
  }
  u64 pop_first(Actions& actions) {
    const u64 what = actions.first;
    if (--actions.count) {
      const u32 next = actions.rest;
      actions.first = linked_[next].what;
      actions.rest = linked_[next].next;
      linked_.give_back(next);
    }
    return what;
  }

  // The calendar of a rank.

  // A batch of the rank for the tick that lies so far ahead; made, and scheduled, if there is none.
  Batch& batch_in(u32 rank, u32 delay_queue) {
    const u64 tick = queue_.now + queue_.delay_of(delay_queue);
    for (u32 index = ranks_[rank].open_batches; index != NONE; index = batches_[index].next)
      if (batches_[index].tick == tick) return batches_[index];
    const u32 index = batches_.take();
    Batch& batch = batches_[index];
    batch.tick = tick;
    batch.rank = rank;
    batch.next = ranks_[rank].open_batches;
    ranks_[rank].open_batches = index;
    queue_.push(delay_queue, what_of(BATCH, index));
    return batch;
  }
  void defer(u32 rank, u32 delay_queue, u64 what) {
    Batch& batch = batch_in(rank, delay_queue);
    batch.newest = what;
    append(batch.actions, what);
  }
  void run_batch(u32 index) {
    while (batches_[index].actions.count) act(pop_first(batches_[index].actions));
    u32* link = &ranks_[batches_[index].rank].open_batches;
    while (*link != index) link = &batches_[*link].next;
    *link = batches_[index].next;
    batches_.give_back(index);
  }

  void act(u64 what) {
    const u32 index = index_of(what);
    switch (kind_of(what)) {
      case COMPLETE:
        return complete(rank_of(what), index);
      case RING_RECEIVE:
        return ring_receive(index);
      case RING_REDUCE:
        return defer(phases_[index].rank, phases_[index].reduction_queue, what_of(RING_PROCEED, index));
      case RING_PROCEED:
        return ring_proceed(index);
      case DIRECT_RECEIVED:
        return direct_received(index);
      case DIRECT_STEPS:
        return direct_steps(index);
      case EXCHANGE_PREPARE:
        return exchange_prepare(index);
      case EXCHANGE_REDUCE:
        return exchange_reduce(index);
      case EXCHANGE_PROCEED:
        return exchange_proceed(index);
      case TREE_CHILD_RECEIVED:
        return tree_endpoint(index, TREE_CHILD_REDUCE);
      case TREE_CHILD_REDUCE:
        return defer(phases_[index].rank, phases_[index].reduction_queue, what_of(TREE_CHILD_REDUCED, index));
      case TREE_CHILD_REDUCED:
        if (++phases_[index].received == phases_[index].children) tree_send_up(index);
        return;
      case TREE_SEND_UP:
        return tree_send_up(index);
      case TREE_PARENT_RECEIVED:
        return tree_endpoint(index, phases_[index].children ? TREE_DOWN_REDUCE : TREE_END);
      case TREE_DOWN_REDUCE:
        return defer(phases_[index].rank, phases_[index].reduction_queue, what_of(TREE_SEND_DOWN, index));
      case TREE_SEND_DOWN:
        return tree_send_down(index);
      case TREE_END:
        return end_phase(index);
      case ARRIVE:
        return arrive(index);
      case HOP:
        return next_hop(index);
      case RELEASE:
        return release(index);
      case BATCH:
        return run_batch(index);
    }
  }

  // Links.

  Link& link(u32 index) {
    if constexpr (FOLDED) return folded_links_[index];
    return network_->links[index];
  }
  void transmit_on(u32 link_index, u32 load_index, u64 on_arrival) {
    Link& link = this->link(link_index);
    const Load& load = loads_.at(load_index, link.make);
    if constexpr (FOLDED) {
      const Mark mark = queue_.mark;
      const Message& message = messages_[index_of(on_arrival)];
      look_from(hops_[message.next - 1].away,
                message.left ? hops_[message.next].away : channels_[message.channel].away);
      queue_.push(load.hop_queue, on_arrival);
      queue_.mark = mark;
      marks_of_links_[link_index].free = mark;
    } else {
      queue_.push(load.hop_queue, on_arrival);
    }
    link.free_tick = queue_.now + load.serialization_ns;
    link.carried_bytes += static_cast<i64>(load.size_bytes);
    link.busy_ns += static_cast<i64>(load.serialization_ns);
    link.messages += 1;
    if (link.first_waiting != NONE) {
      queue_.push(load.serialization_queue, what_of(RELEASE, link_index));
      link.release_is_due = true;
    } else {
      if (link.free_tick == 0) throw Handover{AT_TICK_0, -1, -1};  // due, though not in the queue
      link.free_number = queue_.reserve();
      link.release_is_due = false;
    }
  }
  void enter(u32 link_index, u32 load, u64 on_arrival) {
    Link& link = this->link(link_index);
    if constexpr (FOLDED) {
      serve(marks_of_links_[link_index].seen);
      if (!link.release_is_due && link.free_number && link.free_tick == queue_.now)
        hold_apart(marks_of_links_[link_index].free);
    }
    if (!link.release_is_due && queue_.has_passed(link.free_tick, link.free_number)) {
      transmit_on(link_index, load, on_arrival);
      return;
    }
    if (!link.release_is_due) {
      // Only now somebody waits, so the release takes the place that was kept for it.
      Mark kept;
      if constexpr (FOLDED) kept = marks_of_links_[link_index].free;
      queue_.push_reserved(link.free_tick, link.free_number, what_of(RELEASE, link_index), kept);
      link.release_is_due = true;
    }
    const u32 waiting = linked_.take();
    linked_[waiting].what = on_arrival;
    linked_[waiting].load = load;
    if (link.first_waiting == NONE)
      link.first_waiting = waiting;
    else
      linked_[link.last_waiting].next = waiting;
    link.last_waiting = waiting;
    link.queueing_ns -= static_cast<i64>(queue_.now);
  }
  void release(u32 link_index) {
    Link& link = this->link(link_index);
    const u32 waiting = link.first_waiting;
    const Linked next = linked_[waiting];
    link.first_waiting = next.next;
    linked_.give_back(waiting);
    link.queueing_ns += static_cast<i64>(queue_.now);
    transmit_on(link_index, next.load, next.what);
  }
  void next_hop(u32 index) {
    Message& message = messages_[index];
    if (message.left == 0) {
      const u32 channel = message.channel;
      messages_.give_back(index);
      arrive(channel);
      return;
    }
    if constexpr (FOLDED) {
      --message.left;
      return enter(hops_[message.next++].link, message.load, what_of(HOP, index));
    }
    const bool second_of_two = message.left-- == SECOND_OF_TWO;
    if (second_of_two) message.left = 0;
    enter(second_of_two ? message.next : network_->paths[message.next++], message.load, what_of(HOP, index));
  }

  // Message matching.

  template <class Distance>
  static u64 channel_hash(u32 tag, u32 source, u32 destination, u64 size_bytes, const Distance& distance) {
    const u64 ends = mixed(static_cast<u64>(source) << 32 | destination);
    return mixed(ends + (static_cast<u64>(tag) << 20) + size_bytes + distance.hash());
  }
  // For which node channels are asked for from now on.
  void asks(u32 number, u32 position) {
    if constexpr (FOLDED) asking_ = {number, position, false};
  }
  void asks(const Phase& phase) {
    if constexpr (FOLDED) asks(phase.rank, ops_[jobs_[phase.job].op].position);
  }
  // With ``exchanged``, members send to whose places differ in the bits in which theirs do, and not so many away.
  u32 channel(u32 tag, i64 source, i64 destination, u64 size_bytes, bool exchanged = false) {
    if (size_bytes == 0) throw Handover{EMPTY_MESSAGE, source, -1};
    u32 from = static_cast<u32>(source), to = static_cast<u32>(destination);
    typename Channel::Distance distance;
    if constexpr (FOLDED) {
      if (source >= in_.world_size || destination >= in_.world_size) throw Handover{UNREACHABLE, source, -1};
      from = static_cast<u32>(in_.stands_in[source]);
      to = static_cast<u32>(in_.stands_in[destination]);
      for (i64 axis = 0; axis < axes(); ++axis) {
        const i64 size = in_.axis_size[axis];
        const i64 here = in_.member[source * axes() + axis], there = in_.member[destination * axes() + axis];
        Permutations& members = permutations_[static_cast<size_t>(axis)];
        distance.away[axis] = exchanged ? followed(members.exchange(static_cast<u32>(here ^ there)))
                                        : static_cast<u32>((there - here + size) % size);
      }
    }
    const u64 hash = channel_hash(tag, from, to, size_bytes, distance);
    u32 found = channel_by_key_.find(hash, [&](u32 index) {
      const Channel& other = channels_[index];
      return other.source == from && other.destination == to && other.tag == tag && other.size_bytes == size_bytes &&
             distance == other;
    });
    if (found == NONE) {
      found = channels_.take();
      Channel& made = channels_[found];
      static_cast<typename Channel::Distance&>(made) = distance;
      made.size_bytes = size_bytes;
      made.tag = tag;
      made.source = from;
      made.destination = to;
      channel_by_key_.insert(hash, found);
      if constexpr (FOLDED) {
        asked_.resize(channels_.items.size());
        asked_[found] = {asking_.rank, asking_.position, source == world_rank(asking_.rank)};
      }
    }
    return found;
  }
  void let_go(u32 index, u32 uses) {
    Channel& channel = channels_[index];
    channel.uses -= uses;
    if (channel.uses) return;
    const u64 hash = channel_hash(channel.tag, channel.source, channel.destination, channel.size_bytes, channel);
    channel_by_key_.erase(hash, index);
    channels_.give_back(index);
  }
  // The rank of the world to which the first of the members at the source sends.
  i64 other_end(const Channel& channel) const {
    i64 rank = world_rank(channel.destination);
    if constexpr (FOLDED)
      for (i64 axis = 0; axis < axes(); ++axis)
        rank += permutations_[static_cast<size_t>(axis)].image(channel.away[axis], 0) * in_.axis_stride[axis];
    return rank;
  }
  void find_way(Channel& channel) {
    const i64 source = world_rank(channel.source), destination = other_end(channel);
    if (destination >= in_.world_size) throw Handover{UNREACHABLE, source, -1};
    if (network_) {
      if (source == destination && (in_.ask_way || dimensions_[0].topology != SWITCH)) throw Handover{UNREACHABLE, source, -1};
      if constexpr (FOLDED)
        channel.way = folded_way(channel);
      else
        channel.way = network_->way(source, destination);
      channel.load = loads_.of(channel.size_bytes, network_->makes, queue_);
    } else {
      channel.load = queue_.delay_queue(unaware_delay_ns(source, destination, channel.size_bytes, dimensions_));
    }
  }
  void send_on(u32 index) {
    Channel& channel = channels_[index];
    ++channel.uses;
    if (channel.load == NONE) find_way(channel);
    ++message_count;
    if (!network_) {
      const Mark mark = queue_.mark;
      if constexpr (FOLDED) look_from(NO_STEPS, channel.away);
      queue_.push(channel.load, what_of(ARRIVE, index));
      queue_.mark = mark;
    } else if constexpr (FOLDED) {
      const Mark mark = queue_.mark;
      const u32 message = messages_.take();
      messages_[message].channel = index;
      messages_[message].load = channel.load;
      messages_[message].next = channel.way.begin;
      messages_[message].left = channel.way.length;
      look_from(NO_STEPS, hops_[channel.way.begin].away);
      next_hop(message);
      queue_.mark = mark;
    } else if (channel.way.length == 1) {
      enter(channel.way.link[0], channel.load, what_of(ARRIVE, index));
    } else {
      const u32 index_of_message = messages_.take();
      Message& message = messages_[index_of_message];
      message.channel = index;
      message.load = channel.load;
      const bool two = channel.way.length == 2;
      message.next = two ? channel.way.link[1] : channel.way.begin + 1;
      message.left = two ? SECOND_OF_TWO : channel.way.length - 1;
      enter(two ? channel.way.link[0] : network_->paths[channel.way.begin], channel.load, what_of(HOP, index_of_message));
    }
  }
  void send_on(u32 index, u64 on_sent) {
    // The arrival ends the sender's node, too: it may act on both only if they are one member.
    if (channels_[index].any()) throw Handover{AMBIGUOUS_ORDER, channels_[index].source, -1};
    append(channels_[index].sent, on_sent);
    send_on(index);
  }
  void receive_on(u32 index, u64 on_received) {
    Channel& channel = channels_[index];
    if (channel.arrived) {
      --channel.arrived;
      queue_.push(now_queue_, on_received);
      let_go(index, 1);
    } else {
      ++channel.uses;
      append(channel.pending, on_received);
    }
  }
  void arrive(u32 index) {
    if (channels_[index].pending.count) {
      const u64 on_received = pop_first(channels_[index].pending);
      if (channels_[index].sent.count) act(pop_first(channels_[index].sent));
      act(on_received);
      let_go(index, 2);
      return;
    }
    if (channels_[index].sent.count) {
      act(pop_first(channels_[index].sent));
      if (channels_[index].pending.count) {
        // A rank that sends to itself may post the receive only now; the original then never completes it.
        pop_first(channels_[index].pending);
        return;
      }
    }
    ++channels_[index].arrived;
  }

  // The workload layer: slots, scan, completion.

  static bool later(u32 one, u32 other) { return one > other; }

  void enqueue(Rank& rank, u32 position) {
    std::vector<u32>& heap = rank.ready[in_.slot[rank.node_start + position]];
    heap.push_back(position);
    std::push_heap(heap.begin(), heap.end(), later);
  }
  void make_ready(Rank& rank, u32 position) {
    in_.ready_ns[rank.instance_start + position] = now_ns();
    if (rank.scanning)
      rank.late.push_back(position);
    else
      enqueue(rank, position);
  }
  void scan(u32 number) {
    Rank& rank = ranks_[number];
    rank.scanning = true;
    for (;;) {
      int slot = -1;
      for (int candidate = 0; candidate < 4; ++candidate) {
        const std::vector<u32>& heap = rank.ready[candidate];
        if (!heap.empty() && !rank.busy[candidate] && (slot < 0 || heap[0] < rank.ready[slot][0])) slot = candidate;
      }
      if (slot < 0) break;
      std::vector<u32>& heap = rank.ready[slot];
      std::pop_heap(heap.begin(), heap.end(), later);
      const u32 position = heap.back();
      heap.pop_back();
      issue(number, position, slot);
    }
    rank.scanning = false;
    for (const u32 position : rank.late) enqueue(rank, position);
    rank.late.clear();
  }
  void issue(u32 number, u32 position, int slot) {
    Rank& rank = ranks_[number];
    const i64 node = rank.node_start + position;
    if constexpr (FOLDED)
      if (in_.contact && in_.contact[node]) throw Handover{CONTACT, world_rank(number), position};
    asks(number, position);
    ++rank.running;
    if (slot != 3) rank.busy[slot] = true;
    in_.start_ns[rank.instance_start + position] = now_ns();
    const u8 counted = in_.statistics_class[node];
    if (rank.open[counted]++ == 0) rank.since_ns[counted] = now_ns();
    ++in_.class_figures[(2 * number + 1) * STATISTICS_CLASSES + counted];
    switch (in_.action[node]) {
      case REPLAY_COMPUTE:
        in_.gpu_ns[number] += in_.duration_ns[node];
        [[fallthrough]];
      case REPLAY:
        if (in_.collective[node] >= 0) count_collective(in_.collective[node], number, position);
        defer(number, queue_.delay_queue(static_cast<u64>(in_.duration_ns[node])), complete_of(number, position));
        return;
      case SEND_MESSAGE:
        send_on(channel(static_cast<u32>(in_.tag[node]), world_rank(number), in_.peer[node],
                        static_cast<u64>(in_.size_bytes[node])),
                complete_of(number, position));
        return;
      case RECEIVE_MESSAGE:
        receive_on(
            channel(static_cast<u32>(in_.tag[node]), in_.peer[node], world_rank(number),
                    static_cast<u64>(in_.size_bytes[node])),
            complete_of(number, position));
        return;
      case RUN_COLLECTIVE:
        start_collective(number, position, in_.collective[node]);
        return;
      default:
        end_node(number, position);
    }
  }
  void end_node(u32 number, u32 position) {
    Rank& rank = ranks_[number];
    const i64 node = rank.node_start + position;
    rank.busy[in_.slot[node]] = false;
    in_.end_ns[rank.instance_start + position] = now_ns();
    ++ended_count;
    --rank.running;
    const u8 counted = in_.statistics_class[node];
    if (--rank.open[counted] == 0)
      in_.class_figures[2 * number * STATISTICS_CLASSES + counted] += now_ns() - rank.since_ns[counted];
    i32* waiting_for = waiting_for_.data() + rank.instance_start;
    for (i64 edge = in_.successor_start[node]; edge < in_.successor_start[node + 1]; ++edge)
      if (--waiting_for[in_.successor[edge]] == 0) make_ready(rank, static_cast<u32>(in_.successor[edge]));
  }
  void complete(u32 number, u32 position) {
    if (ranks_[number].finished) return;
    end_node(number, position);
    scan(number);
    check_finished(number);
  }
  void check_finished(u32 number) {
    Rank& rank = ranks_[number];
    if (rank.running) return;
    for (const std::vector<u32>& heap : rank.ready)
      if (!heap.empty()) return;
    rank.finished = true;
    in_.finish_ns[number] = now_ns();
    for (i64 axis = 0; FOLDED && axis < axes(); ++axis)
      if constexpr (FOLDED) {
        i64* mark = in_.finish_mark + 2 * (finished_count * axes() + axis);
        mark[0] = queue_.mark.run[axis];
        mark[1] = queue_.mark.shift[axis];
      }
    in_.finish_order[finished_count++] = number;
  }

  // Collectives: jobs in lanes.

  static u64 member_hash(i64 group, i64 rank) { return mixed(static_cast<u64>(group) << 32 | static_cast<u64>(rank)); }
  u32 member_entry(i64 group, i64 rank) {
    const i64 begin = in_.member_start[group], end = in_.member_start[group + 1];
    const u32 entry = membership_.find(member_hash(group, rank), [&](u32 index) {
      return index >= begin && index < end && in_.group_member[index] == rank;
    });
    if (entry == NONE) throw Handover{NOT_A_MEMBER, rank, -1};
    return entry;
  }
  void count_collective(i64 collective, u32 number, u32 position) {
    i64* seen = in_.first_seen + 4 * collective;
    if (seen[3]++ == 0) {
      seen[0] = ++seen_count_;
      seen[1] = first_to_act(number);
      if constexpr (FOLDED) first_marks_[static_cast<size_t>(collective)] = queue_.mark;
      seen[2] = position;
    }
  }
  const i64* step(u32 index) const { return in_.step + static_cast<i64>(index) * STEP_FIELDS; }

  void start_collective(u32 number, u32 position, i64 collective) {
    count_collective(collective, number, position);
    const i64 group = in_.collective_group[collective];
    const u32 entry = group < 0 ? NONE : member_entry(group, world_rank(number));
    const u32 op = ops_.take();
    const i64 count = in_.job_count[collective];
    ops_[op].rank = number;
    ops_[op].position = position;
    ops_[op].left = count;
    for (i64 made = 0; made < count; ++made) {
      i64 job_id = ranks_[number].next_job++;
      if (entry != NONE) job_id = group_jobs_[entry]++;
      const i64 tags = static_cast<i64>(COLLECTIVE_TAGS);
      const u32 job = jobs_.take();
      jobs_[job].op = op;
      jobs_[job].tag = static_cast<u32>(tags + job_id % tags);
      plan_phases(job, number, collective);
      advance(job);
    }
  }
  void plan_phases(u32 job, u32 number, i64 collective) {
    u32 previous = NONE;
    for (i64 index = in_.step_start[collective]; index < in_.step_start[collective + 1]; ++index) {
      const u32 planned = planned_.take();
      PlannedPhase& phase = planned_[planned];
      phase.step = static_cast<u32>(index);
      const i64* fields = step(phase.step);
      pick_lane(phase, number, fields[STEP_DIMENSION], fields[STEP_PICK]);
      if (fields[STEP_ALGORITHM] == DOUBLE_BINARY_TREE) {
        u8& turn = turns_[static_cast<size_t>(number * in_.dimension_count * 4 + fields[STEP_TURNS])];
        phase.turn = turn;
        turn ^= 1;
      }
      (previous == NONE ? jobs_[job].next_phase : planned_[previous].next) = planned;
      previous = planned;
    }
  }
  void pick_lane(PlannedPhase& phase, u32 number, i64 dimension, i64 pick) {
    DimensionLanes& counters = picks_[static_cast<size_t>(number * in_.dimension_count + dimension)];
    const u32 count = static_cast<u32>(in_.queues_per_dimension), half = count / 2;
    u32 index = 0;
    if (pick == ANY) {
      index = counters.any;
      counters.any = (index + 1) % count;
      phase.direction = count > 1 && index >= half ? -1 : 1;
    } else if (pick == FIRST_HALF) {
      index = counters.first_half;
      counters.first_half = index + 1 < half ? index + 1 : 0;
      phase.direction = 1;
    } else {
      index = counters.last_half;
      counters.last_half = index + 1 < count ? index + 1 : half;
      phase.direction = -1;
    }
    phase.lane = static_cast<u32>((number * in_.dimension_count + dimension) * count + index);
  }
  void advance(u32 job_index) {
    const u32 previous = jobs_[job_index].lane;
    const u32 next = jobs_[job_index].next_phase;
    if (next == NONE) {
      // When the last job of an op ends, following nodes are issued before the job leaves its lane.
      const u32 op = jobs_[job_index].op;
      if (--ops_[op].left == 0) {
        const u32 rank = ops_[op].rank, position = ops_[op].position;
        ops_.give_back(op);
        complete(rank, position);
      }
    }
    if (previous != NONE) {
      Lane& lane = lanes_[previous];
      const Job& job = jobs_[job_index];
      (job.before == NONE ? lane.first : jobs_[job.before].after) = job.after;
      (job.after == NONE ? lane.last : jobs_[job.after].before) = job.before;
    }
    u32 entered = NONE;
    if (next == NONE) {
      jobs_.give_back(job_index);
    } else {
      Job& job = jobs_[job_index];
      entered = job.lane = planned_[next].lane;
      job.current = next;
      job.next_phase = planned_[next].next;
      Lane& lane = lanes_[entered];
      job.before = lane.last;
      job.after = NONE;
      (lane.last == NONE ? lane.first : jobs_[lane.last].after) = job_index;
      lane.last = job_index;
      if (lane.first_waiting == NONE) lane.first_waiting = job_index;
    }
    if (previous != NONE) {
      --lanes_[previous].running;
      kick(previous);
    }
    if (entered != NONE) kick(entered);
  }
  void kick(u32 lane) {
    while (lanes_[lane].first_waiting != NONE && lanes_[lane].running < in_.lane_width) {
      const u32 job = lanes_[lane].first_waiting;
      lanes_[lane].first_waiting = jobs_[job].after;
      begin_phase(job);
      ++lanes_[lane].running;
    }
  }

  // Phases.

  void begin_phase(u32 job_index) {
    const Job& job = jobs_[job_index];
    const PlannedPhase planned = planned_[job.current];
    planned_.give_back(job.current);
    const i64* fields = step(planned.step);
    const u32 index = phases_.take();
    Phase& phase = phases_[index];
    phase.job = job_index;
    phase.rank = ops_[job.op].rank;
    phase.step = planned.step;
    phase.direction = planned.direction;
    phase.members = static_cast<i32>(fields[STEP_MEMBERS]);
    phase.message_bytes = static_cast<u64>(fields[STEP_BYTES]);
    find_place(phase);
    phase.delay_queue = phase.explicit_members ? quick_queue_ : endpoint_queue_;
    const i64 kind = fields[STEP_KIND], others = phase.members - 1;
    switch (fields[STEP_ALGORITHM]) {
      case RING_ALGORITHM:
        phase.left = kind == ALL_REDUCE ? 2 * others : kind == ALL_TO_ALL ? phase.members * others / 2 : others;
        phase.reductions_left = kind == ALL_REDUCE || kind == REDUCE_SCATTER ? others : 0;
        if (phase.reductions_left) phase.reduction_queue = reduction_queue(phase.message_bytes);
        return begin_ring(index);
      case DIRECT:
        phase.left = kind == ALL_REDUCE ? 2 * others : others;
        phase.second_half = kind == ALL_REDUCE ? others : 0;
        phase.window = fields[STEP_WINDOW] < 0 ? others : std::min(fields[STEP_WINDOW], others);
        phase.others_in_cycle = phase.explicit_members ? others * phase.window : phase.window;
        phase.reduction_queue = reduction_queue(phase.message_bytes);
        phase.prepared = phase.window;
        return new_steps(index, phase.window, false, batch_in(phase.rank, phase.delay_queue));
      case HALVING_DOUBLING:
        return exchange_prepare(index);
      default:
        phase.delay_queue = endpoint_queue_;
        phase.reduction_queue = reduction_queue(phase.message_bytes);
        return begin_tree(index, planned.turn);
    }
  }
  void find_place(Phase& phase) {
    const i64* fields = step(phase.step);
    const i32 rank = static_cast<i32>(world_rank(phase.rank));
    if (fields[STEP_IN_GROUP] >= 0) {
      const i64 begin = in_.member_start[fields[STEP_IN_GROUP]];
      phase.explicit_members = in_.group_member + begin;
      phase.place = static_cast<i32>(member_entry(fields[STEP_IN_GROUP], rank) - begin);
    } else {
      phase.stride = static_cast<i32>(fields[STEP_STRIDE]);
      phase.place = rank / phase.stride % phase.members;
      phase.base = rank - phase.place * phase.stride;
    }
  }
  void end_phase(u32 index) {
    const u32 job = phases_[index].job;
    phases_.give_back(index);
    advance(job);
  }
  u32 reduction_queue(u64 size_bytes) {
    if (in_.local_mem_bytes_per_s == 0) return now_queue_;
    const double seconds = static_cast<double>(size_bytes) / in_.local_mem_bytes_per_s;
    return queue_.delay_queue(3 * whole(seconds * 1e9));
  }

  // Ring.

  void begin_ring(u32 index) {
    const Phase& phase = phases_[index];
    const u32 tag = jobs_[phase.job].tag, number = phase.rank, delay_queue = phase.delay_queue;
    asks(phase);
    const i64 rank = world_rank(number);
    const i64 next = phase.member(phase.place + phase.direction), previous = phase.member(phase.place - phase.direction);
    const u64 size_bytes = phase.message_bytes;
    const u32 outgoing = channel(tag, rank, next, size_bytes);
    ++channels_[outgoing].uses;
    const u32 incoming = channel(tag, previous, rank, size_bytes);
    ++channels_[incoming].uses;
    phases_[index].outgoing = outgoing;
    phases_[index].incoming = incoming;
    defer(number, delay_queue, what_of(RING_PROCEED, index));
  }
  void ring_receive(u32 index) {
    Phase& phase = phases_[index];
    const bool reduces = phase.reductions_left > 0;
    phase.reductions_left -= reduces;
    defer(phase.rank, phase.delay_queue, what_of(reduces ? RING_REDUCE : RING_PROCEED, index));
  }
  void ring_proceed(u32 index) {
    Phase& phase = phases_[index];
    const u32 outgoing = phase.outgoing, incoming = phase.incoming;
    if (phase.left) {
      --phase.left;
      send_on(outgoing);
      receive_on(incoming, what_of(RING_RECEIVE, index));
    } else {
      let_go(outgoing, 1);
      let_go(incoming, 1);
      end_phase(index);
    }
  }

  // Direct.

  void new_steps(u32 phase, i64 count, bool reduces, Batch& batch) {
    const u32 index = steps_.take();
    steps_[index].phase = phase;
    steps_[index].count = count;
    steps_[index].reduces = reduces;
    phases_[phase].steps = index;
    batch.newest = what_of(DIRECT_STEPS, index);
    append(batch.actions, batch.newest);
  }
  // Whether a message carries reduced data: P first ones never, then R others in every or every other cycle.
  bool reduces(const Phase& phase, i64 number) const {
    const i64 kind = step(phase.step)[STEP_KIND];
    const i64 length = phase.window + phase.others_in_cycle;
    if (number % length < phase.window) return false;
    return kind == REDUCE_SCATTER || (kind == ALL_REDUCE && number / length % 2 == 0);
  }
  void direct_received(u32 index) {
    Phase& phase = phases_[index];
    ++phase.received;
    const bool reduced = reduces(phase, phase.prepared++);
    Batch& batch = batch_in(phase.rank, phase.delay_queue);
    const u32 latest = phase.steps;
    if (latest != NONE && batch.actions.count && batch.newest == what_of(DIRECT_STEPS, latest) &&
        steps_[latest].reduces == reduced)
      ++steps_[latest].count;
    else
      new_steps(index, 1, reduced, batch);
  }
  void direct_steps(u32 steps_index) {
    const Steps steps = steps_[steps_index];
    Phase& phase = phases_[steps.phase];
    if (steps.reduces) {
      steps_[steps_index].reduces = false;
      defer(phase.rank, phase.reduction_queue, what_of(DIRECT_STEPS, steps_index));
      return;
    }
    steps_.give_back(steps_index);
    if (phase.steps == steps_index) phase.steps = NONE;
    phase.free += steps.count;
    const i64 others = phase.members - 1;
    const i64 left = phase.left - (phase.received < others ? phase.second_half : 0);
    if (left > 0 && phase.free > 0) direct_send(steps.phase, std::min(phase.free, left));
    if (phases_[steps.phase].left == 0 && phases_[steps.phase].free == phases_[steps.phase].window)
      end_phase(steps.phase);
  }
  void direct_send(u32 index, i64 count) {
    Phase& phase = phases_[index];
    phase.left -= count;
    phase.free -= count;
    const i64 first = phase.sent, others = phase.members - 1;
    phase.sent += count;
    const u32 tag = jobs_[phase.job].tag;
    asks(phase);
    for (i64 sent = first; sent < first + count; ++sent) {
      const i64 distance = phase.direction * (1 + sent % others);
      const i64 rank = world_rank(phase.rank);
      const i64 to = phase.member(phase.place + distance), from = phase.member(phase.place - distance);
      send_on(channel(tag, rank, to, phase.message_bytes));
      receive_on(channel(tag, from, rank, phase.message_bytes), what_of(DIRECT_RECEIVED, index));
    }
  }

  // Halving-doubling: exchanges that Python has laid out.

  const i64* exchange(const Phase& phase, i64 number) const {
    return in_.exchange + (step(phase.step)[STEP_FIRST_EXCHANGE] + number) * EXCHANGE_FIELDS;
  }
  void exchange_prepare(u32 index) {
    Phase& phase = phases_[index];
    const bool reduced = exchange(phase, phase.prepared++)[EXCHANGE_REDUCES];
    defer(phase.rank, phase.delay_queue, what_of(reduced ? EXCHANGE_REDUCE : EXCHANGE_PROCEED, index));
  }
  void exchange_reduce(u32 index) {
    const Phase& phase = phases_[index];
    const u64 size_bytes = static_cast<u64>(exchange(phase, phase.prepared - 1)[EXCHANGE_BYTES]);
    defer(phase.rank, reduction_queue(size_bytes), what_of(EXCHANGE_PROCEED, index));
  }
  void exchange_proceed(u32 index) {
    const Phase& phase = phases_[index];
    if (phase.prepared == step(phase.step)[STEP_EXCHANGES]) return end_phase(index);
    const i64* fields = exchange(phase, phase.prepared - 1);
    const i64 distance = fields[EXCHANGE_DISTANCE];
    const bool back = distance && phase.place / distance % 2;
    const i64 rank = world_rank(phase.rank), partner = phase.member(back ? phase.place - distance : phase.place + distance);
    const u64 size_bytes = static_cast<u64>(fields[EXCHANGE_BYTES]);
    const u32 tag = jobs_[phase.job].tag;
    asks(phase);
    send_on(channel(tag, rank, partner, size_bytes, true));
    receive_on(channel(tag, partner, rank, size_bytes, true), what_of(EXCHANGE_PREPARE, index));
  }

  // Double binary tree. Place of a member: the root is the last member (or the first), its only child the root of the
  // perfect in-order tree over all others.

  void begin_tree(u32 index, u8 turn) {
    Phase& phase = phases_[index];
    const i64 count = phase.members, root = turn ? 0 : count - 1, shift = turn ? 1 : 0;
    const auto rank_at = [&](i64 place) { return static_cast<u32>(phase.member(place + shift)); };
    u32 parent = static_cast<u32>(phase.member(root));
    if (phase.place == root) {
      phase.child[phase.children++] = rank_at((count - 1) / 2);
      parent = NONE;
    } else {
      const i64 me = phase.place - shift;
      for (i64 low = 0, high = count - 1;;) {
        const i64 middle = (low + high) / 2;
        if (me == middle) {
          if (high - low > 1) {
            phase.child[0] = rank_at((low + middle) / 2);
            phase.child[1] = rank_at((middle + 1 + high) / 2);
            phase.children = 2;
          }
          break;
        }
        parent = rank_at(middle);
        (me < middle ? high : low) = me < middle ? middle : middle + 1;
      }
    }
    phase.outgoing = parent;
    const u32 tag = jobs_[phase.job].tag, children = phase.children;
    asks(phase);
    const i64 rank = world_rank(phase.rank);
    const u64 size_bytes = phase.message_bytes;
    const u32 child[2] = {phase.child[0], phase.child[1]};
    for (u32 at = 0; at < children; ++at)
      receive_on(channel(tag, child[at], rank, size_bytes), what_of(TREE_CHILD_RECEIVED, index));
    if (!children) tree_endpoint(index, TREE_SEND_UP);
  }
  void tree_endpoint(u32 index, What then) {
    defer(phases_[index].rank, phases_[index].delay_queue, what_of(then, index));
  }
  void tree_send_up(u32 index) {
    const Phase& phase = phases_[index];
    const u32 parent = phase.outgoing, tag = jobs_[phase.job].tag;
    const i64 rank = world_rank(phase.rank);
    const u64 size_bytes = phase.message_bytes;
    if (parent == NONE) return tree_send_down(index);
    asks(phase);
    send_on(channel(tag, rank, parent, size_bytes));
    receive_on(channel(tag, parent, rank, size_bytes), what_of(TREE_PARENT_RECEIVED, index));
  }
  void tree_send_down(u32 index) {
    const Phase& phase = phases_[index];
    const u32 tag = jobs_[phase.job].tag;
    asks(phase);
    for (u32 at = 0; at < phase.children; ++at) send_on(channel(tag, world_rank(phase.rank), phase.child[at], phase.message_bytes));
    end_phase(index);
  }

  const Input in_;
  EventQueue<Mark> queue_;
  std::vector<Dimension> dimensions_;
  Loads loads_;
  u32 endpoint_queue_ = 0, quick_queue_ = 0, now_queue_ = 0;
  bool fired_ = false;
  i64 seen_count_ = 0;
  std::vector<Rank> ranks_;
  std::vector<i32> waiting_for_;
  std::vector<Lane> lanes_;
  std::vector<DimensionLanes> picks_;
  std::vector<u8> turns_;
  std::vector<i64> group_jobs_;
  Table membership_;
  Table channel_by_key_;
  Pool<Linked> linked_;
  Pool<Batch> batches_;
  Pool<Channel> channels_;
  Pool<Message> messages_;
  Pool<Op> ops_;
  Pool<Job> jobs_;
  Pool<PlannedPhase> planned_;
  Pool<Phase> phases_;
  Pool<Steps> steps_;

  std::vector<Permutations> permutations_;  // of each axis' members
  Asked asking_;
  std::vector<Asked> asked_;        // of each channel
  std::vector<Mark> first_marks_;  // of the first execution of each collective
  // Of members: the last entry that acted on each rank, the run that is being worked off, and how many there were.
  std::vector<Seen> seen_;
  // Links that one stands for: their state, when they come free and who used them last; and which each link is.
  std::vector<Link> folded_links_;
  std::vector<LinkMarks> marks_of_links_;
  std::vector<LinkPlace> place_of_link_;
  std::vector<LinkPlace> hops_;
  std::vector<Way> folded_ways_;
  std::vector<Ends> ends_of_ways_;
  std::vector<Distance> away_of_ways_;
  Table way_by_ends_;
  u64 run_tick_ = ~0ull;
  u32 run_of_[MOST] = {};
  u32 run_[MOST] = {};
};

// Takes a folded run over, if it is one of this kind.
template <class Old, class New>
void take_over(New& fresh, AnySimulation& folded) {
  if (Old* const known = dynamic_cast<Old*>(&folded)) Unfolding<New, Old>(fresh, *known).run();
}

template <class Mark>
AnySimulation* made(const Input& input, AnySimulation* head) {
  auto run = std::make_unique<Simulation<Mark>>(input);
  if (head) {
    take_over<Simulation<FoldMark<MOST_FOLDED_AXES>>>(*run, *head);
    if constexpr (!Folds<Mark>::FOLDED) take_over<Simulation<FoldMark<1>>>(*run, *head);
  }
  return run.release();
}

}  // namespace
}  // namespace versim

using versim::i64;

extern "C" {

const char* versim_engine_digest() { return VERSIM_PART_DIGEST; }

// A run from the start or, with a head, from where that one has come to; null without memory, or if a delay is beyond all
// ticks, or the head cannot be unfolded.
void* versim_engine_new(const versim::Input* input, void* head) {
  try {
    auto* const before = static_cast<versim::AnySimulation*>(head);
    if (input->folded_axes == 1) return versim::made<versim::FoldMark<1>>(*input, before);
    if (input->folded_axes) return versim::made<versim::FoldMark<versim::MOST_FOLDED_AXES>>(*input, before);
    return versim::made<versim::NoMark>(*input, before);
  } catch (...) {
    return nullptr;
  }
}

void versim_engine_free(void* engine) { delete static_cast<versim::AnySimulation*>(engine); }

i64 versim_engine_run(void* engine, i64 entries, i64 until) {
  return static_cast<versim::AnySimulation*>(engine)->run(entries, static_cast<versim::u64>(until));
}

// messages sent, nodes ended, ranks finished, current tick, links, messages nobody received, rank and node of a handover
void versim_engine_figures(void* engine, i64* figures) {
  auto& run = *static_cast<versim::AnySimulation*>(engine);
  figures[0] = run.message_count;
  figures[1] = run.ended_count;
  figures[2] = run.finished_count;
  figures[3] = run.now_ns();
  figures[4] = run.network() ? static_cast<i64>(run.network()->links.size()) : 0;
  figures[5] = run.unclaimed();
  figures[6] = run.why.rank;
  figures[7] = run.why.position;
}

// The member who began what acts at a member, of the shift of a mark.
i64 versim_engine_began(void* engine, i64 axis, i64 shift, i64 member) {
  return static_cast<versim::AnySimulation*>(engine)->began(axis, shift, member);
}

// Per link: source, destination, bytes, busy ns, queueing ns, messages.
void versim_engine_links(void* engine, i64* figures) {
  auto& run = *static_cast<versim::AnySimulation*>(engine);
  for (std::size_t index = 0; index < run.network()->links.size(); ++index) {
    const versim::Link& link = run.link_at(index);
    *figures++ = run.network()->ends[index].source;
    *figures++ = run.network()->ends[index].destination;
    *figures++ = link.carried_bytes;
    *figures++ = link.busy_ns;
    *figures++ = run.queueing_ns(link);
    *figures++ = link.messages;
  }
}
}
