"""A person at a terminal with a browser: person.py WHAT COMMAND...

Runs COMMAND at a pseudo-terminal, reads the page that it names, presses the provider's forms as `signer`, and brings
back the answer. WHAT is `sign-in`, or what goes wrong: `deny`, `another-state`, `replay`, `nobody-listens`.
Prints what the terminal showed; exits as COMMAND did.
"""
import html
import http.cookiejar
import os
import pty
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

WHAT, COMMAND = sys.argv[1], sys.argv[2:]


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    def __init__(self):
        jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=None))
        self.opener = urllib.request.build_opener(Stay, urllib.request.HTTPCookieProcessor(jar))

    def go(self, url, form=None):
        """Follows redirects on the provider's host; gives (page, url), or (None, where else it leads)."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        host = urllib.parse.urlsplit(url).netloc
        try:
            with self.opener.open(urllib.request.Request(url, data), timeout=10) as answer:
                return answer.read().decode(), url
        except urllib.error.HTTPError as error:
            place = error.headers.get("location")
            if error.code not in (301, 302, 303, 307) or not place:
                raise SystemExit(f"{url}: {error.code} {error.read().decode()[:400]}")
        place = urllib.parse.urljoin(url, place)
        if urllib.parse.urlsplit(place).netloc != host:
            return None, place
        return self.go(place)

    def press(self, url, code=None):
        """Presses each form until the page is the last one, or leads elsewhere."""
        page, place = self.go(url)
        for _ in range(6):
            if page is None:
                return None, place
            forms = re.findall(r"<form.*?</form>", page, re.S)
            if WHAT == "deny":
                abort = re.search(r'href="([^"]*/abort)"', page)
                if abort:
                    page, place = self.go(urllib.parse.urljoin(place, html.unescape(abort.group(1))))
                    continue
                forms = [form for form in forms if 'value="yes"' in form or "abort" in form] or forms
            if not forms:
                return page, place
            form = forms[0]
            action = html.unescape(re.search(r'action="([^"]*)"', form).group(1))
            fields = {}
            for field in re.findall(r"<(?:input|button)[^>]*>", form):
                name = re.search(r'name="([^"]*)"', field)
                value = re.search(r'value="([^"]*)"', field)
                if name:
                    fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
            if "login" in fields:
                fields.update(login="signer", password="any")
            if "user_code" in fields and code:
                fields["user_code"] = code
            if "abort" in fields and WHAT != "deny":
                del fields["abort"]
            page, place = self.go(urllib.parse.urljoin(place, action), fields)
        raise SystemExit("the forms do not end")


def bring(place, terminal):
    parts = urllib.parse.urlsplit(place)
    query = urllib.parse.parse_qs(parts.query)
    if parts.scheme == "urn":
        os.write(terminal, (query["code"][0] + "\n").encode())
        return
    if WHAT == "another-state":
        query["state"] = ["guessed"]
    if WHAT == "replay":
        issuer = query["iss"][0]
        form = {"grant_type": "authorization_code", "code": query["code"][0], "client_id": "sigstore",
                "redirect_uri": f"http://{parts.netloc}/auth/callback", "code_verifier": "a" * 43}
        try:
            urllib.request.urlopen(f"{issuer}/token", urllib.parse.urlencode(form).encode(), timeout=10)
        except urllib.error.HTTPError:
            pass
    url = place.split("?")[0] + "?" + urllib.parse.urlencode(query, doseq=True)
    try:
        urllib.request.urlopen(url, timeout=10).read()
    except urllib.error.HTTPError:
        pass


def act(text, terminal, done):
    page = re.search(r"^\s*(http://127\.0\.0\.1:\d+/auth\?\S+)\s", text, re.M)
    if page and "page" not in done and ("oob" not in page.group(1) or "The code" in text):
        done.add("page")
        _, place = Browser().press(page.group(1))
        bring(place, terminal)
    device = re.search(r"(http://127\.0\.0\.1:\d+/device)\s.*confirm the code (\S+)", text, re.S)
    if device and "device" not in done:
        done.add("device")
        Browser().press(device.group(1), device.group(2))


def main():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], COMMAND)
    text, done = "", set()
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece.decode(errors="replace").replace("\r\n", "\n")
        act(text, terminal, done)
    print(text)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
