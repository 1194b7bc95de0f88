/** The parts of ECharts that charts here are made of. */
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, registerLocale, use } from "echarts/core";
import chinese from "echarts/i18n/langZH-obj.js";
import { SVGRenderer } from "echarts/renderers";
import type { Language } from "../words/pairs";

use([AriaComponent, BarChart, GridComponent, LegendComponent, LineChart, SVGRenderer, TooltipComponent]);
registerLocale("ZH", chinese);

export function start(place: HTMLElement, language: Language) {
  return init(place, null, { renderer: "svg", locale: language === "zh" ? "ZH" : "EN" });
}
