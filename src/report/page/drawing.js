// Drawings: an SVG text, rebuilt from the few elements and attributes that ours have, in a tree of its own so that its
// style stays with it.

const kSvgElements = new Set([
  'svg', 'g', 'rect', 'line', 'path', 'circle', 'ellipse', 'polygon', 'polyline', 'text', 'tspan', 'defs', 'marker',
  'style', 'title', 'desc'
]);
const kSvgAttributes = new Set([
  'x',
  'y',
  'x1',
  'y1',
  'x2',
  'y2',
  'dx',
  'dy',
  'cx',
  'cy',
  'r',
  'rx',
  'ry',
  'd',
  'points',
  'width',
  'height',
  'viewBox',
  'preserveAspectRatio',
  'transform',
  'class',
  'id',
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linejoin',
  'stroke-linecap',
  'opacity',
  'font-size',
  'font-weight',
  'font-family',
  'text-anchor',
  'dominant-baseline',
  'marker-end',
  'marker-start',
  'refX',
  'refY',
  'markerWidth',
  'markerHeight',
  'orient'
]);

const isHarmless = (value) => !/url\s*\(|\\|javascript:|expression/i.test(value) || /^url\(#[\w-]+\)$/.test(value);
const isHarmlessStyle = (text) => !/url\s*\(|@|\\|</i.test(text);

// The element and what is in it without everything that is not listed; null for what may not be at all.
function sanitised(source) {
  if (source.namespaceURI !== 'http://www.w3.org/2000/svg' || !kSvgElements.has(source.localName)) return null;
  const node = svgEl(source.localName);
  for (const {name, value} of source.attributes) {
    if (kSvgAttributes.has(name) && isHarmless(value)) node.setAttribute(name, value);
  }
  if (source.localName === 'style') {
    node.textContent = isHarmlessStyle(source.textContent) ? source.textContent : '';
    return node;
  }
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) node.append(child.data);
    if (child.nodeType === Node.ELEMENT_NODE) node.append(sanitised(child) ?? '');
  }
  return node;
}

function parsedDrawing(text) {
  if (!text || /<!DOCTYPE|<!ENTITY/i.test(text)) return null;
  const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
  return parsed.querySelector('parsererror') ? null : sanitised(parsed.documentElement);
}

class DrawingView {
  constructor(drawing, label) {
    const says = `${label} ${drawing.caption}`;
    this.node = el('figure', {class: 'plot', id: drawing.id, 'data-plot': 'drawing', 'data-drawn': 'false'});
    const svg = parsedDrawing(drawing.svg);
    const box = svg ? this.box(svg, says) : el('pre', {class: 'scroll', tabindex: '0'}, drawing.text);
    const text =
        svg && drawing.text ? fold('As text', () => el('pre', {class: 'scroll', tabindex: '0'}, drawing.text)) : null;
    this.node.append(box, el('figcaption', {}, el('b', {}, label), drawing.caption), text ?? '');
  }

  box(svg, says) {
    const width = parseFloat(svg.getAttribute('width')) || 800;
    svg.removeAttribute('height');
    svg.setAttribute('width', '100%');
    const host = el('div', {role: 'img', 'aria-label': says});
    host.style.maxWidth = `${width}px`;
    host.style.minWidth = `${Math.min(width, 760)}px`;
    host.attachShadow({mode: 'open'}).append(svg);
    return el('div', {class: 'scroll drawing', tabindex: '0', role: 'region', 'aria-label': says}, host);
  }

  async draw() {
    this.node.dataset.drawn = 'true';
  }
  setPrinting() {}
}
