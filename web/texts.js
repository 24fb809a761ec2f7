// Every word of the page, one table for each language; the browser's language chooses. Another language is one more
// member here, and a member that is missing falls back to English.
const english = {
  skip: "Skip to the status",
  glance: "At a glance",
  warnings: "Worth a look",
  uptime: "Up for",
  since: (when) => `since ${when}`,
  messages: "Messages in",
  rate: (perMinute) => `${perMinute} per minute`,
  accounts: "Accounts",
  domains: (count) => (count === "1" ? "in 1 domain" : `in ${count} domains`),
  sessions: "Live sessions",
  lag: "Loop lag",
  lagWorst: (ms) => `${ms} at worst lately`,
  disk: "Disk free",
  diskUsed: (percent, total) => `${percent} of ${total} used`,
  listeners: "Listeners",
  service: "Service",
  address: "Address",
  tls: "TLS",
  open: "Open",
  accepted: "Accepted",
  refused: "Refused",
  tlsKinds: { none: "none", starttls: "STARTTLS", implicit: "implicit" },
  certificates: "Certificates",
  noCertificates: "No certificate is loaded.",
  selfSigned: "self-signed",
  expires: (when, days) => `expires ${when}, in ${days} days`,
  expired: (when) => `expired ${when}`,
  ready: "All is well",
  readyWithWarnings: "Running, worth a look",
  notReady: "Not ready for mail",
  unreachable: "The server does not answer",
  refreshed: (when) => `Read at ${when}`,
  metrics: "Metrics",
  api: "API document",
  version: (version, commit) => (commit ? `mailboxd ${version} (${commit})` : `mailboxd ${version}`),
};

const languages = { en: english };

const wanted = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in languages) ?? "en";
export const language = wanted;
export const texts = { ...english, ...languages[wanted] };
