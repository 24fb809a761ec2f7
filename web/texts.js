// Every word of the page, one table for each language; the browser's language chooses. Another language is one more
// member here, and a member that is missing falls back to English.
const english = {
  skip: "Skip to the status",
  glance: "At a glance",
  warnings: "Worth a look",
  uptime: "Up for",
  since: (when) => `since ${when}`,
  messages: "Messages received",
  sinceStart: "since the start",
  rate: (perMinute) => `since the start; ${perMinute} per minute now`,
  accounts: "Accounts",
  domains: (count) => (count === "1" ? "in 1 domain" : `in ${count} domains`),
  sessions: "Logged in now",
  lag: "Loop lag",
  lagWorst: (ms) => `how late work begins; ${ms} at worst since the last look`,
  disk: "Disk free",
  diskUnknown: "could not be read",
  diskUsed: (percent, total) => `${percent} of ${total} used`,
  listeners: "Listeners",
  service: "Service",
  address: "Address",
  tls: "TLS",
  open: "Open",
  accepted: "Accepted",
  refused: "Refused",
  tlsKinds: { none: "none", starttls: "STARTTLS", implicit: "from the start" },
  localSocket: "local socket",
  services: {
    smtp: "mail from other servers",
    submission: "mail that people send",
    submissions: "mail that people send",
    imap: "reading mail",
    imaps: "reading mail",
    pop3: "fetching mail",
    pop3s: "fetching mail",
    http: "this page, health, metrics",
    control: "mailboxctl",
    lmtp: "mail from programs, for here",
    sendmail: "mail of programs of this machine",
  },
  certificates: "Certificates",
  noCertificates: "No certificate is loaded.",
  selfSigned: "self-signed",
  expires: (when, days) => (days === "1" ? `expires ${when}, in 1 day` : `expires ${when}, in ${days} days`),
  expired: (when) => `expired ${when}`,
  ready: "All is well",
  readyWithWarnings: "Running, worth a look",
  notReady: "Not ready for mail",
  unreachable: "The server does not answer",
  unreachableSince: (when) => `The server does not answer; figures of ${when}`,
  refreshed: (when) => `Read at ${when}`,
  metrics: "Metrics",
  api: "API document",
  version: (version, commit) => (commit ? `mailboxd ${version} (${commit})` : `mailboxd ${version}`),
};

const languages = { en: english };

const known = (tag) => tag.split("-")[0] in languages;
// Figures and dates follow the region too: "en-GB" reads the English words and writes 24 hours.
export const locale = navigator.languages.find(known) ?? "en";
export const language = locale.split("-")[0];
export const texts = { ...english, ...languages[language] };
