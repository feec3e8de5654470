"use strict";
// What a log says is text and never markup: elements are made by hand, and strings become text nodes.

const $ = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.message || `the log answered ${answer.status}`);
  return json;
}

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const unhex = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

async function sha256(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

const node = (left, right) => sha256(Uint8Array.of(1), left, right);

// RFC 6962 section 2.1.1, as RFC 9162 section 2.1.3.2 verifies it. Indexes stay below 2^53.
async function rootOf(leaf, index, size, proof) {
  let fn = index, sn = size - 1, hash = leaf;
  for (const sibling of proof) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      hash = await node(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else {
      hash = await node(hash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? hash : null;
}

// C2SP signed-note and tlog-checkpoint.
function readNote(note) {
  const end = note.indexOf("\n\n") + 1;
  const [origin, size, root] = note.slice(0, end).split("\n");
  const signatures = note.slice(end + 1).split("\n").filter((line) => line.startsWith("— "));
  return { text: note.slice(0, end), origin, size: Number(size), root: bytes(root), signatures };
}

// Whether the log's key signed the note: true, false, or null where the browser cannot tell.
async function isSigned(note, spki) {
  try {
    const key = await crypto.subtle.importKey("spki", bytes(spki), { name: "Ed25519" }, false, ["verify"]);
    for (const line of note.signatures) {
      const [, name, signature] = line.split(" ");
      const raw = bytes(signature);
      const text = new TextEncoder().encode(note.text);
      if (name === note.origin && await crypto.subtle.verify("Ed25519", key, raw.slice(4), text)) return true;
    }
    return false;
  } catch (error) {
    return error.name === "NotSupportedError" ? null : false;
  }
}

function say(text, bad) {
  $("status").textContent = text;
  $("status").className = bad ? "bad" : "";
}

function verdict(good, ...lines) {
  const kind = good ? "good" : "bad";
  return element("div", { class: `verdict ${kind}` }, ...lines.map((line) => element("p", {}, line)));
}

async function showHead(log) {
  $("origin").textContent = log.origin;
  $("size").textContent = log.size.toLocaleString();
  document.title = `${log.origin} · transparency log`;
  if (!window.isSecureContext) {
    $("checked").textContent = "not checked: a browser checks on https and on this machine only";
    return;
  }
  const signed = await isSigned(readNote(log.checkpoint), log.key);
  $("checked").textContent = signed === null ? "not checked: this browser lacks Ed25519"
    : signed ? "signature checked by this browser" : "its signature does not verify";
}

const short = (digest) => digest.length > 24 ? `${digest.slice(0, 19)}…` : digest;
const spaced = (time) => time.replace("T", " ").replace("Z", " UTC");

function table(entries) {
  const row = (entry) => element("tr", {},
    element("td", { class: "number" }, element("a", { href: `#entry/${entry.index}` }, String(entry.index))),
    element("td", { class: "name" }, entry.identity || entry.keyDetails || entry.kind),
    element("td", { class: "digest" }, element("code", { title: entry.digest || "" }, short(entry.digest || ""))),
    element("td", { class: "number" }, entry.certificate ? spaced(entry.certificate.notBefore) : ""));
  const head = [["Entry", ""], ["Signed by", "name"], ["Digest", "digest"], ["Certificate from", "number"]];
  const titles = element("tr", {}, ...head.map(([title, kind]) => element("th", { scope: "col", class: kind }, title)));
  return element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Entries" },
    element("table", {}, element("thead", {}, titles), element("tbody", {}, ...entries.map(row))));
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value);
  return element("dl", { class: "facts" },
    ...shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

async function showNewest(before) {
  const log = await ask(before ? `/page/log?before=${before}` : "/page/log");
  await showHead(log);
  if (log.entries.length === 0) return say(log.size === 0 ? "The log is empty." : "Nothing before that.");
  say(before ? `Entries before ${before}` : "Newest entries");
  const last = log.entries[log.entries.length - 1].index;
  const more = last > 0 ? [element("a", { class: "more", href: `#before/${last}` }, "Older entries")] : [];
  $("view").replaceChildren(table(log.entries), ...more);
}

async function showFound(text) {
  $("q").value = text;
  const found = await ask(`/page/search?q=${encodeURIComponent(text)}`);
  const behind = found.size > found.searched ? ` (${found.size - found.searched} newer entries are not indexed yet)` : "";
  const many = found.entries.length === 25 ? "the newest 25" : String(found.entries.length);
  say(found.entries.length ? `Found: ${many}${behind}` : `Nothing in the log says exactly this${behind}.`);
  if (found.entries.length) $("view").replaceChildren(table(found.entries));
}

async function checkEntry(entry) {
  if (!window.isSecureContext) return verdict(false, "Not checked: a browser checks on https and on this machine only.");
  const note = readNote(entry.checkpoint);
  const leaf = await sha256(Uint8Array.of(0), bytes(entry.body));
  const root = await rootOf(leaf, entry.index, note.size, entry.proof.map(unhex));
  if (!root || !same(root, note.root)) return verdict(false, "The proof does not lead to the checkpoint's root.");
  const signed = await isSigned(note, entry.key);
  const included = `Included in the tree of ${note.size.toLocaleString()} entries: this browser recomputed its root.`;
  if (signed === false) return verdict(false, included, "But the checkpoint's signature does not verify.");
  return verdict(true, included, signed ? "The checkpoint is signed by the log's key."
    : "The checkpoint's signature was not checked: this browser lacks Ed25519.",
    "The key came from this server: verify the artifact itself with your own trusted root.");
}

async function showEntry(index) {
  const entry = await ask(`/page/entry/${index}`);
  say(`Entry ${entry.index}`);
  const certificate = entry.certificate;
  const claims = certificate ? certificate.claims.map(([name, , value]) => [name, value]) : [];
  $("view").replaceChildren(
    await checkEntry(entry),
    element("h2", {}, "What was signed, by whom"),
    facts([["Digest", element("code", {}, entry.digest || "")], ["Identity", entry.identity],
      ["Key", entry.keyDetails], ["Kind", entry.kind]]),
    ...(certificate ? [
      element("h2", {}, "Certificate"),
      facts([["Valid from", certificate.notBefore], ["Valid to", certificate.notAfter],
        ["Serial number", element("code", {}, certificate.serial)], ...claims]),
      element("pre", { tabindex: "0", "aria-label": "Certificate in PEM" }, certificate.pem),
    ] : []),
    element("h2", {}, "Checkpoint"),
    element("pre", { tabindex: "0", "aria-label": "Checkpoint" }, entry.checkpoint));
}

async function show() {
  const [, kind, rest] = location.hash.match(/^#(entry|before|search)\/(.+)$/) || [];
  $("view").replaceChildren();
  say("Loading…");
  try {
    if (kind !== "before" && kind !== undefined) await ask("/page/log?before=0").then(showHead);
    if (kind === "entry") await showEntry(encodeURIComponent(rest));
    else if (kind === "search") await showFound(decodeURIComponent(rest));
    else await showNewest(kind === "before" ? encodeURIComponent(rest) : null);
  } catch (error) {
    say(`The log could not be asked: ${error.message}`, true);
  }
  if (kind) $("main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("q").value.trim();
  location.hash = text ? `#search/${encodeURIComponent(text)}` : "";
});
addEventListener("hashchange", show);
show();
