//! Tables, as far as Markdown has them.

use super::{Element, Frame, Writer, in_a_line};
use crate::translate::html::tokens::Tag;

/// A table with so many places to a cell is none: to fill it up would take more room than it has content. No cell is taken for
/// wider, and none is looked for behind more that reach down to its row.
const MAX_EMPTY: usize = 16;

/// What stands in a row, over how many columns and rows.
pub(super) struct Cell {
    text: String,
    columns: usize,
    rows: usize,
}

/// How many columns and rows a cell takes.
#[derive(Clone, Copy)]
pub(super) struct Span(usize, usize);

impl Span {
    pub fn of(tag: &Tag) -> Self {
        let span = |name: &str| tag.attribute(name).and_then(|span| span.parse().ok()).unwrap_or(1);
        // Over no rows means over all that are left.
        let rows = match span("rowspan") {
            0 => usize::MAX,
            rows => rows,
        };
        Self(span("colspan").clamp(1, MAX_EMPTY), rows)
    }
}

impl Writer {
    pub(super) fn cell(&mut self, text: String, Span(columns, rows): Span) {
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Row(cells), .. }) => cells.push(Cell { text, columns, rows }),
            _ => self.block(&text),
        }
    }

    pub(super) fn row(&mut self, mut cells: Vec<Cell>, stray: &str) {
        if !stray.trim().is_empty() {
            cells.push(Cell { text: stray.to_owned(), columns: 1, rows: 1 });
        }
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Table(rows), .. }) => rows.push(cells),
            _ => cells.iter().for_each(|cell| self.block(&cell.text)),
        }
    }

    /// A table whose rows have one cell each only lays out, and one in another can't be said; their cells are paragraphs.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>], stray: &str) {
        self.block(stray);
        let placed = placed(rows);
        let columns = placed.iter().flatten().map(|(at, _)| at + 1).max().unwrap_or_default();
        let cells = rows.iter().map(Vec::len).sum::<usize>();
        let lays_out = rows.iter().all(|row| row.len() <= 1);
        if lays_out || self.is_in_a_line() || columns * rows.len() > MAX_EMPTY * cells {
            return rows.iter().flatten().for_each(|cell| self.block(&cell.text));
        }
        let line = |row: &Vec<(usize, &Cell)>| {
            let mut cells = vec![String::new(); columns];
            row.iter().for_each(|(at, cell)| cells[*at] = in_a_line(&cell.text));
            format!("| {} |", cells.join(" | "))
        };
        let mut lines = placed.iter().map(line).collect::<Vec<_>>();
        lines.insert(1, format!("|{}", " --- |".repeat(columns)));
        self.block(&lines.join("\n"));
    }
}

/// The cells with the columns they begin in: beside those that reach down from rows above.
fn placed(rows: &[Vec<Cell>]) -> Vec<Vec<(usize, &Cell)>> {
    // Of each column, the row in which it is free again.
    let mut free = Vec::<usize>::new();
    let mut placed = Vec::new();
    for (nth, row) in rows.iter().enumerate() {
        let mut at = 0;
        let mut cells = Vec::new();
        for cell in row {
            let taken = free.iter().skip(at).take(MAX_EMPTY).take_while(|until| **until > nth);
            at += taken.count();
            cells.push((at, cell));
            let end = at + cell.columns;
            free.resize(free.len().max(end), 0);
            free[at..end].fill(nth.saturating_add(cell.rows));
            at = end;
        }
        placed.push(cells);
    }
    placed
}
