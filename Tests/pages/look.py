#!/usr/bin/env python3
"""Looks at a page of `wgangp-dist report` in headless Chromium (Debian: apt-get install chromium).

  Tests/pages/look.py runs/glyphs/report.html /tmp/shots

Writes a picture for each of two widths (400 and 1280 pixels), light and dark, and without scripts,
for somebody to look at, and then uses the page: the arrow keys on a curve, the slider of samples,
a column of the list of runs. Prints what was found; the status is 1 where something does not work.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

CHROMIUM = [
    "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--virtual-time-budget=3000",
]

# Uses the page as a reader would, and leaves what it saw in the document's title.
USE = """
<script>
addEventListener("load", () => {
  const found = [];
  const key = (element, name) =>
    element.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const curve = document.querySelector(".curve");
  if (curve) {
    key(curve, "Home");
    const first = curve.querySelector(".readout").textContent;
    key(curve, "ArrowRight");
    const second = curve.querySelector(".readout").textContent;
    found.push("curve=" + (/^iteration \\d+:.*\\d/.test(first) && first !== second));
    found.push("cursor=" + (document.querySelectorAll(".curve svg line").length > 0));
  }
  const slider = document.querySelector(".slider input");
  if (slider) {
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
    const frames = [...slider.closest(".frames").querySelectorAll(".frame")];
    found.push("slider=" + (!frames[0].hidden && frames.slice(1).every(frame => frame.hidden)));
  }
  const heads = document.querySelectorAll(".sortable thead th");
  if (heads.length) {
    const column = [...heads].findIndex(head => head.classList.contains("right"));
    const button = heads[column].querySelector("button");
    button.click();
    button.click();
    const rows = [...heads[0].closest("table").tBodies[0].rows];
    const values = rows.map(row => Number(row.cells[column].dataset.value));
    found.push("sorted=" + values.every((value, i) => i === 0 || values[i - 1] >= value));
  }
  const wide = document.documentElement.scrollWidth <= innerWidth + 1;
  found.push("fits=" + wide);
  document.title = "FOUND " + found.join(" ");
});
</script>
"""


def chromium(*words):
  return subprocess.run([*CHROMIUM, *words], capture_output=True, text=True, timeout=600)


def main():
  page = pathlib.Path(sys.argv[1]).resolve()
  folder = pathlib.Path(sys.argv[2]).resolve()
  folder.mkdir(parents=True, exist_ok=True)
  text = page.read_text()
  if re.search(r"https?://", text):
    sys.exit(f"{page}: has an address in it")
  failed = False
  with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)

    def variant(name, change):
      path = scratch / f"{name}.html"
      path.write_text(change)
      return path

    plain = variant("plain", text)
    bare = variant(
        "bare", text.replace(
            "<head>", "<head><meta http-equiv=\"Content-Security-Policy\" "
            "content=\"script-src 'none'\">", 1))
    used = variant("used", text.replace("</body>", USE + "</body>"))
    for source, name in [(plain, "page"), (bare, "no-script")]:
      for width in [400, 1280]:
        # A window is 500 pixels wide at least: a narrow one is a frame in it.
        frame = variant(
            f"{source.stem}-{width}", f"<body style='margin:0'><iframe src='{source.name}' "
            f"style='width:{width}px;height:3000px;border:0'></iframe>")
        for scheme, number in [("light", 1), ("dark", 0)]:
          picture = folder / f"{name}-{width}-{scheme}.png"
          chromium(
              f"--window-size={max(500, width)},3000",
              f"--blink-settings=preferredColorScheme={number}", f"--screenshot={picture}",
              frame.as_uri())
          print(picture if picture.exists() else f"{picture}: NOT MADE")
          failed = failed or not picture.exists()
    for width in [500, 1280]:
      dom = chromium(f"--window-size={width},900", "--dump-dom", used.as_uri()).stdout
      found = re.search(r"<title>FOUND ([^<]*)</title>", dom)
      print(f"{width} pixels: {found.group(1) if found else 'nothing'}")
      failed = failed or not found or "false" in found.group(1)
  sys.exit(1 if failed else 0)


if __name__ == "__main__":
  main()
