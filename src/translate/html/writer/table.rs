//! Tables, as far as Markdown has them.

use super::{Element, Frame, Writer, flat};

/// A table with so many places to a cell is none: to fill it up would take more room than it has content.
const MAX_EMPTY: usize = 16;

impl Writer {
    pub(super) fn cell(&mut self, text: String) {
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Row(cells), .. }) => cells.push(text),
            _ => self.block(&text),
        }
    }

    pub(super) fn row(&mut self, mut cells: Vec<String>, stray: &str) {
        if !stray.trim().is_empty() {
            cells.push(stray.to_owned());
        }
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Table(rows), .. }) => rows.push(cells),
            _ => cells.iter().for_each(|cell| self.block(cell)),
        }
    }

    /// A table whose rows have one cell each only lays out, and one in another can't be said; their cells are paragraphs.
    pub(super) fn table(&mut self, rows: &[Vec<String>], stray: &str) {
        self.block(stray);
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let cells = rows.iter().map(Vec::len).sum::<usize>();
        let within = self.is_inside(|kind| matches!(kind, Element::Cell));
        if columns <= 1 || within || columns * rows.len() > MAX_EMPTY * cells {
            return rows.iter().flatten().for_each(|cell| self.block(cell));
        }
        let line = |row: &Vec<String>| {
            let cells = (0..columns).map(|at| row.get(at).map(|cell| flat(cell)).unwrap_or_default());
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut lines = rows.iter().map(line).collect::<Vec<_>>();
        lines.insert(1, format!("|{}", " --- |".repeat(columns)));
        self.block(&lines.join("\n"));
    }
}
