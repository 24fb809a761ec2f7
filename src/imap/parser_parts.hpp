// The parser's inside: one function for each command with arguments, called behind the command's name. None: the
// cursor's reason() says why.
#pragma once

#include <optional>
#include <vector>

#include "imap/command.hpp"
#include "imap/cursor.hpp"

namespace mbx::imap::detail {

std::optional<Request> parse_id(Cursor& at);
std::optional<Request> parse_create(Cursor& at);
std::optional<Request> parse_status(Cursor& at);
std::optional<Request> parse_list(Cursor& at);
std::optional<Request> parse_lsub(Cursor& at);
std::optional<Request> parse_append(Cursor& at);
std::optional<Request> parse_replace(Cursor& at, bool by_uid);
std::optional<Request> parse_copy(Cursor& at, bool by_uid, bool move);
std::optional<Request> parse_store(Cursor& at, bool by_uid);
std::optional<Request> parse_fetch(Cursor& at, bool by_uid);
std::optional<Request> parse_search(Cursor& at, bool by_uid);
std::optional<Request> parse_getmetadata(Cursor& at);
std::optional<Request> parse_setmetadata(Cursor& at);
std::optional<Request> parse_getacl(Cursor& at);
std::optional<Request> parse_setacl(Cursor& at);
std::optional<Request> parse_deleteacl(Cursor& at);
std::optional<Request> parse_listrights(Cursor& at);
std::optional<Request> parse_myrights(Cursor& at);
std::optional<Request> parse_genurlauth(Cursor& at);
std::optional<Request> parse_urlfetch(Cursor& at);
std::optional<Request> parse_resetkey(Cursor& at);
std::optional<Request> parse_comparator(Cursor& at);

std::optional<Request> parse_sort(Cursor& at, bool by_uid);
std::optional<Request> parse_multi_search(Cursor& at);
std::optional<Request> parse_notify(Cursor& at);
// With its mailboxes; `count` bounds filters and mailboxes of a command.
std::optional<SearchSource> parse_mailbox_filter(Cursor& at, std::size_t& count);
// What stands between the brackets of BODY[…]; the text ends with it.
bool parse_section_text(std::string_view text, mail::Section& section);
// "(" fetch-att *(SP fetch-att) ")"
bool parse_fetch_attributes(Cursor& at, std::vector<FetchItem>& items);
std::optional<Request> parse_cancel_update(Cursor& at);
std::optional<Request> parse_thread(Cursor& at, bool by_uid);

// [SP] CHARSET and the keys.
bool parse_search_body(Cursor& at, Search& search);
// Behind RETURN, and the space behind that.
bool parse_search_return(Cursor& at, Search& search);
// search-key *(SP search-key)
bool parse_search_keys(Cursor& at, std::vector<SearchNode>& program);

// RFC 7162 (parser_sync.cpp), behind the space that stands before them: the parameters of SELECT, the modifiers of FETCH
// and STORE, the argument of the search key MODSEQ.
bool parse_select_parameters(Cursor& at, Select& select);
bool parse_fetch_modifiers(Cursor& at, Fetch& fetch);
bool parse_store_modifiers(Cursor& at, Store& store);
std::optional<std::uint64_t> parse_search_modseq(Cursor& at);

std::optional<FlagList> parse_flag_list(Cursor& at);    // in parentheses
std::optional<FlagList> parse_flag_words(Cursor& at);   // one or more, bare
std::optional<std::vector<StatusItem>> parse_status_items(Cursor& at);

}  // namespace mbx::imap::detail
