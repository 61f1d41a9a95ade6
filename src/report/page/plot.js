// What all plots share. A plot is a figure of the page that the charting library fills.

const kPlotConfig = {
  displaylogo: false,
  responsive: true,
  showSendToCloud: false,
  showEditInChartStudio: false,
  plotlyServerURL: '',
  topojsonURL: '',
  displayModeBar: false,
};
const kPrintedWidth = 660;
const kLongestTick = 36, kLongestNarrowTick = 18;
const kMostTicks = 24;
const kNarrow = 480;  // pixels: a phone, where a finger on a plot scrolls the page

// The charting library reads a little markup in its texts: none of ours is any.
function plain(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

const shortened = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

// Places 0, 1, … with names; of many every nth.
function categoryTicks(categories, width) {
  const longest = width < kNarrow ? kLongestNarrowTick : kLongestTick;
  const step = Math.ceil(categories.length / kMostTicks);
  const at = categories.map((_, i) => i).filter((i) => i % step === 0);
  return {tickmode: 'array', tickvals: at, ticktext: at.map((i) => plain(shortened(categories[i], longest)))};
}

function axisLayout(axis, colours, width) {
  const layout = {
    title: {text: plain(withUnit(axis.title, axis.unit)), standoff: 10, font: {size: 13}},
    automargin: true,
    ticklabeloverflow: 'allow',
    gridcolor: colours.line,
    linecolor: colours.muted,
    zerolinecolor: colours.line,
    tickcolor: colours.muted,
    ticks: 'outside',
    ticklen: 4,
    showline: true,
  };
  if (axis.categories.length)
    return {...layout, ...categoryTicks(axis.categories, width), showgrid: false, zeroline: false};
  return axis.log ? {...layout, type: 'log', exponentformat: 'SI', minor: {ticks: 'outside', ticklen: 2}} :
                    {...layout, exponentformat: 'SI', separatethousands: true};
}

// A logarithmic axis of a few values that lie apart, such as batches, says those; others say 1, 2, 5 of each decade, or
// decades.
function logTicks(values) {
  const places = [...new Set(values)].filter((value) => value > 0).sort((a, b) => a - b);
  const apart = places.every((value, i) => i === 0 || value >= 1.25 * places[i - 1]);
  if (places.length < 2 || places.length > 12 || !apart || !places.every(Number.isInteger)) {
    return {dtick: places.at(-1) > 300 * places[0] ? 1 : 'D2'};
  }
  return {tickmode: 'array', tickvals: places, ticktext: places.map(formatNumber), minor: {ticks: ''}};
}

function baseLayout(colours, width) {
  return {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    autosize: true,
    height: 400,
    font:
        {family: 'system-ui, -apple-system, \'Segoe UI\', \'DejaVu Sans\', sans-serif', size: 12.5, color: colours.ink},
    margin: {l: width < kNarrow ? 44 : 60, r: 16, t: 12, b: 48},
    hovermode: 'closest',
    dragmode: width < kNarrow ? false : 'zoom',
    hoverlabel: {bgcolor: colours.surface, bordercolor: colours.muted, font: {color: colours.ink}, align: 'left'},
    legend: {
      orientation: 'h',
      yref: 'container',
      y: 0,
      yanchor: 'bottom',
      x: 0,
      xanchor: 'left',
      font: {size: 12},
      traceorder: 'normal'
    },
    uirevision: 'kept',
  };
}

// A name in a legend, which has the plot's width; its origin stays whole.
function legendName(name, origin, width) {
  const word = origin ? ` (${origin})` : '';
  return plain(shortened(name, Math.max(24, Math.floor(width / 9)) - word.length) + word);
}

class PlotView {
  // `make(colours, width)` gives {data, layout} for the charting library; `table` the same figures as a table.
  // `tools` stand below the plot.
  constructor(block, label, kind, make, table, tools = []) {
    this.make = make;
    this.printing = false;
    this.canvas = el('div', {class: 'canvas', role: 'img', 'aria-label': `${label} ${block.caption}`});
    this.problem = el('p', {class: 'problem', hidden: true, role: 'alert'});
    const badge = origins[block.origin] ? originBadge(block.origin) : null;
    this.node =
        el('figure', {class: 'plot', id: block.id, 'data-plot': kind, 'data-drawn': 'false'}, this.canvas, this.problem,
           el('div', {class: 'tools'}, ...tools, ...this.ownTools(block)),
           el('figcaption', {}, el('b', {}, label), block.caption, badge),
           fold('Figures as a table', () => new TableView(table(), '').node));
  }

  ownTools(block) {
    const save = () => Plotly.downloadImage(this.canvas, {format: 'png', scale: 2, filename: block.id});
    return [button('Reset view', () => this.reset()), button('Save image', save)];
  }

  // Everything in view again.
  reset() {
    Plotly.purge(this.canvas);
    return this.draw();
  }

  async draw() {
    try {
      const width = this.printing ? kPrintedWidth : this.canvas.clientWidth;
      const {data, layout} = this.make(themeColours(), width);
      if (this.printing) Object.assign(layout, {width, autosize: false});
      await Plotly.react(this.canvas, data, layout, kPlotConfig);
      this.node.dataset.drawn = 'true';
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.node.dataset.drawn = 'false';
    this.problem.hidden = false;
    this.problem.textContent = `This plot could not be drawn: ${error.message}`;
    console.error(error);
  }

  setPrinting(printing) {
    this.printing = printing;
    this.draw();
  }
}
