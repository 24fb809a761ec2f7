#include "mail/dsn_phrases.hpp"

namespace mbx::mail {

namespace {

CausePhrases address_phrases(DsnCause cause)
{
    if (cause == DsnCause::no_such_mailbox)
        return {{"There is no mailbox with this address at {domain}.",
                 "Look for typing mistakes in the address, or ask the recipient in another way for the right one."},
                {"На {domain} нет ящика с таким адресом.",
                 "Проверьте, нет ли в адресе опечатки, или узнайте верный адрес у получателя другим путём."}};
    if (cause == DsnCause::mailbox_disabled)
        return {{"The recipient's mailbox exists, but takes no mail.",
                 "Reach the recipient in another way; only the recipient or their administrator can open it again."},
                {"Ящик получателя существует, но писем не принимает.",
                 "Свяжитесь с получателем другим путём: открыть ящик может только он сам или его администратор."}};
    if (cause == DsnCause::mailbox_full)
        return {{"The recipient's mailbox is full.",
                 "Tell the recipient in another way, and send the message again when there is room."},
                {"Ящик получателя переполнен.",
                 "Сообщите об этом получателю другим путём и отправьте письмо снова, когда место появится."}};
    if (cause == DsnCause::no_such_domain)
        return {{"The domain {domain} does not exist.",
                 "Look for typing mistakes behind the \"@\" of the address."},
                {"Домена {domain} не существует.", "Проверьте, нет ли опечатки в адресе после знака «@»."}};
    if (cause == DsnCause::domain_takes_no_mail)
        return {{"The domain {domain} declares that it takes no mail at all.",
                 "Look for typing mistakes behind the \"@\", or ask the recipient for another address."},
                {"Домен {domain} объявил, что вовсе не принимает почту.",
                 "Проверьте адрес после знака «@» или попросите у получателя другой адрес."}};
    if (cause == DsnCause::bad_address)
        return {{"The other server does not take this for an address.",
                 "Look at the address: something in it is not written as it must be."},
                {"Другой сервер не считает это адресом.", "Проверьте адрес: он записан с ошибкой."}};
    return {{"The other server does not accept your address as the sender's.",
             "Ask your administrator whether mail can be sent to your own address from outside."},
            {"Другой сервер не принимает ваш адрес как адрес отправителя.",
             "Спросите своего администратора, можно ли снаружи отправить письмо на ваш адрес."}};
}

CausePhrases route_phrases(DsnCause cause)
{
    if (cause == DsnCause::host_not_found)
        return {{"The mail server of {domain} could not be found: the name service gave no usable answer.",
                 "Look for typing mistakes behind the \"@\". If the address is right, the recipient's administrator has to "
                 "repair the domain's entries."},
                {"Почтовый сервер домена {domain} найти не удалось: служба имён не дала пригодного ответа.",
                 "Проверьте адрес после знака «@». Если он верен, исправить записи домена должен администратор получателя."}};
    if (cause == DsnCause::unreachable)
        return {{"The mail server of {domain} could not be reached, or the connection to it broke.",
                 "Send the message again later, or reach the recipient in another way."},
                {"До почтового сервера домена {domain} не удалось достучаться, или связь с ним прервалась.",
                 "Отправьте письмо позже ещё раз или свяжитесь с получателем другим путём."}};
    if (cause == DsnCause::server_full)
        return {{"The other server has no room or no strength left at the moment.",
                 "Send the message again later."},
                {"У другого сервера сейчас не хватает места или сил.", "Отправьте письмо позже ещё раз."}};
    if (cause == DsnCause::try_later)
        return {{"The other server did not want the message yet and asked to try again later.",
                 "Send the message again later, or reach the recipient in another way."},
                {"Другой сервер пока не захотел принять письмо и просил попробовать позже.",
                 "Отправьте письмо позже ещё раз или свяжитесь с получателем другим путём."}};
    if (cause == DsnCause::loop)
        return {{"The message went round in a circle between servers and was taken out.",
                 "Tell the recipient or your administrator: a forwarding leads back to where it came from."},
                {"Письмо ходило по кругу между серверами и было остановлено.",
                 "Сообщите получателю или своему администратору: пересылка ведёт туда, откуда пришла."}};
    return {{"The two servers did not understand each other.",
             "Send this report to your administrator: the other server's words above say what it disliked."},
            {"Серверы не поняли друг друга.",
             "Перешлите этот отчёт своему администратору: слова другого сервера выше говорят, что ему не понравилось."}};
}

CausePhrases content_phrases(DsnCause cause)
{
    if (cause == DsnCause::too_large)
        return {{"The message is larger than the recipient's server takes.",
                 "Make it smaller: leave large attachments out, or hand them over by a link."},
                {"Письмо больше, чем принимает сервер получателя.",
                 "Уменьшите его: уберите большие вложения или передайте их ссылкой."}};
    if (cause == DsnCause::too_many_recipients)
        return {{"The other server does not take this many recipients at once.", "Send the message to fewer recipients at a time."},
                {"Другой сервер не принимает столько получателей сразу.", "Отправляйте письмо меньшему числу получателей за раз."}};
    if (cause == DsnCause::content_refused)
        return {{"The other server does not take messages of this form.",
                 "Send it as plain text, or without the attachments."},
                {"Другой сервер не принимает письма такого вида.", "Отправьте его простым текстом или без вложений."}};
    return {{"The other server cannot take addresses or headers with letters beyond ASCII.",
             "Ask the recipient for an address in plain Latin letters, and send from such an address."},
            {"Другой сервер не умеет принимать адреса и заголовки с буквами вне ASCII.",
             "Попросите у получателя адрес латинскими буквами и пишите с такого же адреса."}};
}

CausePhrases policy_phrases(DsnCause cause)
{
    if (cause == DsnCause::refused_by_policy)
        return {{"The other server refused the message by its rules: it may take it for spam, or not let you write there.",
                 "Read its words above. Change what it objects to, or ask the recipient to let your address through."},
                {"Другой сервер отверг письмо по своим правилам: счёл его спамом или не разрешает вам туда писать.",
                 "Прочтите его слова выше. Измените то, что ему не понравилось, или попросите получателя разрешить ваш адрес."}};
    if (cause == DsnCause::authentication_failed)
        return {{"The other server could not verify that the message is from your domain (SPF, DKIM or DMARC).",
                 "Send this report to your administrator: the domain's entries or signatures need repair."},
                {"Другой сервер не смог убедиться, что письмо от вашего домена (SPF, DKIM или DMARC).",
                 "Перешлите этот отчёт своему администратору: нужно поправить записи домена или подписи."}};
    if (cause == DsnCause::tls_missing)
        return {{"The message may only travel encrypted, and the other server offered no encryption that can be trusted.",
                 "Reach the recipient in another way. Their administrator has to repair the server's encryption."},
                {"Письмо разрешено передавать только зашифрованным, а другой сервер не предложил надёжного шифрования.",
                 "Свяжитесь с получателем другим путём: исправить шифрование должен администратор его сервера."}};
    if (cause == DsnCause::not_tried)
        return {{"The message waited here, in our own queue, and was not tried yet: the other server was not asked.",
                 "Send the message again later; if that does not help, send this report to your administrator."},
                {"Письмо ждало здесь, в нашей собственной очереди, и его ещё не пробовали отправить: другой сервер не спрашивали.",
                 "Отправьте письмо позже ещё раз; если это не поможет, перешлите этот отчёт своему администратору."}};
    if (cause == DsnCause::administrator)
        return {{"An administrator of this server took the message out of the queue.",
                 "Ask your administrator for the reason."},
                {"Администратор этого сервера изъял письмо из очереди.", "Спросите своего администратора о причине."}};
    return {{"The message was not accepted for this recipient.",
             "Read the words above; if they do not help, send this report to your administrator."},
            {"Письмо для этого получателя не было принято.",
             "Прочтите слова выше; если они не помогут, перешлите этот отчёт своему администратору."}};
}

constexpr FrameWords kEnglish = {
    .greeting = "This is the mail system of {host}.",
    .failed = "Your message could not be delivered, and it will not be tried again, for:",
    .delayed = "Your message has not been delivered yet. You need not send it again: this server goes on trying for:",
    .forward_failed = "A message that your mailbox forwards could not be delivered, and it will not be tried again, for:",
    .forward_delayed = "A message that your mailbox forwards has not been delivered yet. This server goes on trying for:",
    .forward_only_copy = "The message comes with this report: your mailbox keeps no copy, and its sender was not told.",
    .forward_kept = "Your mailbox has a copy of the message. Its sender was not told.",
    .delivered = "Your message arrived, as you asked to be told:",
    .handed_over = "Your message was handed over, as you asked to be told:",
    .subject_label = "Subject: ",
    .sent_label = "Taken in: ",
    .id_label = "Number: ",
    .happened = "What happened: ",
    .said = "The server {host} said: ",
    .said_unknown = "The other server said: ",
    .noted = "Our server noted: ",
    .advice = "What you can do: ",
    .last_attempt = "Last tried: ",
    .retry_until = "Tried until: ",
    .expired = "It was tried again and again for {days}, and the time is up.",
    .expired_untried = "It waited for {days}, and the time is up.",
    .still_trying = "Nothing for now. If the message does not get through in time, you will be told.",
    .placed = "Delivered into the recipient's mailbox.",
    .relayed = "Handed over to the recipient's server, which sends no reports of its own.",
    .expanded = "Passed on to the members behind this address.",
    .more = "… and {count} more, which the technical part lists.",
    .subject_failed = "Not delivered: ",
    .subject_delayed = "Not delivered yet: ",
    .subject_delivered = "Delivered: ",
    .subject_handed_over = "Handed over: ",
};

constexpr FrameWords kRussian = {
    .greeting = "Это почтовая система {host}.",
    .failed = "Ваше письмо не доставлено, и попыток больше не будет для:",
    .delayed = "Ваше письмо ещё не доставлено. Отправлять его снова не нужно: сервер сам продолжит попытки для:",
    .forward_failed = "Письмо, которое пересылает ваш ящик, не доставлено, и попыток больше не будет для:",
    .forward_delayed = "Письмо, которое пересылает ваш ящик, ещё не доставлено. Сервер продолжит попытки для:",
    .forward_only_copy = "Само письмо приложено к этому отчёту: копии в вашем ящике нет, а отправителю ничего не сообщалось.",
    .forward_kept = "Копия письма есть в вашем ящике. Отправителю ничего не сообщалось.",
    .delivered = "Ваше письмо дошло; вы просили об этом сообщить:",
    .handed_over = "Ваше письмо передано дальше; вы просили об этом сообщить:",
    .subject_label = "Тема: ",
    .sent_label = "Принято: ",
    .id_label = "Номер: ",
    .happened = "Что случилось: ",
    .said = "Сервер {host} ответил: ",
    .said_unknown = "Другой сервер ответил: ",
    .noted = "Наш сервер отметил: ",
    .advice = "Что можно сделать: ",
    .last_attempt = "Последняя попытка: ",
    .retry_until = "Попытки до: ",
    .expired = "Попытки повторялись {days}, и время вышло.",
    .expired_untried = "Оно ждало {days}, и время вышло.",
    .still_trying = "Пока ничего. Если письмо не пройдёт в срок, вам сообщат.",
    .placed = "Доставлено в ящик получателя.",
    .relayed = "Передано серверу получателя, который сам не шлёт отчётов.",
    .expanded = "Передано участникам за этим адресом.",
    .more = "… и ещё {count}; их перечисляет техническая часть.",
    .subject_failed = "Не доставлено: ",
    .subject_delayed = "Ещё не доставлено: ",
    .subject_delivered = "Доставлено: ",
    .subject_handed_over = "Передано: ",
};

}  // namespace

CausePhrases dsn_phrases(DsnCause cause)
{
    switch (cause) {
    case DsnCause::no_such_mailbox:
    case DsnCause::mailbox_disabled:
    case DsnCause::mailbox_full:
    case DsnCause::no_such_domain:
    case DsnCause::domain_takes_no_mail:
    case DsnCause::bad_address:
    case DsnCause::bad_sender: return address_phrases(cause);
    case DsnCause::host_not_found:
    case DsnCause::unreachable:
    case DsnCause::server_full:
    case DsnCause::try_later:
    case DsnCause::loop:
    case DsnCause::protocol: return route_phrases(cause);
    case DsnCause::too_large:
    case DsnCause::too_many_recipients:
    case DsnCause::content_refused:
    case DsnCause::utf8_not_supported: return content_phrases(cause);
    case DsnCause::refused_by_policy:
    case DsnCause::authentication_failed:
    case DsnCause::tls_missing:
    case DsnCause::not_tried:
    case DsnCause::administrator:
    case DsnCause::other: break;
    }
    return policy_phrases(cause);
}

const FrameWords& english_frame() { return kEnglish; }
const FrameWords& russian_frame() { return kRussian; }

}  // namespace mbx::mail
