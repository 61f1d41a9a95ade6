// What devices did when. Of very many spans those that the window cannot tell apart are drawn as one.

const kUsualKinds = ['run', 'transfer', 'conversion', 'wait'];  // these come first, and look the same in every report
const kFinestParts = 1500;  // of the window: spans and gaps shorter than one part are joined

// Spans of one kind by lane and time, as {lane, begin, end, labels}, within the window and as fine as it can show.
function visibleSpans(spans, [from, to]) {
  const finest = (to - from) / kFinestParts;
  const merged = [];
  let last = null;
  for (const span of spans) {
    if (span.end_s < from || span.begin_s > to) continue;
    const joins = last && last.lane === span.lane && span.begin_s - last.end < finest &&
        span.end_s - span.begin_s < finest && last.end - last.begin < 3 * finest;
    if (joins) {
      last.end = Math.max(last.end, span.end_s);
      ++last.count;
    } else {
      last = {lane: span.lane, begin: span.begin_s, end: span.end_s, label: span.label, count: 1};
      merged.push(last);
    }
  }
  return merged;
}

// The unit in which the numbers of the axis are short.
function timeUnit(seconds) {
  if (seconds >= 1) return {unit: 's', factor: 1};
  return seconds >= 1e-3 ? {unit: 'ms', factor: 1e3} : {unit: 'µs', factor: 1e6};
}

function groupedByKind(line) {
  const usual = kUsualKinds.filter((kind) => line.spans.some((span) => span.kind === kind));
  const kinds = new Map(usual.map((kind) => [kind, []]));
  for (const span of line.spans) {
    if (!kinds.has(span.kind)) kinds.set(span.kind, []);
    kinds.get(span.kind).push(span);
  }
  for (const spans of kinds.values()) spans.sort((a, b) => a.lane - b.lane || a.begin_s - b.begin_s);
  return kinds;
}

class TimeLineView extends PlotView {
  constructor(line, label) {
    const begin = line.spans.reduce((least, span) => Math.min(least, span.begin_s), Infinity);
    const end = line.spans.reduce((most, span) => Math.max(most, span.end_s), -Infinity);
    super(line, label, 'time-line', (colours, width) => this.figure(colours, width), () => this.figures());
    this.line = line;
    this.kinds = groupedByKind(line);
    this.whole = line.spans.length ? [begin, Math.max(end, begin + 1e-9)] : [0, 1];
    this.window = [...this.whole];
    this.scale = timeUnit(this.whole[1] - this.whole[0]);
    this.node.querySelector('.tools').prepend(...this.buttons());
  }

  buttons() {
    const by = (name, change) => button(name, () => this.show(change(this.window[0], this.window[1])));
    return [
      by('Zoom in', (a, b) => [a + (b - a) / 4, b - (b - a) / 4]),
      by('Zoom out', (a, b) => [a - (b - a) / 2, b + (b - a) / 2]),
      by('Earlier', (a, b) => [a - (b - a) / 3, b - (b - a) / 3]),
      by('Later', (a, b) => [a + (b - a) / 3, b + (b - a) / 3])
    ];
  }

  reset() {
    return this.show(this.whole);
  }

  // Shows a window of time, in seconds.
  async show([from, to]) {
    const length = Math.min(to - from, this.whole[1] - this.whole[0]);
    const begin = Math.min(Math.max(from, this.whole[0]), this.whole[1] - length);
    this.window = [begin, begin + length];
    await this.draw();
  }

  async draw() {
    await super.draw();
    if (this.listens || !this.canvas.on) return;
    this.listens = true;
    this.canvas.on('plotly_relayout', (change) => this.relaid(change));
  }

  // The reader dragged or reset the window.
  relaid(change) {
    if (change['xaxis.autorange']) return this.show(this.whole);
    const from = change['xaxis.range[0]'], to = change['xaxis.range[1]'];
    if (from === undefined || to === undefined) return null;
    return this.show([from / this.scale.factor + this.whole[0], to / this.scale.factor + this.whole[0]]);
  }

  // A time as the axis has it.
  at(seconds) {
    return (seconds - this.whole[0]) * this.scale.factor;
  }

  figure(colours, width) {
    const {unit} = this.scale;
    const data = [...this.kinds].map(([kind, spans], i) => this.trace(kind, spans, i, colours, width));
    const axis = {title: 'time', unit, log: false, categories: []};
    const layout = {...baseLayout(colours, width), barmode: 'overlay', bargap: 0.25, showlegend: true};
    layout.xaxis = {
      ...axisLayout(axis, colours, width),
      range: this.window.map((seconds) => this.at(seconds)),
      autorange: false
    };
    layout.yaxis = {
      ...axisLayout({title: '', unit: '', log: false, categories: this.line.lanes}, colours, width),
      range: [this.line.lanes.length - 0.5, -0.5],
      fixedrange: true
    };
    layout.height = 150 + 34 * this.line.lanes.length;
    layout.uirevision = `${this.window}`;
    return {data, layout};
  }

  trace(kind, spans, index, colours, width) {
    const at = (seconds) => this.at(seconds);
    const shown = visibleSpans(spans, this.window);
    const colour = colours.series[index % colours.series.length];
    const says = (span) => plain(span.count > 1 ? `${span.count} × ${kind}` : `${kind}: ${span.label}`) + '<br>' +
        plain(`${formatNumber(at(span.begin))} to ${formatNumber(at(span.end))} ${this.scale.unit}`);
    return {
      type: 'bar',
      orientation: 'h',
      name: legendName(kind, '', width),
      y: shown.map((span) => span.lane),
      base: shown.map((span) => at(span.begin)),
      x: shown.map((span) => at(span.end) - at(span.begin)),
      width: 0.72,
      hovertext: shown.map(says),
      hoverinfo: 'text',
      marker: {
        color: colour,
        line: {color: colours.surface, width: shown.length > 400 ? 0 : 0.6},
        pattern: {
          shape: kKindPatterns[index % kKindPatterns.length],
          bgcolor: colours.surface,
          fgcolor: colour,
          size: 6,
          solidity: 0.6,
          fillmode: 'overlay'
        }
      },
    };
  }

  figures() {
    const {unit, factor} = this.scale;
    const column = (title, of, filters) => ({title, unit: of, filters, key: false});
    const rows = this.line.spans.map((span) => ({
                                       origin: '',
                                       cells: [
                                         this.line.lanes[span.lane], span.kind, span.label, this.at(span.begin_s),
                                         (span.end_s - span.begin_s) * factor
                                       ],
                                     }));
    return {
      id: `${this.line.id}-figures`,
      caption: `The spans of: ${this.line.caption}`,
      rows,
      columns: [
        column('lane', '', true), column('kind', '', true), column('what', '', false), column('begin', unit, false),
        column('duration', unit, false)
      ]
    };
  }
}
