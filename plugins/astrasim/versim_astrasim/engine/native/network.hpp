// Who is joined to whom: links with state and the way between two ranks as a path of links (congestion-aware), or one
// delay per pair of ranks (congestion-unaware).
#pragma once

#include <cmath>
#include <memory>

#include "event_queue.hpp"

namespace versim {

// Truncation of a double, as the machine code of the original does it; what no tick can be is left to Python.
inline u64 whole(double value) {
  if (!(value >= 0.0 && value < 9007199254740992.0)) throw Handover{BEYOND_EXACT_TICKS, -1, -1};
  return static_cast<u64>(value);
}

enum Topology { RING, FULLY_CONNECTED, SWITCH };

// Bandwidth and latency of a link.
struct Make {
  double bytes_per_ns;
  double latency_ns;
};

struct Dimension {
  int topology;
  i64 size;
  Make make;
};

// Asks for the way between two ranks of a wired network: pairs of devices, and bandwidth and latency of each wire.
// Returns how many wires there are; negative if there is no way, or no room for it.
struct WayAsked {
  i64 source;
  i64 destination;
  i64 room;
  i64* devices;
  double* figures;
};
using AskWay = i64 (*)(const WayAsked* asked);

// One directed link; messages wait for it in order.
struct Link {
  u64 free_tick = 0;
  u64 free_number = 0;  // place of its release among the entries of that tick
  u32 first_waiting = NONE;
  u32 last_waiting = NONE;
  u32 make = 0;  // its bandwidth and latency, by number
  bool release_is_due = false;  // the release stands in the queue, because somebody waits
  i64 carried_bytes = 0;
  i64 busy_ns = 0;
  i64 queueing_ns = 0;
  i64 messages = 0;
};

// The links from one rank to another. A short path is written here, a longer one is a slice of the network's paths.
struct Way {
  u32 length = 0;
  u32 begin = 0;
  u32 link[2] = {NONE, NONE};
};

struct Ends {
  i64 source;
  i64 destination;
};

// A congestion-aware network: any that can name the path between two ranks.
class LinkedNetwork {
 public:
  std::vector<Link> links;
  std::vector<Ends> ends;  // devices each link joins
  std::vector<u32> paths;
  std::vector<Make> makes;

  virtual ~LinkedNetwork() = default;
  virtual Way way(i64 source, i64 destination) = 0;
  u32 link_on(const Way& way, u32 hop) const { return way.length <= 2 ? way.link[hop] : paths[way.begin + hop]; }

 protected:
  u32 add_link(i64 source, i64 destination, u32 make = 0) {
    links.emplace_back();
    links.back().make = make;
    ends.push_back({source, destination});
    return static_cast<u32>(links.size() - 1);
  }
  Way slice(u64 begin, u64 length) const {
    Way way{static_cast<u32>(length), static_cast<u32>(begin), {NONE, NONE}};
    for (u64 hop = 0; length <= 2 && hop < length; ++hop) way.link[hop] = paths[begin + hop];
    return way;
  }
};

class RingNetwork : public LinkedNetwork {
 public:
  explicit RingNetwork(i64 size) : size_(size) {
    for (i64 rank = 0; rank < size; ++rank) add_link(rank, (rank + 1) % size);
    for (i64 rank = 0; rank < size; ++rank) add_link(rank, (rank + size - 1) % size);
    // Every way is a slice: clockwise twice round, and the other direction in the order in which it is travelled.
    for (i64 step = 0; step < 2 * size; ++step) paths.push_back(static_cast<u32>(step % size));
    for (i64 step = 0; step < 2 * size; ++step) paths.push_back(static_cast<u32>(2 * size - 1 - step % size));
  }
  Way way(i64 source, i64 destination) override {
    const i64 distance = (destination - source + size_) % size_;
    if (distance <= size_ - distance) return slice(source, distance);  // a tie goes clockwise
    return slice(2 * size_ + size_ - 1 - source, size_ - distance);
  }

 private:
  i64 size_;
};

class SwitchNetwork : public LinkedNetwork {
 public:
  explicit SwitchNetwork(i64 size) : size_(size) {
    for (i64 rank = 0; rank < size; ++rank) add_link(rank, size);
    for (i64 rank = 0; rank < size; ++rank) add_link(size, rank);
  }
  Way way(i64 source, i64 destination) override {
    return Way{2, 0, {static_cast<u32>(source), static_cast<u32>(size_ + destination)}};
  }

 private:
  i64 size_;
};

// A link of its own for every pair, made when first used: there may be a million of them.
class FullyConnectedNetwork : public LinkedNetwork {
 public:
  Way way(i64 source, i64 destination) override {
    const u64 hash = mixed(static_cast<u64>(source) << 32 | static_cast<u64>(destination));
    u32 link = by_pair_.find(
        hash, [&](u32 index) { return ends[index].source == source && ends[index].destination == destination; });
    if (link == NONE) by_pair_.insert(hash, link = add_link(source, destination));
    return Way{1, 0, {link, NONE}};
  }

