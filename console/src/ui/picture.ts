/** The page as a picture: what is seen is drawn once more inside an SVG, with all its styles, and painted on a canvas. */

const SCALE = 2;
const LEFT_OUT = "button, .page-actions, .page-above, .chart-tools, .ant-tabs-nav, .toolbar";

/** All rules that the page is styled by, as one text; rules of `:root` hold for the wrapper. */
function styles(): string {
  const texts: string[] = [];
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) if (!rule.cssText.startsWith("@font-face")) texts.push(rule.cssText);
  }
  return texts.join("\n").replaceAll(":root", ".picture-root").replaceAll(/(^|[\s,}])html(?=[[.\s,{])/g, "$1.picture-root");
}

/** The element inside copies of what surrounds it, since styles name these. */
function wrapped(inside: HTMLElement, original: HTMLElement): HTMLElement {
  let outer = inside;
  for (let around = original.parentElement; around !== null && around !== document.documentElement; around = around.parentElement) {
    const copy = document.createElement("div");
    copy.className = around.className;
    copy.append(outer);
    outer = copy;
  }
  const root = document.createElement("div");
  root.className = `picture-root ${document.documentElement.className}`;
  for (const name of document.documentElement.getAttributeNames()) {
    if (name.startsWith("data-")) root.setAttribute(name, document.documentElement.getAttribute(name) ?? "");
  }
  const drawn = getComputedStyle(document.body);
  root.style.cssText = `font: ${drawn.font}; color: ${drawn.color}; background: ${drawn.backgroundColor}; ${document.documentElement.style.cssText}`;
  root.append(outer);
  return root;
}

function imageOf(address: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("The picture cannot be drawn."));
    image.src = address;
  });
}

/** A PNG of an element, without what is there to be pressed. */
export async function pictureOf(original: HTMLElement): Promise<string> {
  const { width } = original.getBoundingClientRect();
  const copy = original.cloneNode(true) as HTMLElement;
  for (const part of copy.querySelectorAll(LEFT_OUT)) part.remove();
  copy.style.width = `${width}px`;
  const probe = original.getBoundingClientRect().height;
  const root = wrapped(copy, original);
  root.style.padding = "24px";
  root.style.boxSizing = "content-box";
  root.style.width = `${width}px`;
  const sheet = document.createElement("style");
  sheet.textContent = `${styles()}\n.picture-root * { animation: none !important; transition: none !important; }`;
  root.prepend(sheet);
  root.setAttribute("xmlns", "http://www.w3.org/1999/xhtml");
  const [w, h] = [Math.ceil(width + 48), Math.ceil(probe + 48)];
  const inside = new XMLSerializer().serializeToString(root);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}"><foreignObject width="100%" height="100%">${inside}</foreignObject></svg>`;
  const image = await imageOf(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w * SCALE, h * SCALE];
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("The picture cannot be drawn.");
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(SCALE, SCALE);
  pen.drawImage(image, 0, 0);
  return canvas.toDataURL("image/png");
}
