// Light and dark: the colours of the style sheet, as the charting library wants them.

const kSchemes = ['auto', 'light', 'dark'];
const colourProbe = el('span', {hidden: true});

// The value that a custom property has now: light and dark share one name.
function themeColour(name) {
  colourProbe.style.color = `var(--${name})`;
  return getComputedStyle(colourProbe).color;
}

function themeColours() {
  const names = ['ink', 'muted', 'line', 'surface', 'page'];
  const colours = Object.fromEntries(names.map((name) => [name, themeColour(name)]));
  colours.series = Array.from({length: 8}, (_, i) => themeColour(`series-${i + 1}`));
  return colours;
}

// A button that goes from the system's scheme to light to dark; `changed` is called after each change, of the system's
// as well.
function schemeButton(changed) {
  let chosen = 0;
  const node = button('', () => {
    chosen = (chosen + 1) % kSchemes.length;
    show();
    changed();
  }, {class: 'quiet scheme'});
  const show = () => {
    document.documentElement.dataset.theme = kSchemes[chosen];
    node.textContent = `Colours: ${kSchemes[chosen]}`;
  };
  show();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  return node;
}
