// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/cgroup_limits.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

/// A file system of our own with the few files that matter.
class fake_root {
 public:
  fake_root() {
    auto pattern = (std::filesystem::temp_directory_path() / "shoal-cgroup-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~fake_root() { std::filesystem::remove_all(path_); }
  fake_root(const fake_root&) = delete;
  fake_root& operator=(const fake_root&) = delete;

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path whole{path_ + file};
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream{whole} << text << '\n';
  }
  [[nodiscard]] shoal::cgroup_limits read() const { return shoal::read_cgroup_limits(path_); }

 private:
  std::string path_;
};

constexpr auto v2_mount = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
constexpr auto v1_cpu = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:15 - cgroup cgroup rw,cpu,cpuacct";
constexpr auto v1_memory = "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";

}  // namespace

BOOST_AUTO_TEST_SUITE(cgroup_limits_suite)

BOOST_AUTO_TEST_CASE(nothing_mounted_means_no_limit) {
  const fake_root root;
  BOOST_TEST((root.read() == shoal::cgroup_limits{}));
}

BOOST_AUTO_TEST_CASE(version_2_own_group) {
  const fake_root root;
  root.write("/proc/self/cgroup", "0::/system.slice/shoal.service");
  root.write("/proc/self/mountinfo", v2_mount);
  root.write("/sys/fs/cgroup/system.slice/shoal.service/cpu.max", "150000 100000");
  root.write("/sys/fs/cgroup/system.slice/shoal.service/memory.max", "1073741824");
  BOOST_TEST(root.read().cpus == 1.5);
  BOOST_TEST(root.read().memory_bytes == 1073741824U);
}

BOOST_AUTO_TEST_CASE(the_tightest_parent_counts) {
  const fake_root root;
  root.write("/proc/self/cgroup", "0::/kubepods/pod1/box");
  root.write("/proc/self/mountinfo", v2_mount);
  root.write("/sys/fs/cgroup/kubepods/pod1/box/cpu.max", "max 100000");
  root.write("/sys/fs/cgroup/kubepods/pod1/cpu.max", "200000 100000");
  root.write("/sys/fs/cgroup/kubepods/cpu.max", "6400000 100000");
  root.write("/sys/fs/cgroup/kubepods/pod1/box/memory.max", "max");
  root.write("/sys/fs/cgroup/kubepods/memory.max", "4096");
  BOOST_TEST(root.read().cpus == 2.0);
  BOOST_TEST(root.read().memory_bytes == 4096U);
}

BOOST_AUTO_TEST_CASE(version_2_seen_from_inside_a_cgroup_namespace) {
  const fake_root root;
  root.write("/proc/self/cgroup", "0::/");
  root.write("/proc/self/mountinfo", v2_mount);
  root.write("/sys/fs/cgroup/cpu.max", "50000 100000");
  BOOST_TEST(root.read().cpus == 0.5);
  root.write("/proc/self/cgroup", "0::/../../elsewhere");
  BOOST_TEST(root.read().cpus == 0.5);
}

BOOST_AUTO_TEST_CASE(version_1) {
  const fake_root root;
  root.write("/proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/box\n0::/unrelated");
  root.write("/proc/self/mountinfo", std::string{v1_cpu} + "\n" + v1_memory);
  root.write("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1");
  root.write("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000");
  root.write("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712");
  BOOST_TEST((root.read() == shoal::cgroup_limits{}));
  root.write("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "250000");
  root.write("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "67108864");
  BOOST_TEST(root.read().cpus == 2.5);
  BOOST_TEST(root.read().memory_bytes == 67108864U);
}

BOOST_AUTO_TEST_CASE(version_1_in_a_container_that_sees_the_hosts_path) {
  const fake_root root;
  root.write("/proc/self/cgroup", "3:cpu,cpuacct:/docker/0123/inner");
  root.write("/proc/self/mountinfo", "33 31 0:30 /docker/0123 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct");
  root.write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000");
  root.write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  BOOST_TEST(root.read().cpus == 3.0);
  root.write("/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "100000");
  root.write("/sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000");
  BOOST_TEST(root.read().cpus == 1.0);
}

BOOST_AUTO_TEST_CASE(garbage_is_no_limit) {
  const fake_root root;
  root.write("/proc/self/cgroup", "nonsense\n0::/a");
  root.write("/proc/self/mountinfo", std::string{"1 2 3\n-\n\n"} + v2_mount);
  root.write("/sys/fs/cgroup/a/cpu.max", "100000 0");
  root.write("/sys/fs/cgroup/a/memory.max", "12 monkeys?");
  root.write("/sys/fs/cgroup/cpu.max", "");
  BOOST_TEST(root.read().cpus == shoal::cgroup_limits::no_quota);
  BOOST_TEST(root.read().memory_bytes == 12U);
}

BOOST_AUTO_TEST_SUITE_END()
