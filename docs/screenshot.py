#!/usr/bin/env python3
"""Takes a picture of a page in headless Chromium (Debian: apt-get install chromium).

  docs/screenshot.py runs/glyphs/report.html report.png --size 1100x1330
  docs/screenshot.py http://localhost:6006/ tensorboard.png --first "localStorage.x = 1" --then "..."

Chromium's own --screenshot takes one when the page is loaded, before anything is used. Here two
scripts run before that: --first, after which the page is loaded anew, and --then. Each may be a
promise. Prints what the last one gives. Needs nothing but Chromium and Python. Some three seconds.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import tempfile
import time


class Browser:
  """Chromium, told what to do in messages of its DevTools protocol over two pipes."""

  def __init__(self, folder):
    mine_in, its_out = os.pipe()
    its_in, mine_out = os.pipe()

    def connect():
      # It reads from descriptor 3 and writes to 4, which one of the pipes may have by chance.
      source, target = os.dup(its_in), os.dup(its_out)
      os.dup2(source, 3)
      os.dup2(target, 4)

    self.process = subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--remote-debugging-pipe", f"--user-data-dir={folder}"],
        preexec_fn=connect, close_fds=False, stderr=subprocess.DEVNULL)
    os.close(its_in)
    os.close(its_out)
    self.input, self.output = os.fdopen(mine_in, "rb"), os.fdopen(mine_out, "wb")
    self.count, self.session = 0, None

  def call(self, method, **parameters):
    """The answer to a call; events in between are passed over."""
    self.count += 1
    message = {"id": self.count, "method": method, "params": parameters}
    if self.session:
      message["sessionId"] = self.session
    self.output.write(json.dumps(message).encode() + b"\0")
    self.output.flush()
    text = bytearray()
    while True:
      byte = self.input.read(1)
      if not byte:
        raise SystemExit("chromium has ended")
      if byte != b"\0":
        text += byte
        continue
      answer = json.loads(text)
      text.clear()
      if answer.get("id") == self.count:
        if "error" in answer:
          raise SystemExit(f"chromium: {method}: {answer['error']['message']}")
        return answer["result"]

  def run(self, script):
    """What a script gives, or its promise."""
    answer = self.call(
        "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
    if "exceptionDetails" in answer:
      raise SystemExit(f"the page: {answer['exceptionDetails']['exception']['description']}")
    return answer["result"].get("value")

  def load(self, address):
    self.call("Page.navigate", url=address)
    while self.run("document.readyState") != "complete":
      time.sleep(0.1)


def main():
  parser = argparse.ArgumentParser(description="Takes a picture of a page in headless Chromium.")
  parser.add_argument("page", help="address, or file")
  parser.add_argument("picture", help="PNG file")
  parser.add_argument("--size", default="1280x1000", help="pixels, width x height (1280x1000)")
  parser.add_argument("--first", help="script; the page is loaded anew behind it")
  parser.add_argument("--then", default="''", help="script before the picture")
  options = parser.parse_args()
  width, height = map(int, options.size.split("x"))
  address = options.page
  if "://" not in address:
    address = pathlib.Path(address).resolve().as_uri()
  with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    browser = Browser(folder)
    try:
      target = browser.call("Target.createTarget", url="about:blank")["targetId"]
      browser.session = browser.call(
          "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
      browser.call(
          "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
          mobile=False)
      browser.load(address)
      if options.first:
        browser.run(options.first)
        browser.load("about:blank")
        browser.load(address)
      print(browser.run(options.then))
      data = browser.call("Page.captureScreenshot", format="png")["data"]
      pathlib.Path(options.picture).write_bytes(base64.b64decode(data))
    finally:
      browser.process.kill()
      browser.process.wait()


if __name__ == "__main__":
  main()
