// The base subject of SORT and THREAD (RFC 5256 section 2.1): "Re: [list] Re: Fwd: lunch (fwd)" is "lunch". Pure. Any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace mbx::mail {

// Takes a decoded subject (decode_encoded_words) of bounded length: time grows with the square of a subject that is made
// of brackets alone. Case is kept; whoever compares folds.
struct BaseSubject {
    std::string text;
    bool is_reply = false;  // or a forward: a subj-refwd, a "(fwd)" or a "[fwd: …]" went (RFC 5256 section 3, REFERENCES)
};
BaseSubject split_subject(std::string_view utf8);
std::string base_subject(std::string_view utf8);  // the text alone

}  // namespace mbx::mail
