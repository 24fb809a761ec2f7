// The status page: reads /api/v1/status every few seconds and shows it. Values reach the page as text nodes only.
import { language, locale, texts } from "/texts.js";

const kRefreshMilliseconds = 5000;
const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(locale);
const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

function show(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(count, 1)) / 3)));
  const format = { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: step > 2 ? 1 : 0 };
  return new Intl.NumberFormat(locale, format).format(count / 1000 ** step);
}

function duration(seconds) {
  const unit = (value, name) =>
    new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const pair = (first, second, name) => (second > 0 ? `${first} ${unit(second, name)}` : first);
  if (days > 0) return pair(unit(days, "day"), hours, "hour");
  if (hours > 0) return pair(unit(hours, "hour"), minutes, "minute");
  return minutes > 0 ? unit(minutes, "minute") : unit(seconds, "second");
}

function milliseconds(value) {
  const format = { style: "unit", unit: "millisecond", unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale, format).format(value);
}

// Keeps what has not changed in place, so that a refresh takes away nobody's selection or scroll position.
function fill(parent, rows) {
  while (parent.children.length > rows.length) parent.lastElementChild.remove();
  rows.forEach((row, at) => {
    const old = parent.children[at];
    if (!old) parent.append(row);
    else if (!old.isEqualNode(row)) old.replaceWith(row);
  });
}

function cell(text, kind) {
  const element = document.createElement("td");
  if (kind === "number") element.className = "number";
  element.textContent = text;
  return element;
}

function serviceCell(service) {
  const element = document.createElement("th");
  element.scope = "row";
  element.textContent = service;
  const purpose = document.createElement("span");
  purpose.className = "quiet";
  purpose.textContent = texts.services[service] ?? "";
  element.append(" ", purpose);
  return element;
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

function showState(kind, text) {
  byId("state").dataset.state = kind;
  show("state-text", text);
}

let before = null;
function showRate(status) {
  const at = Date.parse(status.now);
  if (before && before.started === status.started && at > before.at) {
    const perMinute = ((status.messages_in - before.messages) * 60000) / (at - before.at);
    show("messages-rate", texts.rate(number.format(Math.round(perMinute))));
  } else {
    show("messages-rate", texts.sinceStart);
  }
  before = { at, messages: status.messages_in, started: status.started };
}

function showGlance(status) {
  show("hostname", status.hostname || "mailboxd");
  document.title = status.hostname ? `${status.hostname} · mailboxd` : "mailboxd";
  show("version", texts.version(status.version, status.commit));
  show("uptime", duration(status.uptime_seconds));
  show("started", texts.since(dateTime.format(new Date(status.started))));
  show("messages", number.format(status.messages_in));
  showRate(status);
  show("accounts", number.format(status.accounts));
  show("domains", texts.domains(number.format(status.domains)));
  const sessions = Object.entries(status.sessions);
  show("sessions", number.format(sessions.reduce((sum, [, count]) => sum + count, 0)));
  show("sessions-detail", sessions.map(([service, count]) => `${service} ${number.format(count)}`).join(" · "));
  show("lag", milliseconds(status.loop_lag_milliseconds));
  show("lag-worst", texts.lagWorst(milliseconds(status.worst_loop_lag_milliseconds)));
  showDisk(status);
}

function showDisk(status) {
  byId("disk-used").hidden = !status.disk;
  if (!status.disk) {
    show("disk", "–");
    show("disk-label", texts.diskUnknown);
    return;
  }
  // Rounded down: a disk with anything left is not 100 % full.
  const used = status.disk.total_bytes ? Math.floor(100 - (100 * status.disk.free_bytes) / status.disk.total_bytes) / 100 : 0;
  const percent = new Intl.NumberFormat(locale, { style: "percent" }).format(used);
  show("disk", bytes(status.disk.free_bytes));
  byId("disk-used").value = Math.round(used * 100);
  show("disk-label", texts.diskUsed(percent, bytes(status.disk.total_bytes)));
}

function showListeners(status) {
  const rows = status.listeners.map((listener) => {
    const row = document.createElement("tr");
    row.append(
      serviceCell(listener.service),
      cell(listener.endpoint),
      cell(listener.endpoint.startsWith("/") ? texts.localSocket : texts.tlsKinds[listener.tls] ?? listener.tls),
      cell(number.format(listener.connections), "number"),
      cell(number.format(listener.accepted), "number"),
      cell(number.format(listener.refused), "number"),
    );
    return row;
  });
  fill(byId("listener-rows"), rows);
}

function showCertificates(status) {
  const items = status.certificates.map((certificate) => {
    const element = document.createElement("li");
    const names = document.createElement("span");
    names.className = "names";
    names.textContent = certificate.names.join(", ") + (certificate.self_signed ? ` (${texts.selfSigned})` : "");
    const expiry = document.createElement("span");
    const when = date.format(new Date(certificate.not_after));
    const days = Math.floor(certificate.seconds_left / 86400);
    expiry.textContent = certificate.seconds_left > 0 ? texts.expires(when, number.format(days)) : texts.expired(when);
    element.append(names, expiry);
    return element;
  });
  fill(byId("certificate-list"), items.length ? items : [item(texts.noCertificates)]);
}

function showWarnings(status) {
  byId("warnings").hidden = status.warnings.length === 0;
  fill(byId("warning-list"), status.warnings.map(item));
  if (!status.ready) showState("bad", texts.notReady);
  else if (status.warnings.length) showState("warn", texts.readyWithWarnings);
  else showState("good", texts.ready);
}

let readAt = null;
async function refresh() {
  try {
    const response = await fetch("/api/v1/status", { cache: "no-store", signal: AbortSignal.timeout(kRefreshMilliseconds) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const status = await response.json();
    showGlance(status);
    showListeners(status);
    showCertificates(status);
    showWarnings(status);
    readAt = time.format(new Date());
    show("refreshed", texts.refreshed(readAt));
  } catch {
    showState("bad", readAt ? texts.unreachableSince(readAt) : texts.unreachable);
  }
}

async function follow() {
  while (true) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, kRefreshMilliseconds));
  }
}

document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
follow();
