// SPDX-License-Identifier: Apache-2.0
// shoal-proxy: the command line, then the program (program.hpp).
#include "proxy/config_cli.hpp"
#include "proxy/config_load.hpp"
#include "proxy/program.hpp"
#include "proxy/upgrade.hpp"
#include <shoal/core/version.hpp>

#include <CLI/CLI.hpp>

#include <iostream>

namespace {

namespace config = shoal::config;

constexpr int usage_error = 2;

struct arguments {
  std::string file;
  bool check = false;
  bool print_config = false;
  bool print_schema = false;
  std::string format = "text";
};

int parse(int argc, const char* const* argv, arguments& out) {
  CLI::App app{"shoal-proxy: a TCP proxy declared in one YAML file, one shard per core.\n"
               "Start with configs/quickstart.yaml; all keys: docs/configuration.md."};
  app.add_option("-c,--config", out.file, "the YAML file that declares the server");
  app.add_flag("-t,--check", out.check, "check the file, say what is wrong with it, and start nothing");
  app.add_option("--format", out.format, "how --check answers: text or json")->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--print-config", out.print_config, "print every value that counts, defaults included, as YAML");
  app.add_flag("--print-schema", out.print_schema, "print the JSON Schema of the file, for editors");
  app.set_version_flag("--version", shoal::version_line("shoal-proxy"));
  app.footer("Exit status: 0 ok, 1 a failure at run time (a port in use), 2 bad usage or a bad file.\n"
             "Signals: SIGINT and SIGTERM stop gracefully, a second one at once; SIGHUP reads the file again; SIGUSR1\n"
             "reopens the logs; SIGUSR2 hands over to a new process of the program, without losing a connection.");
  try {
    app.parse(argc, argv);
    if (!out.print_schema && out.file.empty()) throw CLI::RequiredError("--config FILE");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage_error;
  }
  return -1;
}

int check(const arguments& args) {
  const auto format = args.format == "json" ? config::check_format::json : config::check_format::text;
  const auto answer = config::check(args.file, format, config::real_surroundings());
  std::cout << answer.output;
  std::cerr << answer.errors;
  return answer.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  arguments args;
  if (const int status = parse(argc, argv, args); status >= 0) return status;
  if (args.print_schema) {
    std::cout << config::print_schema();
    return 0;
  }
  if (args.check) return check(args);
  auto loaded = config::load_proxy_config(args.file, config::real_surroundings());
  if (!loaded) {
    std::cerr << config::to_text(loaded.error());
    return usage_error;
  }
  if (args.print_config) {
    std::cout << config::print_config(*loaded);
    return 0;
  }
  return proxy::run(*loaded, args.file, proxy::command_of(argc, argv));
}