 private:
  Table by_pair_;
};

// Any wiring: whoever knows it is asked once per pair of ranks. Links are made when first used.
class WiredNetwork : public LinkedNetwork {
 public:
  explicit WiredNetwork(AskWay ask) : ask_(ask), devices_(2 * ROOM), figures_(2 * ROOM) {}
  Way way(i64 source, i64 destination) override {
    const u64 hash = pair_hash(source, destination);
    u32 known = by_pair_.find(hash, [&](u32 index) {
      return pairs_[index].source == source && pairs_[index].destination == destination;
    });
    if (known == NONE) {
      const WayAsked asked{source, destination, ROOM, devices_.data(), figures_.data()};
      const i64 count = ask_(&asked);
      if (count < 1) throw Handover{UNREACHABLE, source, -1};
      known = static_cast<u32>(ways_.size());
      const u64 begin = paths.size();
      for (i64 hop = 0; hop < count; ++hop) paths.push_back(link(hop));
      pairs_.push_back({source, destination});
      ways_.push_back(slice(begin, static_cast<u64>(count)));
      by_pair_.insert(hash, known);
    }
    return ways_[known];
  }

 private:
  static constexpr i64 ROOM = 1 << 16;

  static u64 pair_hash(i64 one, i64 other) { return mixed(static_cast<u64>(one) << 32 | static_cast<u64>(other)); }
  u32 link(i64 hop) {
    const i64 source = devices_[2 * hop], destination = devices_[2 * hop + 1];
    const u64 hash = pair_hash(source, destination);
    u32 found = by_ends_.find(
        hash, [&](u32 index) { return ends[index].source == source && ends[index].destination == destination; });
    if (found == NONE) by_ends_.insert(hash, found = add_link(source, destination, make(hop)));
    return found;
  }
  u32 make(i64 hop) {
    const Make made{figures_[2 * hop], figures_[2 * hop + 1]};
    for (u32 index = 0; index < makes.size(); ++index)
      if (makes[index].bytes_per_ns == made.bytes_per_ns && makes[index].latency_ns == made.latency_ns) return index;
    makes.push_back(made);
    return static_cast<u32>(makes.size() - 1);
  }

  AskWay ask_;
  std::vector<i64> devices_;
  std::vector<double> figures_;
  std::vector<Ends> pairs_;
  std::vector<Way> ways_;
  Table by_pair_;
  Table by_ends_;
};

inline std::unique_ptr<LinkedNetwork> linked_network(const Dimension& dimension, AskWay ask) {
  if (ask != nullptr) return std::make_unique<WiredNetwork>(ask);
  std::unique_ptr<LinkedNetwork> network;
  switch (dimension.topology) {
    case RING:
      network = std::make_unique<RingNetwork>(dimension.size);
      break;
    case SWITCH:
      network = std::make_unique<SwitchNetwork>(dimension.size);
      break;
    default:
      network = std::make_unique<FullyConnectedNetwork>();
  }
  network->makes.push_back(dimension.make);
  return network;
}

// What a message of some size means to the links of one make.
struct Load {
  u64 size_bytes;
  u64 serialization_ns;
  u32 serialization_queue;
  u32 hop_queue;
};

// Loads by size and make; makes may still be added.
class Loads {
 public:
  template <class Queue>
  u32 of(u64 size_bytes, const std::vector<Make>& makes, Queue& queue) {
    if (makes.size() > room_) widen(makes.size());
    const u64 hash = mixed(size_bytes);
    u32 row = by_size_.find(hash, [&](u32 index) { return sizes_[index] == size_bytes; });
    if (row == NONE) {
      row = static_cast<u32>(sizes_.size());
      by_size_.insert(hash, row);
      sizes_.push_back(size_bytes);
      known_.push_back(0);
      loads_.resize(loads_.size() + room_);
    }
    for (u64& make = known_[row]; make < makes.size(); ++make) {
      const double occupied_ns = static_cast<double>(size_bytes) / makes[make].bytes_per_ns;
      const u64 serialization_ns = whole(occupied_ns);
      const u64 hop_ns = whole(makes[make].latency_ns + occupied_ns);
      loads_[row * room_ + make] = {size_bytes, serialization_ns, queue.delay_queue(serialization_ns),
                                    queue.delay_queue(hop_ns)};
    }
    return row;
  }
  const Load& at(u32 row, u32 make) const { return loads_[row * room_ + make]; }

 private:
  void widen(u64 room) {
    std::vector<Load> wider(sizes_.size() * room);
    for (u64 row = 0; row < sizes_.size(); ++row)
      for (u64 make = 0; make < known_[row]; ++make) wider[row * room + make] = loads_[row * room_ + make];
    loads_.swap(wider);
    room_ = room;
  }

  u64 room_ = 1;
  std::vector<Load> loads_;
  std::vector<u64> sizes_;
  std::vector<u64> known_;  // makes
  Table by_size_;
};

// The delay of one message where nothing is shared: only the lowest dimension in which the ranks differ is charged.
inline u64 unaware_delay_ns(i64 source, i64 destination, u64 size_bytes, const std::vector<Dimension>& dimensions) {
  for (const Dimension& dimension : dimensions) {
    const i64 here = source % dimension.size, there = destination % dimension.size;
    source /= dimension.size;
    destination /= dimension.size;
    if (here == there) continue;
    i64 hops = dimension.topology == SWITCH ? 2 : 1;
    if (dimension.topology == RING) {
      const i64 clockwise = (there - here + dimension.size) % dimension.size;
      hops = clockwise < dimension.size - clockwise ? clockwise : dimension.size - clockwise;
    }
    const double latency_ns = static_cast<double>(hops) * dimension.make.latency_ns;
    return whole(latency_ns + static_cast<double>(size_bytes) / dimension.make.bytes_per_ns);
  }
  throw Handover{UNREACHABLE, source, -1};
}

}  // namespace versim
