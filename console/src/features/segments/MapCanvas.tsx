/** The canvas of the map: what the pointer, the wheel and the keys do, and when it is drawn. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useApp } from "../../app/context";
import { TONES } from "../../app/theme";
import type { Corners, MapFacts, Tool } from "./MapTab";
import { type Cloud, colourOf, type Look, opacity, pixelOf, placeAt, Points, thinned, whole, zoomed } from "./points";

interface Props {
  cloud: Cloud;
  facts: MapFacts;
  /** By group: in none first. */
  colours: string[];
  hidden: ReadonlySet<number>;
  tool: Tool;
  corners: Corners | null;
  description: string;
  fallback: ReactNode;
  onOutline: (corners: Corners) => void;
  /** What a button asked for; `done` says that it was. */
  wanted: { factor: number } | "whole" | "view" | "picture" | null;
  done: () => void;
  onView: (look: Look, width: number, height: number) => void;
  pictureName: string;
}

const HEIGHT = 560;
const STEP = 60;

export function MapCanvas(props: Props) {
  const { cloud, facts, colours, hidden, tool, corners, wanted, done, onOutline, onView, pictureName } = props;
  const { mode } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const points = useRef<Points | null>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [look, setLook] = useState<Look | null>(null);
  const [missing, setMissing] = useState(false);
  const [line, setLine] = useState<[number, number][]>([]);
  const [width, height] = size;

  useLayoutEffect(() => {
    const place = box.current;
    if (place === null) return;
    const watch = new ResizeObserver(() => setSize([place.clientWidth, place.clientHeight]));
    watch.observe(place);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current === null) return;
    const begun = performance.now();
    const made = Points.on(canvas.current, cloud);
    if (made === null) {
      setMissing(true);
      return;
    }
    points.current = made;
    canvas.current.dataset.madeMs = String(Math.round(performance.now() - begun));
    return () => {
      points.current = null;
      made.free();
    };
  }, [cloud]);
  const seen = look ?? (width > 0 ? whole(facts.bounds, width, height) : null);
  const draw = useCallback(() => {
    if (points.current === null || canvas.current === null || seen === null || width === 0) return;
    const begun = performance.now();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const wide = Math.round(width * ratio);
    const tall = Math.round(height * ratio);
    if (canvas.current.width !== wide || canvas.current.height !== tall) Object.assign(canvas.current, { width: wide, height: tall });
    const alpha = opacity(cloud.count);
    const shown = colours.map((hex, group) => colourOf(hex, hidden.has(group === 0 ? 0 : (facts.ids[group - 1] ?? -1)) ? 0 : alpha));
    points.current.draw(seen, shown, colourOf(TONES[mode].card, 1), ratio);
    const first = canvas.current.dataset.drawn !== "true";
    if (first) points.current.finish();
    canvas.current.dataset.drawn = "true";
    if (first) canvas.current.dataset.drawMs = String(Math.round(performance.now() - begun));
  }, [seen?.x, seen?.y, seen?.scale, width, height, cloud, colours, hidden, facts.ids, mode]);
  useEffect(() => {
    const frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [draw]);
  const zoom = useCallback(
    (factor: number, px: number, py: number) => setLook((before) => zoomed(before ?? whole(facts.bounds, width, height), factor, width, height, px, py)),
    [facts.bounds, width, height],
  );
  useEffect(() => {
    const place = box.current;
    if (place === null) return;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const frame = place.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 400), event.clientX - frame.left, event.clientY - frame.top);
    };
    place.addEventListener("wheel", turn, { passive: false });
    return () => place.removeEventListener("wheel", turn);
  }, [zoom]);
  useEffect(() => {
    if (wanted === null) return;
    if (wanted === "whole") setLook(null);
    else if (wanted === "view" && seen !== null) onView(seen, width, height);
    else if (wanted === "picture" && canvas.current !== null) savePicture(canvas.current, pictureName);
    else if (typeof wanted === "object") zoom(wanted.factor, width / 2, height / 2);
    done();
  }, [wanted, done, zoom, seen, onView, pictureName, width, height]);

  const held = useRef<{ x: number; y: number } | null>(null);
  const at = (event: PointerEvent<HTMLElement>): [number, number] => {
    const frame = event.currentTarget.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const down = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const [x, y] = at(event);
    held.current = { x, y };
    if (tool === "outline") setLine([[x, y]]);
  };
  const moved = (event: PointerEvent<HTMLElement>) => {
    if (held.current === null || seen === null) return;
    const [x, y] = at(event);
    if (tool === "outline") {
      setLine((before) => [...before, [x, y]]);
      return;
    }
    const [dx, dy] = [x - held.current.x, y - held.current.y];
    held.current = { x, y };
    setLook({ ...seen, x: seen.x - dx / seen.scale, y: seen.y + dy / seen.scale });
  };
  const up = () => {
    held.current = null;
    if (tool === "outline" && line.length > 3 && seen !== null) onOutline(thinned(line).map(([x, y]) => placeAt(seen, width, height, x, y)));
    setLine([]);
  };
  const pressed = (event: KeyboardEvent) => {
    if (seen === null) return;
    const ways: Record<string, [number, number]> = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const way = ways[event.key];
    if (way !== undefined) setLook({ ...seen, x: seen.x + way[0] / seen.scale, y: seen.y + way[1] / seen.scale });
    else if (event.key === "+" || event.key === "=") zoom(1.25, width / 2, height / 2);
    else if (event.key === "-") zoom(0.8, width / 2, height / 2);
    else if (event.key === "0") setLook(null);
    else return;
    event.preventDefault();
  };
  const outline = seen === null || corners === null ? [] : corners.map(([x, y]) => pixelOf(seen, width, height, x, y));
  const drawn = line.length > 0 ? line : outline;
  if (missing) return props.fallback;
  return (
    <div
      ref={box}
      className={`map-box map-${tool}`}
      style={{ height: HEIGHT }}
      role="application"
      tabIndex={0}
      aria-label={props.description}
      onPointerDown={down}
      onPointerMove={moved}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={pressed}
    >
      <canvas ref={canvas} aria-hidden="true" data-points={cloud.count} />
      <svg className="map-over" width={width} height={height} aria-hidden="true">
        {drawn.length > 1 && <polygon points={drawn.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")} />}
      </svg>
      {seen !== null &&
        facts.ids
          .filter((id) => !hidden.has(id))
          .map((id) => {
            const middle = facts.middles[String(id)];
            if (middle === undefined) return null;
            const [x, y] = pixelOf(seen, width, height, middle[0], middle[1]);
            if (x < 0 || y < 0 || x > width || y > height) return null;
            return (
              <span key={id} className="map-label" aria-hidden="true" style={{ left: x, top: y }}>
                {id}
              </span>
            );
          })}
    </div>
  );
}

function savePicture(canvas: HTMLCanvasElement, name: string): void {
  const link = document.createElement("a");
  link.href = canvas.toDataURL("image/png");
  link.download = name;
  link.click();
}
