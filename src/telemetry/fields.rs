//! A span's fields as JSON.

use std::fmt::{self, Debug};

use serde::Serialize;
use tracing::{
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, FormattedFields, format::Writer},
};

/// Writes them as they come. `JsonFields` holds them as values first, and reads all again with each that is added: at every
/// request, though few have a line.
pub struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        Object { writer, behind: "", written: Ok(()) }.end(fields)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        current.fields.pop();
        let behind = if current.fields.len() > 1 { "," } else { "" };
        Object { writer: current.as_writer(), behind, written: Ok(()) }.end(fields)
    }
}

struct Object<'w> {
    writer: Writer<'w>,
    /// What parts the next field from the one before.
    behind: &'static str,
    written: fmt::Result,
}

impl Object<'_> {
    fn end(mut self, fields: impl RecordFields) -> fmt::Result {
        fields.record(&mut self);
        self.written?;
        self.writer.write_char('}')
    }

    fn put(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        let behind = std::mem::replace(&mut self.behind, ",");
        self.written = self.written.and_then(|()| {
            let value = serde_json::to_string(value).map_err(|_| fmt::Error)?;
            write!(self.writer, "{behind}\"{}\":{value}", field.name())
        });
    }
}

impl Visit for Object<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }
}
