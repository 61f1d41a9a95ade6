// Lines, points and bars.

const axisText = (axis, value) =>
  axis.categories.length ? axis.categories[value] ?? String(value) : valueWithUnit(value, axis.unit);

const seriesName = (series) => (series.origin ? `${series.name} (${series.origin})` : series.name);

// Whole sentences of the marks: what the pointer shows.
function hoverTexts(chart, series) {
  return series.y.map((y, i) => {
    const spread = series.low && series.low[i] !== null ? ` [${formatNumber(series.low[i])} to ${formatNumber(series.high[i])}]` : "";
    return plain(seriesName(series)) + `<br>${plain(axisText(chart.x, series.x[i]))}: ` +
           plain(axisText(chart.y, y) + spread);
  });
}

function errorBars(series, colour) {
  if (!series.low) return undefined;
  const difference = (bounds, sign) => series.y.map((y, i) => (bounds[i] === null || y === null ? 0 : Math.max(0, sign * (bounds[i] - y))));
  return {type: "data", symmetric: false, array: difference(series.high, 1), arrayminus: difference(series.low, -1),
          color: colour, thickness: 1.2, width: 3};
}

function barTrace(series, colour, colours) {
  const shape = origins[series.origin]?.pattern ?? "";
  return {type: "bar", marker: {
    color: colour, line: {color: colour, width: 1},
    pattern: {shape, bgcolor: colours.surface, fgcolor: colour, size: 7, solidity: 0.45, fillmode: "overlay"},
  }};
}

function lineTrace(chart, series, colour) {
  const style = origins[series.origin] ?? origins.measured;
  return {type: "scatter", mode: chart.mark === "points" ? "markers" : "lines+markers", connectgaps: false,
          line: {color: colour, width: 2, dash: style.dash},
          marker: {color: colour, symbol: style.symbol, size: series.x.length > 60 ? 4 : 7, line: {width: 1.5, color: colour}}};
}

// Series of one name in two origins share a colour: the dash and the shape tell them apart.
function seriesColours(chart, colours) {
  const names = [...new Set(chart.series.map((series) => series.name))];
  return chart.series.map((series) => colours.series[names.indexOf(series.name) % colours.series.length]);
}

function chartFigure(chart, colours, width) {
  const bars = chart.mark === "bars" || chart.mark === "stacked-bars";
  const colourOf = seriesColours(chart, colours);
  const data = chart.series.map((series, i) => ({
    ...(bars ? barTrace(series, colourOf[i], colours) : lineTrace(chart, series, colourOf[i])),
    name: legendName(seriesName(series), width), x: series.x, y: series.y, error_y: errorBars(series, colours.muted),
    hovertext: hoverTexts(chart, series), hoverinfo: "text",
  }));
  const layout = {...baseLayout(colours, width), xaxis: axisLayout(chart.x, colours, width), yaxis: axisLayout(chart.y, colours, width),
                  showlegend: chart.series.length > 1 || Boolean(chart.series[0]?.origin)};
  if (chart.x.log && !chart.x.categories.length) Object.assign(layout.xaxis, valueTicks(chart.series.flatMap((series) => series.x)));
  layout.barmode = chart.mark === "stacked-bars" ? "stack" : "group";
  layout.bargap = 0.3;
  layout.height = 400 + 19 * Math.max(0, Math.ceil(data.length / Math.max(1, Math.floor(width / 190))) - 1);
  return {data, layout};
}

function chartTable(chart) {
  const column = (title, unit) => ({title, unit, filters: false, key: false});
  const columns = [{...column("series", ""), filters: true}, column(chart.x.title || "x", chart.x.unit),
                   column(chart.y.title || "y", chart.y.unit)];
  const spread = chart.series.some((series) => series.low);
  if (spread) columns.push(column("low", chart.y.unit), column("high", chart.y.unit));
  const place = (axis, value) => (axis.categories.length && value !== null ? axis.categories[value] ?? value : value);
  const rows = chart.series.flatMap((series) => series.x.map((x, i) => ({
    origin: series.origin,
    cells: [series.name, place(chart.x, x), place(chart.y, series.y[i]),
            ...(spread ? [series.low?.[i] ?? null, series.high?.[i] ?? null] : [])],
  })));
  return {id: `${chart.id}-figures`, caption: `The figures of: ${chart.caption}`, columns, rows};
}

function chartView(chart, label) {
  return new PlotView(chart, label, "chart", (colours, width) => chartFigure(chart, colours, width), () => chartTable(chart));
}
