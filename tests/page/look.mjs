// Looks at the page as people do: by eye (screenshots), by keyboard, with a search, and with a server that lies.
// look.mjs URL DIGEST FOLDER
import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(`${process.env.NODE_PATH}/`)("playwright-core");
const [url, digest, folder] = process.argv.slice(2);
let number = 0, failed = 0;
function check(good, what, found) {
  number += 1;
  failed += good ? 0 : 1;
  console.log(good ? `ok ${number} - ${what}` : `not ok ${number} - ${what}: ${JSON.stringify(found)}`);
}

const browser = await chromium.launch({
  executablePath: process.env.BROWSER,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
const page = await context.newPage();
const complaints = [], asked = [];
page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => asked.push(request.url()));
const status = () => page.locator("#status").textContent();
const settled = () => page.waitForFunction(() => document.getElementById("status").textContent !== "Loading…");
async function go(hash) {
  await page.goto("about:blank");
  await page.goto(`${url}/${hash}`);
  await settled();
}
// What is indexed a moment after it was logged.
for (let tries = 0; tries < 100; tries += 1) {
  const log = await (await fetch(`${url}/page/log`)).json();
  if (log.searched === log.size) break;
  await new Promise((done) => setTimeout(done, 100));
}

const answer = await page.goto(url);
await settled();
const policy = answer.headers()["content-security-policy"];
check(policy.startsWith("default-src 'none'") && !policy.includes("unsafe"), "the policy of the page's content is strict", policy);
check(await page.locator("#size").textContent() === "32", "the log's size", await page.locator("#size").textContent());
const head = await page.locator("#checked").textContent();
check(head === "signature checked by this browser", "the checkpoint's signature is checked", head);
check(await page.locator("tbody tr").count() === 25, "25 entries", await page.locator("tbody tr").count());
await page.screenshot({ path: join(folder, "newest.png") });

await page.locator("a.more").click();
await page.waitForFunction(() => document.getElementById("status").textContent === "Entries before 7");
check(await page.locator("tbody tr").count() === 7, "older entries", await page.locator("tbody tr").count());

// By keyboard alone: search, and open what was found.
await go("");
await page.keyboard.press("Tab");
check(await page.evaluate(() => document.activeElement.className) === "skip", "the first stop skips to the entries");
for (const _ of [1, 2]) await page.keyboard.press("Tab");
check(await page.evaluate(() => document.activeElement.id) === "q", "then the title, then the search");
await page.keyboard.type(digest);
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.getElementById("status").textContent.startsWith("Found"));
check(await status() === "Found: 1", "found by digest", await status());
const found = await page.locator("tbody tr td:nth-child(2)").textContent();
check(found === "me@example.com", "what was found", found);
await page.keyboard.press("Tab");
for (let stops = 0; stops < 8; stops += 1) {
  if (await page.evaluate(() => document.activeElement.getAttribute("href")) === "#entry/30") break;
  await page.keyboard.press("Tab");
}
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.getElementById("status").textContent === "Entry 30");
const verdict = await page.locator(".verdict").innerText();
check(verdict.includes("this browser recomputed its root") && verdict.includes("signed by the log's key"), "its proof is checked", verdict);
check(await page.locator(".verdict.good").count() === 1, "and the verdict is good");
await page.screenshot({ path: join(folder, "entry.png"), fullPage: true });

for (const [text, count] of [["me@example.com", "1"], ["https://github.com/acme/app", "the newest 25"],
  ["https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.7.0", "1"]]) {
  await go(`#search/${encodeURIComponent(text)}`);
  check(await status() === `Found: ${count}`, `found by ${text}`, await status());
}
await go("#search/nobody%40example.com");
check((await status()).startsWith("Nothing in the log says exactly this"), "what is not there is not found", await status());
await go("#entry/99999");
check((await status()).endsWith("no such entry") , "an entry that is not there", await status());

// A name that is markup is text.
await go("");
const images = await page.locator("img").count();
const title = await page.title();
check(images === 0 && title.includes("transparency log"), "a name cannot be markup", { images, title });
check((await page.locator("tbody tr").first().textContent()).includes("<img/src=x/onerror="), "it is shown as it is");

// A server that lies about an entry, a proof, a checkpoint.
const lie = async (change, wanted, what) => {
  await page.route("**/page/entry/*", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    change(json);
    await route.fulfill({ response, json });
  });
  await go("#entry/3");
  const shown = await page.locator(".verdict.bad").innerText();
  check(shown.includes(wanted), what, shown);
  await page.unroute("**/page/entry/*");
};
const root = "The proof does not lead to the checkpoint's root";
await lie((entry) => { entry.body = btoa(`${atob(entry.body)} `); }, root, "another entry under the same proof");
await lie((entry) => { entry.proof[0] = "00".repeat(32); }, root, "another proof");
await lie((entry) => { entry.index = 4; }, root, "another index");
await lie((entry) => { entry.checkpoint = entry.checkpoint.replace("\n32\n", "\n33\n"); }, root, "another size");
await lie((entry) => { entry.key = entry.key.slice(0, -8) + "AAAAAAA="; }, "signature does not verify", "another key");

const elsewhere = asked.filter((asked) => !asked.startsWith(`${url}/`) && asked !== "about:blank");
check(elsewhere.length === 0, "nothing is asked of another host", elsewhere);
const refusals = complaints.filter((text) => !text.includes("404"));
check(refusals.length === 0, "the browser has nothing to complain of", refusals);

const dark = await browser.newContext({ viewport: { width: 420, height: 800 }, colorScheme: "dark" });
const small = await dark.newPage();
await small.goto(`${url}/#search/me%40example.com`);
await small.waitForFunction(() => document.getElementById("status").textContent.startsWith("Found"));
const ground = await small.evaluate(() => getComputedStyle(document.body).backgroundColor);
check(ground === "rgb(20, 22, 26)", "dark where dark is wanted", ground);
const wide = await small.evaluate(() => document.documentElement.scrollWidth);
check(wide <= 420, "a narrow window is not scrolled sideways", wide);
const hidden = await small.evaluate(() => {
  const table = document.querySelector(".table");
  return table.scrollWidth - table.clientWidth;
});
check(hidden === 0, "nor is the table in it", hidden);
await small.screenshot({ path: join(folder, "dark.png") });
await browser.close();
console.log(`${number} checks, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
