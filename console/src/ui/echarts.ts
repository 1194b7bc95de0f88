/** The parts of ECharts that charts here are made of. */
import { BarChart, CustomChart, LineChart, SankeyChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, registerLocale, use } from "echarts/core";
import chinese from "echarts/i18n/langZH-obj.js";
import { SVGRenderer } from "echarts/renderers";
import type { Language } from "../words/pairs";

use([AriaComponent, BarChart, CustomChart, GridComponent, LegendComponent, LineChart, MarkLineComponent, SankeyChart, SVGRenderer, TooltipComponent]);
registerLocale("ZH", chinese);

export function start(place: HTMLElement, language: Language) {
  return init(place, null, { renderer: "svg", locale: language === "zh" ? "ZH" : "EN" });
}
