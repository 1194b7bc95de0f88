/** HTML that may be shown in a sandboxed frame under the console's policy: no script, no form, nothing fetched. */

const GONE = "script, link, meta, base, iframe, frame, object, embed, applet, video, audio, source";
const FETCHED = /url\(\s*(?!['"]?(?:data:|#))[^)]*\)|@import[^;]*;?/gi;

/**
 * The page without what would run or fetch, and how many images were left out.
 *
 * Style sheets get the page's nonce, without which the policy refuses them; a reader's machine tells nobody that a
 * preview was opened, since images from elsewhere become their text.
 */
export function safePage(html: string, nonce: string): { html: string; left: number } {
  // the policy judges style sheets while they are parsed, so the nonce has to stand there before; of two the first counts
  const page = new DOMParser().parseFromString(html.replaceAll(/<style\b/gi, `<style nonce="${nonce}"`), "text/html");
  for (const found of page.querySelectorAll(GONE)) found.remove();
  let left = 0;
  for (const found of page.querySelectorAll("*")) {
    for (const { name, value } of [...found.attributes]) {
      if (name.startsWith("on") || name === "srcset" || name === "background" || name === "ping") found.removeAttribute(name);
      else if (name === "style") found.setAttribute(name, value.replaceAll(FETCHED, "none"));
      else if (["href", "action", "src", "xlink:href"].includes(name) && /^\s*(javascript|vbscript):/i.test(value)) found.removeAttribute(name);
    }
  }
  for (const image of page.querySelectorAll("img")) {
    if (/^data:image\//i.test(image.getAttribute("src") ?? "")) continue;
    left += 1;
    const said = page.createElement("span");
    said.textContent = image.getAttribute("alt") ?? "";
    said.setAttribute("style", "display:inline-block;padding:8px 12px;border:1px dashed #999;color:#555;font-size:12px");
    image.replaceWith(said);
  }
  for (const sheet of page.querySelectorAll("style")) {
    sheet.textContent = (sheet.textContent ?? "").replaceAll(FETCHED, "none");
    sheet.setAttribute("nonce", nonce);
  }
  if (page.body.getAttribute("style") === null) page.body.setAttribute("style", "margin:14px;font-family:sans-serif;font-size:14px;line-height:1.5");
  return { html: `<!doctype html>${page.documentElement.outerHTML}`, left };
}
