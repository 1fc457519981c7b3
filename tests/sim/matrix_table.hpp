// SPDX-License-Identifier: Apache-2.0
// The failure matrix as docs/failures.md has it: which client meets which endpoint, and what may come of it.
//
// Thread rule: plain values.
#pragma once

#include <string>
#include <vector>

namespace shoal::test {

struct matrix_cell {
  std::string client;  ///< how it behaves
  std::string endpoint;
  std::vector<std::string> client_sees;  ///< one of these
  std::vector<std::string> endpoint_sees;
  std::vector<std::string> end;  ///< the access log's word

  [[nodiscard]] std::string name() const { return "client " + client + ", endpoint " + endpoint; }
};

/// Every row of the table; a file without one is a failed test.
[[nodiscard]] std::vector<matrix_cell> matrix_cells();

}  // namespace shoal::test
