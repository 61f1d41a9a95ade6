// Tables: sorted by a button in each header, narrowed by words and choices, shown a page at a time.

const kPageRows = 100;
const kMostPrinted = 2000;
const kMostChoices = 60;
const kShortText = 44;  // characters that stay in one line
const kShortTitle = 18;
const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

function compareCells(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

// Rows in the order of one column; empty cells last either way. `sort` is {column, descending} or null.
function sortedRows(rows, sort) {
  if (!sort) return rows;
  const value = (row) => (sort.column < 0 ? row.origin : row.cells[sort.column]);
  return [...rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === null || y === null) return (x === null) - (y === null);
    return sort.descending ? compareCells(y, x) : compareCells(x, y);
  });
}

const cellText = (cell) => (cell === null ? '' : typeof cell === 'number' ? formatNumber(cell) : cell);

function rowMatches(row, words, choices) {
  for (const [column, choice] of choices) {
    if (choice !== '' && (column < 0 ? row.origin : cellText(row.cells[column])) !== choice) return false;
  }
  if (!words.length) return true;
  const text = `${row.cells.map(cellText).join('\u0000')}\u0000${row.origin}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

class TableView {
  // table: as in the report's JSON. The view is `node`.
  constructor(table, label) {
    this.table = table;
    this.sort = null;
    this.page = 0;
    this.words = [];
    this.choices = new Map();
    this.printing = false;
    this.showsOrigin = table.rows.some((row) => row.origin);
    this.filled = table.columns.map(
        (_, i) => !table.rows.length || table.rows.some((row) => row.cells[i] !== null && row.cells[i] !== ''));
    this.numeric = table.columns.map((_, i) => table.rows.some((row) => typeof row.cells[i] === 'number'));
    this.shown = this.columns();
    this.node = this.build(label);
    this.update();
  }

  build(label) {
    const captionId = `${this.table.id}-caption`;
    this.head = el('tr', {}, ...this.shown.map((column) => this.headerCell(column)));
    this.body = el('tbody');
    this.count = el('p', {class: 'count', role: 'status'});
    this.pager = el('div', {class: 'pager', role: 'group', 'aria-label': 'Pages of the table'});
    const caption = el('p', {class: 'caption', id: captionId}, el('b', {}, label), this.table.caption);
    const grid = el('table', {'aria-labelledby': captionId}, el('thead', {}, this.head), this.body);
    const box = el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': captionId}, grid);
    return el(
        'div', {class: 'table', id: this.table.id, 'data-table': this.table.id}, caption, this.controls(), box,
        el('div', {class: 'below'}, this.count, this.pager));
  }

  // What is shown: columns in which anything stands, the origin behind those that name the row.
  columns() {
    const columns =
        this.table.columns.map((column, index) => ({...column, index})).filter((column) => this.filled[column.index]);
    if (!this.showsOrigin) return columns;
    const others = columns.findIndex((column) => !column.key);
    const at = others < 0 ? columns.length : Math.max(1, others);
    columns.splice(at, 0, {title: 'origin', unit: '', index: -1, filters: false, key: false});
    return columns;
  }

  headerCell(column) {
    const unit = column.unit ? el('span', {class: 'unit'}, column.unit) : '';
    const sorter = button('', () => this.sortBy(column.index), {class: 'sort'});
    sorter.append(
        el('span', {class: column.title.length > kShortTitle ? 'long-title' : 'title'}, column.title), unit,
        el('span', {class: 'arrow', 'aria-hidden': 'true'}));
    const numeric = column.index >= 0 && this.numeric[column.index];
    return el('th', {scope: 'col', 'aria-sort': 'none', class: numeric ? 'number' : null}, sorter);
  }

  controls() {
    const parts = [];
    if (this.table.rows.length > 12) parts.push(this.searchBox());
    for (const column of this.shown) {
      if (column.filters || column.index < 0) parts.push(this.choiceBox(column));
    }
    const made = parts.filter(Boolean);
    return made.length ? el('div', {class: 'controls', role: 'search', 'aria-label': 'Choose rows'}, ...made) : null;
  }

  searchBox() {
    const input = el('input', {type: 'search', autocomplete: 'off', spellcheck: 'false'});
    input.addEventListener('input', () => {
      this.words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.restart();
    });
    return el('label', {}, el('span', {}, 'words'), input);
  }

  // A list of the column's values; a column of one value, or of very many, has none.
  choiceBox(column) {
    const values =
        new Set(this.table.rows.map((row) => (column.index < 0 ? row.origin : cellText(row.cells[column.index]))));
    values.delete('');
    if (values.size < 2 || values.size > kMostChoices) return null;
    const options = [...values].sort(collator.compare).map((value) => el('option', {value}, value));
    const select = el('select', {'data-filter': column.title}, el('option', {value: ''}, 'all'), ...options);
    select.addEventListener('change', () => {
      this.choices.set(column.index, select.value);
      this.restart();
    });
    return el('label', {}, el('span', {}, column.title), select);
  }

  sortBy(column) {
    const again = this.sort && this.sort.column === column;
    this.sort = {column, descending: again ? !this.sort.descending : false};
    this.restart();
  }

  restart() {
    this.page = 0;
    this.update();
  }

  setPrinting(printing) {
    this.printing = printing;
    this.update();
  }

  update() {
    const chosen = this.table.rows.filter((row) => rowMatches(row, this.words, this.choices));
    const rows = sortedRows(chosen, this.sort);
    const size = this.printing ? kMostPrinted : kPageRows;
    const pages = Math.max(1, Math.ceil(rows.length / size));
    const page = this.printing ? 0 : Math.min(this.page, pages - 1);
    const begin = page * size;
    const shown = rows.slice(begin, begin + size);
    this.body.replaceChildren(...shown.map((row) => this.row(row)));
    this.shown.forEach((column, i) => this.head.children[i].setAttribute('aria-sort', this.ariaSort(column.index)));
    this.count.textContent = this.describe(begin, shown.length, rows.length);
    this.pager.replaceChildren(...(pages > 1 ? this.pageButtons(page, pages) : []));
  }

  ariaSort(column) {
    if (!this.sort || this.sort.column !== column) return 'none';
    return this.sort.descending ? 'descending' : 'ascending';
  }

  describe(begin, shown, chosen) {
    const all = this.table.rows.length;
    const of = chosen < all ? ` (chosen of ${formatNumber(all)})` : '';
    if (!chosen) return all ? `No row fits the choice${of}.` : 'No rows.';
    if (shown === chosen && chosen === all && all <= 12) return '';
    if (shown === chosen) return `${formatNumber(chosen)} rows${of}`;
    return `Rows ${formatNumber(begin + 1)} to ${formatNumber(begin + shown)} of ${formatNumber(chosen)}${of}`;
  }

  pageButtons(page, pages) {
    const go = (label, to) => {
      const node = button(label, () => {
        this.page = to;
        this.update();
        const same = [...this.pager.children].find((one) => one.textContent === label);
        if (same && !same.disabled) same.focus();
      });
      node.disabled = to < 0 || to >= pages || to === page;
      return node;
    };
    return [
      go('First', 0), go('Previous', page - 1), el('span', {}, `${page + 1} / ${pages}`), go('Next', page + 1),
      go('Last', pages - 1)
    ];
  }

  row(row) {
    return el(
        'tr', {},
        ...this.shown.map(
            (column) =>
                (column.index < 0 ? el('td', {}, originBadge(row.origin)) :
                                    this.cell(row.cells[column.index], column, this.numeric[column.index]))));
  }

  cell(cell, column, numeric) {
    const kind = numeric ? 'number' : cellText(cell).length <= kShortText ? 'short' : 'long';
    const attributes = {class: kind, title: typeof cell === 'number' ? fullNumber.format(cell) : null};
    return column.key ? el('th', {scope: 'row', ...attributes}, cellText(cell)) : el('td', attributes, cellText(cell));
  }
}
