// SPDX-License-Identifier: Apache-2.0
// A value that knows how many of it live, and notices when one is destroyed twice or used after its end.
//
// Thread rule: one thread at a time.
#pragma once

#include <set>
#include <utility>

namespace shoal::test {

class counted {
 public:
  explicit counted(int what = 0) : value_(what) { born(); }
  counted(const counted& other) : value_(other.value()) { born(); }
  counted(counted&& other) noexcept : value_(std::exchange(other.value_, -1)) { born(); }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&&) = default;
  ~counted() {
    if (addresses().erase(this) == 0) ++mistakes();
  }

  [[nodiscard]] int value() const {
    if (!addresses().contains(this)) ++mistakes();
    return value_;
  }
  [[nodiscard]] static std::size_t alive() { return addresses().size(); }
  /// Second destructions and uses after the end, since the program started.
  [[nodiscard]] static int& mistakes() {
    static int count = 0;
    return count;
  }

 private:
  void born() { addresses().insert(this); }
  static std::set<const counted*>& addresses() {
    static std::set<const counted*> living;
    return living;
  }

  int value_;
};

}  // namespace shoal::test
