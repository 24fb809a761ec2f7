// journal list, journal show: read the data directory's journal, with or without a daemon at work; they change nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ctl/session.hpp"

namespace mbx::ctl {

// What a record means, as lines of text for a person; empty when its bytes mean nothing to it. The journal knows bytes
// only: the owner of the records gives this.
using RecordPrinter = std::function<std::string(std::string_view payload)>;

int run_journal_list(Run run);
int run_journal_show(Run run, const RecordPrinter& meaning);

}  // namespace mbx::ctl
