"""Looking at a page with a browser: texts of plots that overlap or stick out, and pages wider than the screen."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = """
<script>
window.addEventListener("load", () => {
  const found = {overlaps: [], outside: [], empty: 0, plots: 0, width: document.documentElement.scrollWidth, screen: innerWidth};
  for (const plot of document.querySelectorAll("svg")) {
    found.plots += 1;
    const frame = plot.getBoundingClientRect();
    if (frame.height < 20 || plot.querySelectorAll("path,circle,rect,line").length < 2) found.empty += 1;
    const texts = [...plot.querySelectorAll("text")].filter(t => t.textContent).map(t => [t, t.getBoundingClientRect()]);
    for (const [text, box] of texts)
      if (box.left < frame.left - 1.5 || box.right > frame.right + 1.5 || box.top < frame.top - 1.5 || box.bottom > frame.bottom + 2.5)
        found.outside.push(plot.getAttribute("aria-label") + ": " + text.textContent);
    for (let i = 0; i < texts.length; i++)
      for (let j = 0; j < i; j++) {
        const a = texts[i][1], b = texts[j][1];
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 0.25 * Math.min(a.height, b.height))
          found.overlaps.push(plot.getAttribute("aria-label") + ": " + texts[i][0].textContent + " | " + texts[j][0].textContent);
      }
  }
  const seen = document.createElement("pre");
  seen.id = "found";
  seen.textContent = JSON.stringify(found);
  parent.document.body.append(seen);
});
</script>
"""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


def look(page: str, folder: Path, width: int = 1440) -> dict[str, Any]:
    """What a browser of that width sees of a page; skips where Chromium is not installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed, so the page cannot be looked at")
    file = folder / f"page{width}.html"
    # a window has a least width, a frame in it has none
    inner = html.escape(page.replace("</body>", _SCRIPT + "</body>"), quote=True)
    frame = f'<iframe srcdoc="{inner}" style="border:0;width:{width}px;height:3000px"></iframe>'
    file.write_text(f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frame}</body>', encoding="utf-8")
    command = [browser, *_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},1000", "--dump-dom"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert match, done.stderr[-500:]
    seen: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return seen


def assert_sound(seen: dict[str, Any]) -> None:
    """No text of a plot over another or outside, no empty plot, nothing wider than the screen."""
    assert not seen["overlaps"] and not seen["outside"], seen
    assert seen["plots"] and not seen["empty"]
    assert seen["width"] <= seen["screen"] + 1, seen
