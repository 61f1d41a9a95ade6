// The page: reads the report, builds it section by section, then loads the charting library and draws.

const kWaitBetweenPlots_ms = 0;

// Text that was compressed by gzip and written in base64.
async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

async function loadLibrary() {
  const script = el('script');
  script.textContent = await unpacked(document.getElementById('consort:library').textContent.trim());
  document.head.append(script);
}

// Copies where the browser lets a page do that; selects the text otherwise.
async function copyText(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand('copy');
  }
}

function commandBlock(command) {
  const code = el('code', {tabindex: '0'}, command);
  const says = el('span', {class: 'visually-hidden', role: 'status'});
  const copy = button('Copy', async () => {
    const copied = await copyText(command, code);
    copy.textContent = copied ? 'Copied' : 'Selected';
    says.textContent = copied ? 'The command was copied.' : 'The command is selected.';
    setTimeout(() => {
      copy.textContent = 'Copy';
    }, 2000);
  }, {'aria-label': 'Copy the command'});
  return el('div', {class: 'command'}, el('span', {class: 'label'}, 'Made by'), code, copy, says);
}

function environmentList(environment) {
  const entries = environment.flatMap(({name, value}) => [el('div', {}, el('dt', {}, name), el('dd', {}, value))]);
  return el('dl', {class: 'environment', 'aria-label': 'Environment'}, ...entries);
}

// The origins that occur in the report, with their shape, dash and meaning.
function originLegend(report) {
  const text = JSON.stringify(report.sections);
  const present = Object.keys(origins).filter((origin) => text.includes(`"origin":"${origin}"`));
  if (!present.length) return null;
  const entries = present.map((origin) => {
    const dash = svgEl('line', {
      x1: 1,
      y1: 5,
      x2: 39,
      y2: 5,
      stroke: 'currentColor',
      'stroke-width': 2,
      'stroke-dasharray': origins[origin].stroke
    });
    return el(
        'li', {}, originBadge(origin),
        svgEl('svg', {width: 40, height: 10, viewBox: '0 0 40 10', 'aria-hidden': 'true'}, dash),
        el('span', {class: 'says'}, origins[origin].says));
  });
  return el('ul', {class: 'legend', 'aria-label': 'Where figures come from'}, ...entries);
}

function downloadButton(text, name) {
  return button('Data (JSON)', () => {
    const link = el('a', {href: URL.createObjectURL(new Blob([text], {type: 'application/json'})), download: name});
    link.click();
    URL.revokeObjectURL(link.href);
  }, {class: 'quiet'});
}

function contents(report) {
  const links = report.sections.map((section) => el('li', {}, el('a', {href: `#${section.id}`}, section.title)));
  return el(
      'nav', {class: 'contents', 'aria-labelledby': 'consort:contents'}, el('h2', {id: 'consort:contents'}, 'Contents'),
      el('ol', {}, ...links));
}

// Numbers the tables and figures of the report, and keeps what must be drawn.
class Blocks {
  constructor() {
    this.figures = 0;
    this.tables = 0;
    this.views = [];
  }

  node(block) {
    if (block.kind === 'paragraph') return el('p', {}, block.text);
    const view = this.view(block);
    this.views.push(view);
    return view.node;
  }

  view(block) {
    if (block.kind === 'table') return new TableView(block, `Table ${++this.tables}. `);
    const label = `Figure ${++this.figures}. `;
    if (block.kind === 'chart') return chartView(block, label);
    if (block.kind === 'heat-map') return heatMapView(block, label);
    if (block.kind === 'time-line') return new TimeLineView(block, label);
    return new DrawingView(block, label);
  }

  async drawAll() {
    for (const view of this.views) {
      if (!view.draw) continue;
      await view.draw();
      await new Promise((done) => setTimeout(done, kWaitBetweenPlots_ms));
    }
  }

  fail(error) {
    for (const view of this.views) view.fail?.(error);
  }

  setPrinting(printing) {
    for (const view of this.views) view.setPrinting(printing);
  }
}

function sectionNode(section, blocks) {
  const heading = `${section.id}-heading`;
  return el(
      'section', {id: section.id, 'aria-labelledby': heading}, el('h2', {id: heading}, section.title),
      ...section.blocks.map((block) => blocks.node(block)));
}

function headerNode(report, text, redraw) {
  const tools = el('div', {class: 'page-tools'}, downloadButton(text, 'report.json'), schemeButton(redraw));
  return el(
      'header', {}, el('div', {class: 'top'}, el('p', {class: 'brand'}, 'consort'), tools), el('h1', {}, report.title),
      report.verdict ? el('p', {class: 'verdict'}, report.verdict) : null,
      report.date ? el('p', {class: 'date'},
                       el('time', {datetime: report.date}, report.date.replace('T', ' ').replace('Z', ' UTC'))) :
                    null,
      report.command ? commandBlock(report.command) : null,
      report.environment.length ? environmentList(report.environment) : null, originLegend(report));
}

async function show() {
  const text = document.getElementById('consort:data').textContent;
  const report = JSON.parse(text);
  const blocks = new Blocks();
  let ready = false;
  const redraw = () => ready && blocks.drawAll();
  document.body.append(
      colourProbe, el('a', {class: 'skip', href: '#consort:main'}, 'Skip to the results'),
      headerNode(report, text, redraw),
      el('div', {class: 'columns'}, contents(report),
         el('main', {id: 'consort:main', tabindex: '-1'},
            ...report.sections.map((section) => sectionNode(section, blocks)))));
  matchMedia('print').addEventListener('change', (media) => ready && blocks.setPrinting(media.matches));
  try {
    await loadLibrary();
  } catch (error) {
    blocks.fail(new Error(`the charting library did not start (${error.message}); a newer browser may be needed`));
    return;
  }
  ready = true;
  await blocks.drawAll();
  document.documentElement.dataset.ready = 'true';
}

await show();
