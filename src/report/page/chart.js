// Lines, points and bars.

const kSeriesSymbols = ['circle', 'square', 'diamond', 'triangle-up', 'triangle-down', 'hexagon', 'star', 'cross'];

const axisText = (axis, value) =>
    axis.categories.length ? axis.categories[value] ?? String(value) : valueWithUnit(value, axis.unit);

const seriesName = (series) => (series.origin ? `${series.name} (${series.origin})` : series.name);

// Whole sentences of the marks: what the pointer shows.
function hoverTexts(chart, series) {
  return series.y.map((y, i) => {
    const spread = series.low && series.low[i] !== null ?
        ` [${formatNumber(series.low[i])} to ${formatNumber(series.high[i])}]` :
        '';
    return plain(seriesName(series)) + `<br>${plain(axisText(chart.x, series.x[i]))}: ` +
        plain(axisText(chart.y, y) + spread);
  });
}

// Bars with long names lie: their names then stand beside them.
function liesDown(chart, bars, width) {
  const longest = Math.max(0, ...chart.x.categories.map((name) => Math.min(name.length, kLongestTick)));
  return bars && 7 * longest > (width - 70) / Math.max(1, chart.x.categories.length);
}

function errorBars(series, colour) {
  if (!series.low) return undefined;
  const difference = (bounds, sign) =>
      series.y.map((y, i) => (bounds[i] === null || y === null ? 0 : Math.max(0, sign * (bounds[i] - y))));
  return {
    type: 'data',
    symmetric: false,
    array: difference(series.high, 1),
    arrayminus: difference(series.low, -1),
    color: colour,
    thickness: 1.2,
    width: 3
  };
}

function barTrace(series, index, colour, colours) {
  const shape = origins[series.origin]?.pattern ?? kKindPatterns[index % kKindPatterns.length];
  return {
    type: 'bar',
    marker: {
      color: colour,
      line: {color: colour, width: 1},
      pattern: {shape, bgcolor: colours.surface, fgcolor: colour, size: 7, solidity: 0.45, fillmode: 'overlay'},
    }
  };
}

// Shapes tell origins apart; where all series are of one origin, which their dashes and names say, they tell the
// series.
function symbolOf(chart, series, index) {
  const style = origins[series.origin] ?? origins.measured;
  const several = new Set(chart.series.map((one) => one.origin)).size > 1;
  if (several || chart.series.length === 1) return style.symbol;
  return kSeriesSymbols[index % kSeriesSymbols.length] + (style.symbol.endsWith('-open') ? '-open' : '');
}

function lineTrace(chart, series, index, colour) {
  const style = origins[series.origin] ?? origins.measured;
  return {
    type: 'scatter',
    mode: chart.mark === 'points' ? 'markers' : 'lines+markers',
    connectgaps: false,
    line: {color: colour, width: 2, dash: style.dash},
    marker: {
      color: colour,
      symbol: symbolOf(chart, series, index),
      size: series.x.length > 60 ? 4 : 7,
      line: {width: 1.5, color: colour}
    }
  };
}

// Series of one name in two origins share a colour: the dash and the shape tell them apart.
function seriesColours(chart, colours) {
  const names = [...new Set(chart.series.map((series) => series.name))];
  return chart.series.map((series) => colours.series[names.indexOf(series.name) % colours.series.length]);
}

function chartTraces(chart, bars, lies, colours, width) {
  const colourOf = seriesColours(chart, colours);
  return chart.series.map(
      (series, i) => ({
        ...(bars ? barTrace(series, i, colourOf[i], colours) : lineTrace(chart, series, i, colourOf[i])),
        ...(lies ? {orientation: 'h', x: series.y, y: series.x, error_x: errorBars(series, colours.muted)} :
                   {x: series.x, y: series.y, error_y: errorBars(series, colours.muted)}),
        name: legendName(series.name, series.origin, width),
        hovertext: hoverTexts(chart, series),
        hoverinfo: 'text',
      }));
}

// Room for the legend's lines, and for bars that lie.
function chartHeight(chart, lies, width) {
  const lines = Math.ceil(chart.series.length / Math.max(1, Math.floor(width / 190)));
  const stacked = chart.mark === 'stacked-bars';
  const bars = chart.x.categories.length * (stacked ? 34 : 14 + 18 * Math.max(1, chart.series.length));
  return (lies ? Math.min(1400, Math.max(220, 120 + bars)) : 400) + 19 * Math.max(0, lines - 1);
}

function chartFigure(chart, colours, width) {
  const bars = chart.mark === 'bars' || chart.mark === 'stacked-bars';
  const lies = liesDown(chart, bars, width);
  const [x, y] = [chart.x, chart.y].map((axis) => axisLayout(axis, colours, width));
  if (chart.x.categories.length && !bars) x.range = [-0.5, chart.x.categories.length - 0.5];
  if (x.type === 'log') Object.assign(x, logTicks(chart.series.flatMap((series) => series.x)));
  if (y.type === 'log') Object.assign(y, logTicks(chart.series.flatMap((series) => series.y)));
  const layout = {
    ...baseLayout(colours, width),
    xaxis: lies ? y : x,
    yaxis: lies ? {...x, autorange: 'reversed'} : y,
    showlegend: chart.series.length > 1 || Boolean(chart.series[0]?.origin)
  };
  layout.barmode = chart.mark === 'stacked-bars' ? 'stack' : 'group';
  layout.bargap = Math.max(0.3, 1 - chart.x.categories.length / 6);  // a few bars are no walls
  layout.height = chartHeight(chart, lies, width);
  return {data: chartTraces(chart, bars, lies, colours, width), layout};
}

function chartTable(chart) {
  const column = (title, unit) => ({title, unit, filters: false, key: false});
  const columns = [
    {...column('series', ''), filters: true}, column(chart.x.title || 'x', chart.x.unit),
    column(chart.y.title || 'y', chart.y.unit)
  ];
  const spread = chart.series.some((series) => series.low);
  if (spread) columns.push(column('low', chart.y.unit), column('high', chart.y.unit));
  const place = (axis, value) => (axis.categories.length && value !== null ? axis.categories[value] ?? value : value);
  const rows = chart.series.flatMap(
      (series) => series.x.map((x, i) => ({
                                 origin: series.origin,
                                 cells: [
                                   series.name, place(chart.x, x), place(chart.y, series.y[i]),
                                   ...(spread ? [series.low?.[i] ?? null, series.high?.[i] ?? null] : [])
                                 ],
                               })));
  return {id: `${chart.id}-figures`, caption: `The figures of: ${chart.caption}`, columns, rows};
}

function chartView(chart, label) {
  return new PlotView(
      chart, label, 'chart', (colours, width) => chartFigure(chart, colours, width), () => chartTable(chart));
}
