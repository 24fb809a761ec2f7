#include "ctl/journal_commands.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "config/load.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/table.hpp"
#include "journal/journal.hpp"

namespace mbx::ctl {
namespace {

constexpr std::size_t kShownBytes = 256;
constexpr std::size_t kRowBytes = 16;

// Where the journal lies, as the command line or the configuration says.
Result<std::string, Error> journal_directory(Run run)
{
    if (!run.arguments.data_directory.empty()) return run.arguments.data_directory + "/journal";
    const auto loaded = config::load(run.config_path());
    if (loaded) return loaded->settings.server.data_directory + "/journal";
    return Error{"finding the data directory", loaded.error().front().text(), "name it with --data"};
}

std::string list_text(Run run, const std::vector<journal::FrameInfo>& frames, const journal::Recovery& recovery)
{
    using Side = Table::Side;
    Table table({{"SEGMENT", Side::right}, {"OFFSET", Side::right}, {"BYTES", Side::right}, {"FIRST", Side::right},
                 {"RECORDS", Side::right}, {"DURABLE", Side::right}, {"CHECKPOINT", Side::right}, {"STATE", Side::left}});
    for (const journal::FrameInfo& frame : frames) {
        table.add({std::to_string(frame.segment), std::to_string(frame.offset), std::to_string(frame.bytes),
                   std::to_string(frame.first), std::to_string(frame.records), std::to_string(frame.claims_durable),
                   std::to_string(frame.checkpoint), frame.is_intact ? "whole" : "torn"});
    }
    std::string voids;
    for (const journal::LsnRange& range : recovery.voids) {
        voids += fmt::format("{}{}-{}", voids.empty() ? "" : ", ", range.first, range.last);
    }
    return table.text(run.style(), "no frames") + "\n" +
           pairs({{"last record", std::to_string(recovery.end)},
                  {"checkpoint", std::to_string(recovery.checkpoint)},
                  {"closed", recovery.was_closed ? "yes" : "no"},
                  {"void", voids.empty() ? "none" : voids}});
}

std::string list_json(const std::vector<journal::FrameInfo>& frames, const journal::Recovery& recovery)
{
    nlohmann::json document = {{"frames", nlohmann::json::array()},
                               {"end", recovery.end},
                               {"checkpoint", recovery.checkpoint},
                               {"closed", recovery.was_closed},
                               {"voids", nlohmann::json::array()}};
    for (const journal::FrameInfo& frame : frames) {
        document["frames"].push_back({{"segment", frame.segment},
                                      {"offset", frame.offset},
                                      {"bytes", frame.bytes},
                                      {"first", frame.first},
                                      {"records", frame.records},
                                      {"claims_durable", frame.claims_durable},
                                      {"checkpoint", frame.checkpoint},
                                      {"intact", frame.is_intact}});
    }
    for (const journal::LsnRange& range : recovery.voids) {
        document["voids"].push_back({{"first", range.first}, {"last", range.last}});
    }
    return document.dump() + "\n";
}

// Offset, sixteen bytes, and the same where they can be printed.
std::string hex_rows(std::string_view bytes)
{
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += kRowBytes) {
        const std::string_view row = bytes.substr(at, kRowBytes);
        std::string hex;
        std::string plain;
        for (const char byte : row) {
            const auto value = static_cast<unsigned char>(byte);
            hex += fmt::format("{:02x} ", value);
            plain += value >= 0x20 && value < 0x7f ? byte : '.';
        }
        text += fmt::format("  {:04x}  {:<48} {}\n", at, hex, plain);
    }
    return text;
}

struct FoundRecord {
    std::string payload;
    journal::Location where;
};

std::string record_text(journal::Lsn lsn, const FoundRecord& record, const std::string& meaning)
{
    const std::string_view shown = std::string_view(record.payload).substr(0, kShownBytes);
    return pairs({{"record", std::to_string(lsn)},
                  {"segment", std::to_string(record.where.segment)},
                  {"offset", std::to_string(record.where.offset)},
                  {"bytes", std::to_string(record.payload.size())}}) +
           meaning + hex_rows(shown);
}

std::string record_json(journal::Lsn lsn, const FoundRecord& record, const std::string& meaning)
{
    nlohmann::json document = {{"record", lsn},
                               {"segment", record.where.segment},
                               {"offset", record.where.offset},
                               {"bytes", record.payload.size()},
                               {"head", encode_hex(std::string_view(record.payload).substr(0, kShownBytes))}};
    if (!meaning.empty()) document["meaning"] = meaning;
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int run_journal_list(Run run)
{
    const auto directory = journal_directory(run);
    if (!directory) return run.fail(directory.error(), kFailed);
    PosixFileSystem files;
    std::vector<journal::FrameInfo> frames;
    const auto keep = [&frames](const journal::FrameInfo& frame) { frames.push_back(frame); };
    const auto recovery = journal::inspect(files, *directory, keep, {});
    if (!recovery && frames.empty()) return run.fail(recovery.error(), kFailed);
    // Of a damaged journal what can be read is shown all the same.
    const journal::Recovery shown = recovery ? *recovery : journal::Recovery();
    run.terminal.print(run.arguments.json ? list_json(frames, shown) : list_text(run, frames, shown));
    return recovery ? int{kDone} : run.fail(recovery.error(), kFailed);
}

int run_journal_show(Run run, const RecordPrinter& meaning)
{
    const auto directory = journal_directory(run);
    if (!directory) return run.fail(directory.error(), kFailed);
    PosixFileSystem files;
    const journal::Lsn wanted = run.arguments.record;
    std::optional<FoundRecord> found;
    const auto look = [&](journal::Lsn lsn, std::string_view payload, const journal::Location& where) {
        if (lsn == wanted) found = FoundRecord{std::string(payload), where};
    };
    const auto recovery = journal::inspect(files, *directory, {}, look);
    if (!recovery && !found) return run.fail(recovery.error(), kFailed);
    if (!found) {
        const auto has = [wanted](const journal::LsnRange& range) { return range.contains(wanted); };
        const bool is_void = std::any_of(recovery->voids.begin(), recovery->voids.end(), has);
        const char* const why = is_void ? "this number became no record before a crash" : "the journal does not have it (any more)";
        return run.fail(Error{fmt::format("showing record {}", wanted), why, "mailboxctl journal list shows what it has"},
                        kFailed);
    }
    const std::string said = meaning ? meaning(found->payload) : std::string();
    run.terminal.print(run.arguments.json ? record_json(wanted, *found, said) : record_text(wanted, *found, said));
    return kDone;
}

}  // namespace mbx::ctl
