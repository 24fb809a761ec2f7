// The tree of commands as plain values: what completion scripts and manual pages are made from, so that they cannot say
// anything else than --help does.
#pragma once

#include <string>
#include <vector>

namespace mbx::ctl {

struct OptionNode {
    std::vector<std::string> names;    // "--json", "-q"; of a positional its one name
    std::string value;                 // what stands behind it, "PATH"; empty: a flag
    std::string help;
    std::vector<std::string> choices;  // the values it takes, where they are a closed set
    bool is_positional = false;
    bool is_required = false;
    bool is_repeatable = false;
};

struct CommandNode {
    std::string name;
    std::string help;
    std::vector<OptionNode> options;
    std::vector<CommandNode> commands;
};

}  // namespace mbx::ctl
