// Small containers the engine lives in: a pool with reuse, a hash table of 64-bit keys.
//
// Everything is named by 32-bit indices, never by address: a pool may move when it grows, and a state that consists of
// indices can be copied with an offset.
#pragma once

#include <cstdint>
#include <vector>

namespace versim {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
__extension__ using u128 = unsigned __int128;

constexpr u32 NONE = 0xffffffffu;

inline u64 mixed(u64 key) {
  key ^= key >> 32;
  key *= 0x9e3779b97f4a7c15ull;
  key ^= key >> 29;
  key *= 0xbf58476d1ce4e5b9ull;
  return key ^ key >> 32;
}

// Objects by index; a released place is used again.
template <class T>
struct Pool {
  std::vector<T> items;
  std::vector<u32> released;

  u32 take() {
    if (!released.empty()) {
      const u32 index = released.back();
      released.pop_back();
      items[index] = T();
      return index;
    }
    items.emplace_back();
    return static_cast<u32>(items.size() - 1);
  }
  void give_back(u32 index) { released.push_back(index); }
  T& operator[](u32 index) { return items[index]; }
};

// Open addressing from 64-bit keys to indices; keys that differ may share a hash, so the owner compares.
template <class Same>
u32 find_in(const std::vector<u64>& hashes, const std::vector<u32>& values, u64 hash, Same same) {
  const u64 mask = hashes.size() - 1;
  for (u64 place = hash & mask;; place = (place + 1) & mask) {
    if (values[place] == NONE) return NONE;
    if (hashes[place] == hash && same(values[place])) return values[place];
  }
}

struct Table {
  std::vector<u64> hashes = std::vector<u64>(16);
  std::vector<u32> values = std::vector<u32>(16, NONE);
  u64 count = 0;

  template <class Same>
  u32 find(u64 hash, Same same) const {
    return find_in(hashes, values, hash, same);
  }
  void insert(u64 hash, u32 value) {
    if (2 * ++count > hashes.size()) grow();
    place(hash, value);
  }
  void erase(u64 hash, u32 value) {
    const u64 mask = hashes.size() - 1;
    u64 hole = hash & mask;
    while (values[hole] != value) hole = (hole + 1) & mask;
    // Later entries of the same run move up, so that no search ends early.
    for (u64 next = (hole + 1) & mask; values[next] != NONE; next = (next + 1) & mask) {
      const u64 home = hashes[next] & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        hashes[hole] = hashes[next];
        values[hole] = values[next];
        hole = next;
      }
    }
    values[hole] = NONE;
    --count;
  }
  void clear() {
    hashes.assign(16, 0);
    values.assign(16, NONE);
    count = 0;
  }

 private:
  void place(u64 hash, u32 value) {
    const u64 mask = hashes.size() - 1;
    u64 at = hash & mask;
    while (values[at] != NONE) at = (at + 1) & mask;
    hashes[at] = hash;
    values[at] = value;
  }
  void grow() {
    std::vector<u64> old_hashes(hashes.size() * 2);
    std::vector<u32> old_values(values.size() * 2, NONE);
    old_hashes.swap(hashes);
    old_values.swap(values);
    for (u64 at = 0; at < old_values.size(); ++at)
      if (old_values[at] != NONE) place(old_hashes[at], old_values[at]);
  }
};

}  // namespace versim
