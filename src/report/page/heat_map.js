// Values over a grid: a heat map, and the same as a surface where the report asks for one.

const kHeatScale =
    [[0, '#fcfdbf'], [0.2, '#fdae78'], [0.4, '#ee605e'], [0.6, '#b0357b'], [0.8, '#641a80'], [1, '#150e38']];
const kNarrowestText = 42;

const heatText = (map, y, x) => {
  const text = map.texts.length ? map.texts[y][x] : '';
  return text || formatNumber(map.values[y][x]);
};

// Logarithms for the colours, and the numbers that they stand for along the scale.
function heatValues(map) {
  if (!map.log) return {z: map.values, ticks: {}};
  const z = map.values.map((row) => row.map((value) => (value > 0 ? Math.log10(value) : null)));
  const known = z.flat().filter((value) => value !== null);
  const from = Math.floor(Math.min(...known)), to = Math.ceil(Math.max(...known));
  const tickvals = [];
  for (let power = from; power <= to && known.length; ++power) {
    for (const digit of to - from <= 3 ? [1, 2, 5] : [1]) tickvals.push(power + Math.log10(digit));
  }
  return {
    z,
    ticks: {
      tickmode: 'array',
      tickvals,
      ticktext: tickvals.map((value) => formatNumber(Number((10 ** value).toPrecision(1))))
    }
  };
}

function heatHover(map) {
  return map.values.map((row, y) => row.map((value, x) => {
    if (value === null) return '';
    const text = map.texts.length && map.texts[y][x] ? `<br>${plain(map.texts[y][x])}` : '';
    return `${plain(`${map.x.title} ${map.x.categories[x]}, ${map.y.title} ${map.y.categories[y]}`)}<br>` +
        plain(`${map.value_title}: ${valueWithUnit(value, map.value_unit)}`) + text;
  }));
}

function heatTrace(map, colours) {
  const {z, ticks} = heatValues(map);
  const title = withUnit(map.value_title, map.value_unit);
  return {
    z,
    colorscale: kHeatScale,
    colorbar: {title: {text: plain(title), side: 'right'}, thickness: 14, outlinewidth: 0, ...ticks},
    text: heatHover(map),
    hoverinfo: 'text'
  };
}

function heatFigure(map, colours, width) {
  const columns = map.x.categories.length, rows = map.y.categories.length;
  const trace = {...heatTrace(map, colours), type: 'heatmap', xgap: 1, ygap: 1, hoverongaps: false};
  trace.hovertext = trace.text;
  const room = (width - 170) / Math.max(1, columns);
  const longest = Math.max(
      0, ...map.values.flatMap((row, y) => row.map((value, x) => (value === null ? 0 : heatText(map, y, x).length))));
  const fits = rows * columns <= 400 && room >= Math.max(kNarrowestText, 7 * longest);
  trace.text = map.values.map((row, y) => row.map((value, x) => (value === null ? '' : plain(heatText(map, y, x)))));
  if (fits) trace.texttemplate = '%{text}';
  const layout = {
    ...baseLayout(colours, width),
    xaxis: axisLayout(map.x, colours, width),
    yaxis: axisLayout(map.y, colours, width)
  };
  Object.assign(layout, {height: Math.min(900, Math.max(300, 30 * rows + 130)), showlegend: false});
  if (width < kNarrow)
    trace.colorbar = {
      ...trace.colorbar,
      orientation: 'h',
      title: {text: trace.colorbar.title.text, side: 'top'},
      y: 1,
      yanchor: 'bottom'
    };
  return {data: [trace], layout};
}

function surfaceFigure(map, colours, width) {
  const trace = {...heatTrace(map, colours), type: 'surface'};
  const axis = (one) => ({
    title: {text: plain(withUnit(one.title, one.unit))},
    color: colours.ink,
    gridcolor: colours.line,
    ...(one.categories ? categoryTicks(one.categories, width) : {})
  });
  const {ticks} = heatValues(map);
  const layout = {...baseLayout(colours, width), height: width < kNarrow ? 380 : 560, margin: {l: 0, r: 0, t: 0, b: 0}};
  layout.scene = {
    xaxis: axis(map.x),
    yaxis: axis(map.y),
    aspectratio: {x: 1.2, y: 1.2, z: 0.8},
    zaxis: {...axis({title: map.value_title, unit: map.value_unit}), ...ticks},
    camera: {eye: {x: 1.65, y: -1.75, z: 1}, center: {x: 0, y: 0, z: -0.15}}
  };
  return {data: [trace], layout};
}

const canDrawSurfaces = (() => {
  let known = null;
  return () => (known ??= Boolean(document.createElement('canvas').getContext('webgl')));
})();

function heatTable(map) {
  const column = (title, unit, filters) => ({title, unit, filters, key: false});
  const columns = [
    column(map.y.title || 'y', map.y.unit, true), column(map.x.title || 'x', map.x.unit, true),
    column(map.value_title || 'value', map.value_unit, false)
  ];
  if (map.texts.length) columns.push(column('note', '', false));
  const rows = map.values.flatMap(
      (row, y) => row.map(
          (value, x) => ({
            origin: map.origin,
            cells: [map.y.categories[y], map.x.categories[x], value, ...(map.texts.length ? [map.texts[y][x]] : [])],
          })));
  return {
    id: `${map.id}-figures`,
    caption: `The figures of: ${map.caption}`,
    columns,
    rows: rows.filter((row) => row.cells[2] !== null)
  };
}

function heatMapView(map, label) {
  let surface = false;
  const toggle = button('Show as a surface', async () => {
    surface = !surface && canDrawSurfaces();
    toggle.textContent = surface ? 'Show as a heat map' : 'Show as a surface';
    if (!surface && !canDrawSurfaces()) toggle.textContent = 'No surface: this browser has no WebGL';
    view.node.dataset.plot = surface ? 'surface' : 'heat-map';
    view.node.dataset.drawn = 'false';
    await view.reset();
  }, {'data-toggle': 'surface'});
  const make = (colours, width) => (surface ? surfaceFigure : heatFigure)(map, colours, width);
  const view = new PlotView(map, label, 'heat-map', make, () => heatTable(map), map.surface ? [toggle] : []);
  return view;
}
