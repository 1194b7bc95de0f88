/** Chinese words hold no Latin letters but names of formats, of statistics and of the product. */
import { expect, test } from "vitest";

const SOURCES = import.meta.glob(["../**/*.ts", "../**/*.tsx", "!../**/*.test.ts", "!../api/**"], { query: "?raw", import: "default", eager: true }) as Record<string, string>;
const ALLOWED = new Set(
  (
    "Coterie English CSV PNG XLSX Excel Parquet JSON Lines TSV SHA API TGI SQL RFM URL HTTP HTTPS SMTP OIDC ID HTML YAML " +
    "KB MB GB AUC PR NDCG ROI GMV SRM Qini AUUC CUPED gz zst Webhook UpSet IP UTC MAP K L kB pdf MiB GiB d h w m"
  ).split(" "),
);
const HAN = /[\u3400-\u9fff]/;

/** Latin words of a text, but for what is filled in, code in backticks and the names allowed. */
function latin(text: string): string[] {
  const said = text.replaceAll(/\$\{[^}]*\}/g, "").replaceAll(/`[^`]*`/g, "").replaceAll(/\\u[0-9a-fA-F]{4}/g, "");
  return (said.match(/[A-Za-z]+/g) ?? []).filter((word) => !ALLOWED.has(word));
}

test("texts with Chinese in them hold no other words", () => {
  const odd: string[] = [];
  for (const [file, source] of Object.entries(SOURCES)) {
    for (const [literal] of source.matchAll(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)) {
      const inside = literal.slice(1, -1);
      if (HAN.test(inside) && latin(inside).length > 0) odd.push(`${file}: ${inside}`);
    }
  }
  expect(odd).toEqual([]);
});

test("no word stands in English where Chinese is asked for", () => {
  const odd: string[] = [];
  for (const [file, source] of Object.entries(SOURCES)) {
    if (!source.includes("pairs(")) continue;
    for (const [, key, , chinese] of source.matchAll(/^\s*"?([\w.]+)"?: \["((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\]/gm)) {
      if (key !== "languageName" && !HAN.test(chinese ?? "") && latin(chinese ?? "").length > 0) odd.push(`${file}: ${key}: ${chinese}`);
    }
  }
  expect(odd).toEqual([]);
});

test("the check finds what it is to find", () => {
  expect(latin("导出 CSV")).toEqual([]);
  expect(latin("共 ${n} 行")).toEqual([]);
  expect(latin("打开 settings")).toEqual(["settings"]);
});
