"use strict";
// Each chart stands above a table with the same figures. The tooltip is drawn on the canvas, since the content
// security policy allows no inline style.
for (const place of document.querySelectorAll(".chart")) {
  const said = JSON.parse(document.getElementById(place.dataset.from).textContent);
  const locale = document.documentElement.lang.startsWith("zh") ? "ZH" : "EN";
  const chart = echarts.init(place, null, { locale, renderer: "canvas" });
  const counts = said.series.some((series) => series.type === "line");
  chart.setOption({
    aria: { enabled: true },
    animation: false,
    title: { text: said.title, textStyle: { fontSize: 15 } },
    legend: { right: 0, top: 0 },
    tooltip: { trigger: "axis", renderMode: "richText" },
    grid: { left: 70, right: 60, top: 48, bottom: 28 },
    xAxis: { type: "category", data: said.months },
    yAxis: counts ? [{ type: "value" }, { type: "value", splitLine: { show: false } }] : [{ type: "value" }],
    series: said.series.map((series) => ({
      ...series,
      data: series.data.map(Number),
      yAxisIndex: series.type === "line" ? 1 : 0,
    })),
  });
  window.addEventListener("resize", () => chart.resize());
}
