// The sentences of delivery status notifications, in both languages. "{domain}" stands for the recipient's domain.
#pragma once

#include <string_view>

#include "mail/dsn.hpp"

namespace mbx::mail {

struct DsnPhrases {
    std::string_view what;    // happened
    std::string_view advice;  // what the sender can do
};
struct CausePhrases {
    DsnPhrases english;
    DsnPhrases russian;
};
CausePhrases dsn_phrases(DsnCause cause);

// The frame around them.
struct FrameWords {
    std::string_view greeting;           // "{host}"
    std::string_view failed;             // one sentence for the kind of notification
    std::string_view delayed;
    std::string_view forward_failed;     // to who has the mail sent on
    std::string_view forward_delayed;
    std::string_view forward_only_copy;  // behind forward_failed
    std::string_view forward_kept;
    std::string_view delivered;
    std::string_view handed_over;        // to another server, or to the members of a list: not delivered as far as we know
    std::string_view subject_label;
    std::string_view sent_label;
    std::string_view id_label;
    std::string_view happened;
    std::string_view said;               // "{host}"
    std::string_view said_unknown;       // no host known
    std::string_view noted;              // our own words
    std::string_view advice;
    std::string_view last_attempt;
    std::string_view retry_until;
    std::string_view expired;            // "{days}"
    std::string_view expired_untried;    // "{days}"
    std::string_view still_trying;
    std::string_view placed;
    std::string_view relayed;
    std::string_view expanded;
    std::string_view more;               // "{count}"
    std::string_view subject_failed;
    std::string_view subject_delayed;
    std::string_view subject_delivered;
    std::string_view subject_handed_over;
};
const FrameWords& english_frame();
const FrameWords& russian_frame();

}  // namespace mbx::mail
