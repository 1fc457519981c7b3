// SPDX-License-Identifier: Apache-2.0
// A small model checker: a few threads of a few instructions over memory as x86-64 has it (total store order, a store
// buffer per core), all interleavings.
//
//   core 0: registers, store buffer (oldest first) --+
//   core 1: registers, store buffer               ---+--> memory
//
// A plain store waits in its core's buffer; a load sees the newest store to its address in the own buffer, else memory;
// the oldest buffered store may reach memory at any moment. Read-modify-writes wait until the own buffer is empty;
// membarrier until everybody's is.
//
// Thread rule: a value, explored by one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace shoal::test::tso {

inline constexpr std::size_t variables = 8;
inline constexpr std::size_t registers = 4;

struct core {
  std::uint8_t next = 0;  ///< instruction
  std::array<std::uint8_t, registers> r{};
  std::vector<std::pair<std::uint8_t, std::uint8_t>> buffer;  ///< address, value
  friend auto operator<=>(const core&, const core&) = default;
};

struct machine {
  std::array<std::uint8_t, variables> memory{};
  std::vector<core> cores;
  friend auto operator<=>(const machine&, const machine&) = default;

  [[nodiscard]] std::uint8_t load(const core& c, std::uint8_t address) const {
    for (std::size_t i = c.buffer.size(); i-- > 0;) {
      if (c.buffer[i].first == address) return c.buffer[i].second;
    }
    return memory[address];
  }
};

/// One instruction of one core: does its work on the machine, or says that it must wait. The next one follows, unless
/// it is a jump.
struct instruction {
  std::function<bool(machine&, core&)> act;
};
using program = std::vector<instruction>;

inline instruction store(std::uint8_t address, std::uint8_t value) {
  return {[=](machine&, core& c) {
    c.buffer.emplace_back(address, value);
    return true;
  }};
}
inline instruction load(std::uint8_t into, std::uint8_t address) {
  return {[=](machine& m, core& c) {
    c.r[into] = m.load(c, address);
    return true;
  }};
}
/// Exchange, fetch_or, fetch_add: `change` gives the new value from the old.
inline instruction modify(std::uint8_t into, std::uint8_t address, std::function<std::uint8_t(std::uint8_t)> change) {
  return {[into, address, change = std::move(change)](machine& m, core& c) {
    if (!c.buffer.empty()) return false;
    c.r[into] = m.memory[address];
    m.memory[address] = change(m.memory[address]);
    return true;
  }};
}
inline instruction exchange(std::uint8_t into, std::uint8_t address, std::uint8_t value) {
  return modify(into, address, [=](std::uint8_t) { return value; });
}
inline instruction membarrier() {
  return {[](machine& m, core&) {
    for (const core& other : m.cores) {
      if (!other.buffer.empty()) return false;
    }
    return true;
  }};
}
inline instruction nothing() {
  return {[](machine&, core&) { return true; }};
}
/// Waits for a token at `address` and takes it.
inline instruction sleep_for_token(std::uint8_t address) {
  return {[=](machine& m, core& c) {
    if (!c.buffer.empty() || m.memory[address] == 0) return false;
    --m.memory[address];
    return true;
  }};
}
inline instruction jump_if(std::function<bool(const core&)> condition, std::uint8_t target) {
  return {[condition = std::move(condition), target](machine&, core& c) {
    if (condition(c)) c.next = static_cast<std::uint8_t>(target - 1);
    return true;
  }};
}
inline instruction jump(std::uint8_t target) {
  return jump_if([](const core&) { return true; }, target);
}

struct verdict {
  std::size_t states = 0;
  bool always_ends = true;  ///< every execution reaches the end of every program
};

/// Visits every state that any interleaving can reach.
inline verdict explore(const std::vector<program>& programs) {
  machine start;
  start.cores.resize(programs.size());
  std::set<machine> seen{start};
  std::vector<machine> open{start};
  verdict found;
  const auto visit = [&](machine&& next) {
    if (seen.insert(next).second) open.push_back(std::move(next));
  };
  while (!open.empty()) {
    const machine now = std::move(open.back());
    open.pop_back();
    ++found.states;
    bool moved = false;
    bool finished = true;
    for (std::size_t i = 0; i < programs.size(); ++i) {
      if (!now.cores[i].buffer.empty()) {
        machine next = now;
        auto& buffer = next.cores[i].buffer;
        next.memory[buffer.front().first] = buffer.front().second;
        buffer.erase(buffer.begin());
        visit(std::move(next));
        moved = true;
      }
      if (now.cores[i].next == programs[i].size()) continue;
      finished = false;
      machine next = now;
      if (!programs[i][now.cores[i].next].act(next, next.cores[i])) continue;
      ++next.cores[i].next;
      visit(std::move(next));
      moved = true;
    }
    if (!moved && !finished) found.always_ends = false;  // somebody waits for what will never come
  }
  return found;
}

}  // namespace shoal::test::tso
