// From CLI11's tree to ours. Includes CLI11: for the few files that build a tree (mailboxctl's and mailboxd's).
#pragma once

#include <CLI/CLI.hpp>

#include "ctl/command_node.hpp"

namespace mbx::ctl {

// Options and subcommands whose group is empty are hidden and left out.
inline CommandNode describe(const CLI::App& app)
{
    CommandNode node;
    node.name = app.get_name();
    node.help = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        OptionNode shown;
        shown.is_positional = option->get_positional();
        if (shown.is_positional) shown.names.push_back(option->get_name(true));
        for (const std::string& name : option->get_snames()) shown.names.push_back("-" + name);
        for (const std::string& name : option->get_lnames()) shown.names.push_back("--" + name);
        const bool takes_value = option->get_items_expected_max() > 0;
        if (takes_value) shown.value = shown.is_positional ? shown.names.front() : option->get_type_name();
        shown.help = option->get_description();
        shown.is_required = option->get_required();
        shown.is_repeatable = option->get_items_expected_max() > 1;
        node.options.push_back(std::move(shown));
    }
    for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (!child->get_group().empty()) node.commands.push_back(describe(*child));
    }
    return node;
}

}  // namespace mbx::ctl
