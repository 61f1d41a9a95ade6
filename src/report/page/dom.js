// Small pieces that every part of the page is made of. Texts come from users' files: they become text nodes and
// attribute values, never markup.

// el("button", {type: "button"}, "Copy"): an element, its attributes (false, null: left out), its children.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svgEl(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function button(label, action, attributes = {}) {
  const node = el('button', {type: 'button', ...attributes}, label);
  node.addEventListener('click', action);
  return node;
}

const fullNumber = new Intl.NumberFormat('en', {maximumSignificantDigits: 15});
const shortNumber = new Intl.NumberFormat('en', {maximumSignificantDigits: 4});
const wholeNumber = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

// Four digits; whole numbers whole; "1.2e-7" where zeros would hide the digits.
function formatNumber(value) {
  if (value === null || value === undefined) return '';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return value.toExponential(2);
  return (size >= 1000 ? wholeNumber : shortNumber).format(value);
}

const withUnit = (title, unit) => (unit ? `${title} (${unit})` : title);
const valueWithUnit = (value, unit) => (unit ? `${formatNumber(value)} ${unit}` : formatNumber(value));

// A fold of the page; `make` gives what is in it when it is first opened.
function fold(summary, make, attributes = {}) {
  const node = el('details', attributes, el('summary', {}, summary));
  node.addEventListener('toggle', () => {
    if (node.open && node.childElementCount === 1) node.append(make());
  });
  return node;
}

// Of areas that no origin tells apart: kinds of spans, parts of a stack.
const kKindPatterns = ['', '/', 'x', '.', '-', '|', '\\', '+'];

// Where a figure comes from: a word, a shape, a dash of lines, a pattern of areas, and what it means.
const origins = {
  measured: {symbol: 'circle', dash: 'solid', stroke: '', pattern: '', says: 'real hardware, real clock'},
  modelled: {symbol: 'triangle-up-open', dash: 'dash', stroke: '7 5', pattern: '/', says: 'a formula; nothing ran'},
  emulated: {
    symbol: 'square-open',
    dash: 'dot',
    stroke: '2 4',
    pattern: '.',
    says: 'it ran, and a formula said how long calls take'
  },
  published:
      {symbol: 'diamond-open', dash: 'dashdot', stroke: '9 4 2 4', pattern: 'x', says: 'somebody else\'s figure'},
};

const originShapes = {
  measured: () => svgEl('circle', {cx: 7, cy: 7, r: 5, fill: 'currentColor'}),
  modelled: () => svgEl('path', {d: 'M7 2 12.5 12H1.5z', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.7}),
  emulated: () =>
      svgEl('rect', {x: 2, y: 2, width: 10, height: 10, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.7}),
  published: () => svgEl('path', {d: 'M7 1 13 7 7 13 1 7z', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.7}),
};

function originIcon(origin) {
  return svgEl('svg', {viewBox: '0 0 14 14', width: 12, height: 12, 'aria-hidden': 'true'}, originShapes[origin]());
}

// The shape and the word.
function originBadge(origin) {
  return origins[origin] ? el('span', {class: `origin ${origin}`}, originIcon(origin), origin) : '';
}
