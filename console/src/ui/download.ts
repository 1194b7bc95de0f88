/** Hand a table to the browser, with the mark by which spreadsheets know UTF-8. */
export function saveCsv(name: string, text: string): void {
  download(`${name}.csv`, URL.createObjectURL(new Blob([`\uFEFF${text}`], { type: "text/csv" })));
}

/** Hand a file to the browser. */
export function download(name: string, address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
